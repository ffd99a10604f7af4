"""Each scenario makes what its help says and nothing stays of it."""

import io
import json
from dataclasses import asdict

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from ivmweb.common.certificates import make_certificate
from ivmweb.hypervisor.base import OwnerWord
from ivmweb.lab import changed_settings, clock, data
from ivmweb.lab.following import reader
from ivmweb.lab.scenarios import SCENARIOS, NotPossible, Where, run, undo
from ivmweb.system import services
from ivmweb.system.inventory import take_inventory
from ivmweb.system.models import (
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    PhysicalAdapter,
    PhysicalVolume,
    StoragePool,
    VirtualEthernet,
    VirtualTargetDevice,
)
from migration.models import RemoteSystem
from tests.factories import make_system
from tests.migration.conftest import remote_system

ON_SOURCE, ON_DESTINATION, ON_EITHER = (
    {name for name, made in SCENARIOS.items() if made.where is where} - {"lun-foreign"} for where in Where
)
REFUSED_ON_SOURCE = (
    *("names-taken", "name-taken", "lun-missing", "lun-size", "lun-unreadable", "remains"),
    *("mac-taken", "id-taken", "lun-mapped"),
)
VALUES = {"hot-workload": 100.0}


@pytest.fixture(autouse=True)
def state_dir(settings, tmp_path, monkeypatch):
    """As the lab's: the hypervisor's folder is there, and the environment says where the lab is."""
    settings.STATE_DIR = tmp_path / "uli13"
    (settings.STATE_DIR / "hypervisor").mkdir(parents=True)
    settings.CERTIFICATE = settings.STATE_DIR / "console.crt"
    settings.CERTIFICATE.write_text(make_certificate("uli13").certificate)
    monkeypatch.setenv("IVM_LAB_SAN_DIR", "/nowhere/san")
    return settings.STATE_DIR


@pytest.fixture
def uli14(db, hypervisor, settings):
    settings.CONSOLE = "uli14"
    system = make_system(data.ULI14)
    remote_system(data.ULI13)
    return system


def test_what_a_scenario_made_goes_though_its_lun_belongs_to_somebody_else(uli14, hypervisor):
    run("lun-mapped")
    made = LogicalPartition.objects.get(name="mapped")
    owner = OwnerWord("2ede5eba-0000-4000-8000-000000000000", data.ULI13.identity)
    hypervisor.runs[made.lpar_id].words = [owner]
    undo("lun-mapped")
    assert not LogicalPartition.objects.filter(name="mapped").exists()
    assert ("change_owner_words", made.lpar_id) not in hypervisor.calls


def everything(hypervisor):
    """All that a scenario may touch, as values."""
    models = (
        LogicalPartition,
        ManagedSystem,
        PhysicalVolume,
        PhysicalAdapter,
        VirtualEthernet,
        VirtualTargetDevice,
        StoragePool,
        LogicalVolume,
        RemoteSystem,
    )
    rows = {
        model.__name__: sorted(
            str({k: v for k, v in row.items() if k not in {"id", "epoch", "physical_volume_id"}})
            for row in model.objects.values()
        )
        for model in models
    }
    folder = settings.STATE_DIR / "hypervisor"
    faults = {path.name: path.read_text() for path in folder.glob("*.json") if path.read_text() != "{}"}
    rows["clock"] = [str(reader(settings.STATE_DIR / clock.NAME, float, 0.0)())]
    rows["settings"] = [str(reader(settings.STATE_DIR / changed_settings.NAME, json.loads, {})())]
    return rows | faults, {key: asdict(run.definition) for key, run in hypervisor.runs.items()}


@pytest.mark.parametrize("name", sorted(ON_SOURCE | ON_EITHER))
def test_on_the_source_nothing_stays_after_the_undo(name, uli13lp1, uli13lp2, hypervisor):
    ManagedSystem.objects.update(migration_bandwidth_bytes_per_s=data.BANDWIDTH_BYTES_PER_S)
    before = everything(hypervisor)
    run(name, VALUES.get(name))
    assert (everything(hypervisor) != before) is (name not in {"calm"})
    run(name, VALUES.get(name))
    undo(name)
    undo(name)
    assert everything(hypervisor) == before


@pytest.mark.parametrize("name", sorted(ON_DESTINATION | ON_EITHER - {"calm", "no-limit"}))
def test_on_the_destination_nothing_stays_after_the_undo(name, uli14, hypervisor):
    before = everything(hypervisor)
    run(name)
    assert everything(hypervisor) != before
    run(name)
    undo(name)
    undo(name)
    assert everything(hypervisor) == before


def test_many_without_room_for_all_makes_none(uli13lp1, hypervisor):
    ManagedSystem.objects.update(free_memory_mb=5 * 128)
    before = everything(hypervisor)
    with pytest.raises(NotPossible, match="It needs 1024 MB"):
        run("many")
    assert everything(hypervisor) == before


