import pytest

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.system import system_properties
from ivmweb.system.changes import Asked, fingerprint
from ivmweb.system.models import AuditEvent, ManagedSystem
from ivmweb.system.system_properties import GENERAL, MB, MOBILITY, read


@pytest.fixture
def change(uli13, padmin):
    def act(names, seen="", **wanted):
        return system_properties.change(names, Asked(wanted, padmin, "127.0.0.1", seen))

    return act


def refusal(act, *args, **kwargs):
    before = ManagedSystem.objects.values(*MOBILITY, "name", "attention_led").get()
    with pytest.raises(PrerequisiteFailed) as caught:
        act(*args, **kwargs)
    assert ManagedSystem.objects.values(*MOBILITY, "name", "attention_led").get() == before
    assert not MonitorTask.objects.exists()
    return caught.value


def test_all_properties_of_mobility_change_at_once(change):
    wanted = {
        "active_mobility_capable": False,
        "inactive_mobility_capable": False,
        "active_migrations_supported": 8,
        "inactive_migrations_supported": 64,
        "migration_bandwidth_bytes_per_s": 100 * MB,
        "allowed_suspension_ms": 500,
        "slow_partition": True,
        "suspend_anyway": True,
    }
    assert change(MOBILITY, **wanted)
    assert read(ManagedSystem.objects.get(), MOBILITY) == wanted
    task = MonitorTask.objects.get()
    assert (task.name, task.status) == ("Change System Properties", TaskStatus.SUCCEEDED)
    assert task.lines.count() == len(wanted)
    assert AuditEvent.objects.get().outcome == "accepted"


def test_the_system_gets_another_name(change):
    assert change(GENERAL, system_name="Server-of-the-lab", attention_led=True)
    system = ManagedSystem.objects.get()
    assert (system.name, system.attention_led, system.identity) == ("Server-of-the-lab", True, "7998-61X*100390A")


def test_asking_for_what_is_so_changes_nothing(change):
    assert not change(MOBILITY, allowed_suspension_ms=100)
    assert not MonitorTask.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("active_migrations_supported", 9),
        ("active_migrations_supported", -1),
        ("inactive_migrations_supported", 65),
        ("allowed_suspension_ms", 9),
        ("allowed_suspension_ms", 30_001),
    ],
)
def test_values_of_mobility_have_bounds(change, name, value):
    assert refusal(change, MOBILITY, **{name: value}).key == "value-out-of-range"


@pytest.mark.parametrize("value", [1, -MB, 100_001 * MB])
def test_the_refusal_of_a_bandwidth_says_that_0_is_no_limit(change, value):
    error = refusal(change, MOBILITY, migration_bandwidth_bytes_per_s=value)
    assert error.key == "bandwidth-out-of-range"
    assert "0 (no limit)" in str(error)


@pytest.mark.parametrize("name", ["", "x" * 65, "<script>", "7998-61X*100390A"])
def test_a_system_name_that_is_not_usable(change, name):
    assert refusal(change, GENERAL, system_name=name).key == "name-not-usable"


def test_zero_means_no_bandwidth_limit(change):
    change(MOBILITY, migration_bandwidth_bytes_per_s=0)
    assert ManagedSystem.objects.get().migration_bandwidth_bytes_per_s == 0


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(change):
    seen = fingerprint(read(ManagedSystem.objects.get(), MOBILITY))
    ManagedSystem.objects.update(allowed_suspension_ms=200)
    error = refusal(change, MOBILITY, seen, allowed_suspension_ms=100)
    assert error.key == "properties-changed-meanwhile"


def test_a_view_only_user_changes_nothing(uli13, viewer):
    asked = Asked({"attention_led": True}, viewer, "127.0.0.1")
    assert refusal(system_properties.change, GENERAL, asked).key == "no-right"
