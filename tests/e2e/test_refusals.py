"""What cannot be done is refused with a code, the value and the next step, and changes nothing on either side."""

import re
import time

import pytest

from tests.e2e.browse import errors_in
from tests.e2e.conftest import SLOW
from tests.e2e.world import CONSOLES

CHANGING = {"Activate", "Shutdown", "Migrate", "Validate", "Stop", "Recover", "OK"}  # labels of buttons

pytestmark = pytest.mark.e2e


@pytest.fixture
def unchanged(world):
    def everything():
        return [
            (world.free(c), world.partition(c, "uli13lp1"), world.mappings(c, "uli13lp1"), world.facts(c, "x"))
            for c in CONSOLES
        ]

    before = everything()
    yield
    assert everything() == before
    assert world.running_on("uli13lp1") == ["uli13"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("remote", "words"),
    [
        ("uli99", ["uli99", "uli14"]),
        ("Server-7998-60X-SN100E7DA", ["Server-7998-60X-SN100E7DA", "uli14"]),
        ("uli13", ["uli13"]),
        ("127.0.0.1:9", ["127.0.0.1:9"]),
        ("", []),
    ],
)
def test_a_remote_console_that_can_not_be_meant_is_refused(world, remote, words):
    page = world.visitor("uli13").refused(2, remote)
    if remote:
        assert len(errors_in(page)) == 1, page
        assert all(word in errors_in(page)[0] for word in words)
    else:
        assert "This field is required." in page


@pytest.mark.usefixtures("unchanged")
def test_a_wrong_password_is_refused_without_starting_anything(world):
    page = world.visitor("uli13").refused(2, "uli14", password="wrong")
    assert len(errors_in(page)) == 1
    assert "padmin" in errors_in(page)[0]


@pytest.mark.usefixtures("unchanged")
def test_a_remote_user_who_may_only_look_is_refused_by_a_check(world):
    page = world.visitor("uli13").refused(2, "uli14", user="viewer", password="viewer")
    assert any("viewer" in line for line in errors_in(page))


@pytest.mark.usefixtures("unchanged")
def test_the_management_partition_is_refused_by_validation_with_a_code(world):
    page = world.visitor("uli13").refused(1, "uli14")
    assert any("management partition" in line for line in errors_in(page))


@pytest.mark.parametrize(
    ("console", "scenario", "word"),
    [
        ("uli14", "not-enough-memory", "MB"),
        ("uli14", "lun-missing", "LUN"),
        ("uli13", "single-path", "no_reserve"),
        ("uli13", "no-rmc", "RMC"),
        ("uli13", "physical-adapter", "physical adapter"),
        ("uli14", "vlan-missing", "VLAN"),
    ],
)
def test_a_scenario_fails_validation_with_a_code_and_can_be_mended(world, console, scenario, word):
    made = world.lab.manage(console, "lab_scenario", scenario)
    assert made.returncode == 0, made.stderr
    try:
        page = world.visitor("uli13").refused(2, "uli14")
        assert any(word.lower() in line.lower() for line in errors_in(page)), errors_in(page)
    finally:
        undone = world.lab.manage(console, "lab_scenario", scenario, "--undo")
    assert undone.returncode == 0, undone.stderr
    assert "The operation completed successfully." in world.visitor("uli13").validate(2, "uli14")


def test_other_device_names_and_numbers_at_the_destination_keep_the_same_disks(world):
    for scenario in ("names-taken", "hdisks-shuffled"):
        assert world.lab.manage("uli14", "lab_scenario", scenario).returncode == 0
    try:
        migration = world.visitor("uli13").migrate(2, "uli14")
        assert world.wait_ended(migration) == ("closed, moved", "closed, moved")
        assert "vhost0" not in world.adapters("uli14", "uli13lp1")
        assert "vtscsi0" not in world.mappings("uli14", "uli13lp1")
        assert paths_of(world, "uli14") == {f"lun{n}" for n in (2, 5, 6, 7, 8)}
        back = world.visitor("uli14").migrate(2, "uli13")
        assert world.wait_ended(back) == ("closed, moved", "closed, moved")
    finally:
        for scenario in ("hdisks-shuffled", "names-taken"):
            world.lab.manage("uli14", "lab_scenario", scenario, "--undo")


def paths_of(world, console):
    rows = world.query(
        console,
        "select v.path from system_physicalvolume v join system_virtualtargetdevice d on d.physical_volume_id = v.id "
        "join system_virtualserveradapter a on a.id = d.adapter_id "
        "join system_logicalpartition p on p.id = a.partition_id where p.name = 'uli13lp1'",
    )
    return {row["path"].rpartition("/")[2] for row in rows}


def test_during_a_migration_a_second_one_and_a_shutdown_are_refused(world):
    world.limit_bandwidth(SLOW)
    migration = world.visitor("uli13").migrate(2, "uli14")
    page = world.visitor("uli13").refused(2, "uli14")
    assert errors_in(page)
    shutdown = world.visitor("uli13").post(
        "/partitions/shutdown/",
        {"partition": "2", "type": "immediate"},
        page="/partitions/shutdown/?partition=2",
    )
    assert errors_in(shutdown.text)
    world.limit_bandwidth(0)
    assert world.wait_ended(migration) == ("closed, moved", "closed, moved"), world.why(migration)


def test_a_destination_console_that_is_down_is_said_so_within_seconds(world):
    world.lab.processes["uli14/web"].restart = False
    world.lab.kill("uli14/web")
    began = time.monotonic()
    try:
        page = world.visitor("uli13").refused(2, "uli14")
    finally:
        world.lab.processes["uli14/web"].start()
        world.lab.processes["uli14/web"].wait_ready(60)
        world.lab.processes["uli14/web"].restart = True
    assert time.monotonic() - began < 15
    assert any("uli14" in line for line in errors_in(page))


@pytest.mark.usefixtures("unchanged")
def test_a_viewer_sees_every_page_and_changes_nothing_by_hand_made_requests(world):
    viewer = world.visitor("uli13", "viewer")
    for path in ("/", "/tasks/", "/partitions/2/status/"):
        page = viewer.get(path)
        assert page.status_code in {200, 404}
        assert not CHANGING & set(re.findall(r"<button[^>]*>([^<]+)</button>", page.text)), path
    for path, fields in (
        ("/partitions/2/migrate/", {"remote_manager": "uli14", "remote_user": "padmin", "password": "padmin"}),
        ("/partitions/activate/", {"partition": "3"}),
        ("/partitions/shutdown/", {"partition": "2", "type": "immediate"}),
        ("/migrations/00000000-0000-0000-0000-000000000000/stop/", {}),
        ("/migrations/00000000-0000-0000-0000-000000000000/recover/", {}),
    ):
        assert viewer.post(path, {**fields, "migrate": "1"}, page="/help/").status_code == 403, path