@pytest.mark.parametrize("name", REFUSED_ON_SOURCE)
def test_what_only_the_destination_can_show_is_refused_on_the_source(name, uli13lp1, hypervisor):
    before = everything(hypervisor)
    with pytest.raises(NotPossible, match="other console"):
        run(name)
    assert everything(hypervisor) == before


@pytest.mark.parametrize("name", sorted(ON_SOURCE))
def test_what_only_the_source_can_show_is_refused_on_the_destination(name, uli14):
    with pytest.raises(NotPossible, match="other console"):
        run(name, VALUES.get(name))


def test_names_taken_takes_the_names_of_the_example(uli14):
    run("names-taken")
    partition = LogicalPartition.objects.exclude(lpar_id=1).get()
    assert partition.state == "Not Activated"
    adapter = partition.server_adapters.get()
    assert (adapter.name, [str(device) for device in adapter.target_devices.all()]) == ("vhost0", ["vtscsi0"])


def test_names_taken_leaves_nothing_for_the_inventory_to_repair(uli14):
    run("names-taken")
    assert take_inventory() == []


def test_after_not_enough_memory_one_region_is_free(uli14):
    run("not-enough-memory")
    assert ManagedSystem.objects.get().free_memory_mb == 16


def test_after_not_enough_units_no_tenth_is_free(uli14):
    run("not-enough-units")
    assert str(ManagedSystem.objects.get().free_units) == "0.05"


def test_hdisks_shuffled_renames_disks_and_keeps_luns(uli13lp1):
    luns = services.definition_of(uli13lp1).luns
    run("hdisks-shuffled")
    assert PhysicalVolume.objects.get(unique_id=data.unique_id(2)).name == "hdisk10"
    assert services.definition_of(uli13lp1).luns == luns


def test_no_rmc_silences_the_operating_system_too(uli13lp1, state_dir):
    faults = state_dir / "hypervisor" / "faults.json"
    faults.write_text('{"fail_load": true}')
    run("no-rmc")
    uli13lp1.refresh_from_db()
    assert uli13lp1.rmc_state == "inactive"
    assert json.loads(faults.read_text()) == {"fail_load": True, "rmc": "silent"}
    undo("no-rmc")
    assert json.loads(faults.read_text()) == {"fail_load": True}


def test_hot_workload_writes_as_fast_as_asked(uli13lp1, hypervisor):
    run("hot-workload", 120)
    assert hypervisor.runs[2].definition.workload_bytes_per_s == 120 * 2**20
    uli13lp1.refresh_from_db()
    assert services.definition_of(uli13lp1) == hypervisor.runs[2].definition


@pytest.mark.parametrize(("name", "value"), [("hot-workload", None), ("hot-workload", 99999.0), ("no-limit", 3.0)])
def test_a_number_is_given_where_it_is_needed_and_only_there(name, value, uli13lp1):
    with pytest.raises(NotPossible, match="number"):
        run(name, value)


def test_a_running_obstacle_is_not_pulled_away(uli14, hypervisor):
    run("names-taken")
    LogicalPartition.objects.filter(name="namestaken").update(state="Running")
    with pytest.raises(NotPossible, match="shut it down first"):
        undo("names-taken")


def say(*args):
    out = io.StringIO()
    call_command("lab-scenario", *args, stdout=out)
    return out.getvalue()


def test_the_list_ends_with_the_whole_line_that_ends_everything(db):
    assert say().splitlines()[-1].strip() == "./ivm manage uli13 lab-scenario reset-scenarios"


def test_alone_the_command_lists_every_scenario_with_its_help(db):
    listed = say()
    for name, scenario in SCENARIOS.items():
        assert name in listed
        assert scenario.help.endswith(".")
        assert scenario.help in listed


def test_the_list_says_on_which_console_to_run_each(db):
    source, destination, either = (
        say().split("To end them")[0].replace("On either console:", "On the console").split("On the console")[1:]
    )
    assert "  no-rmc " in source
    assert "  lun-missing " in destination
    assert "  single-path " in either
    assert "  lun-missing " not in source + either


def test_a_situation_that_can_not_be_ended_does_not_keep_the_others(uli14, hypervisor):
    run("names-taken")
    run("vlan-missing")
    LogicalPartition.objects.filter(name="namestaken").update(state="Running")
    with pytest.raises(CommandError, match="names-taken: namestaken is Running"):
        say("reset-scenarios")
    assert VirtualEthernet.objects.exists()


def test_the_command_makes_undoes_and_resets(uli13lp1, hypervisor):
    before = everything(hypervisor)
    assert "VLAN 1 does not exist" in say("vlan-missing")
    assert not VirtualEthernet.objects.exists()
    say("vlan-missing", "--undo")
    say("workload-group")
    say("hot-workload", "50")
    say("reset-scenarios")
    rows, definitions = everything(hypervisor)
    assert definitions == before[1]
    assert rows["LogicalPartition"] == before[0]["LogicalPartition"]


def test_the_command_says_why_something_is_not_possible(uli13lp1):
    with pytest.raises(CommandError, match="run this on the other console"):
        say("names-taken")
