"""The main job with a real Linux below both consoles: it moves and moves back, and goes on when a move does not."""

from itertools import pairwise

import pytest

from ivmweb.hypervisor.qemu.switch.ports import GuestPorts
from ivmweb.lab import data
from tests.e2e.conftest import bring_home, quick_lab
from tests.e2e.world import CONSOLES, World, wait_for
from tests.hypervisor.stations import Station
from tests.real_guests import kit_or_skip

pytestmark = [pytest.mark.e2e, pytest.mark.qemu]

MEMORY_MB = 256  # what pseries takes is a multiple of it
WORKLOAD = 20  # MB a second that the guest checks and rewrites
WORKING_SET_PAGES = 64 * 256
SLOW = 30_000_000  # bytes per second: the guest's 170 MB take more than five seconds
LPAR = 2
KEPT = ("closed, kept", "declined")
MOVED = ("closed, moved", "closed, moved")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A lab of its own, with real guests."""
    kit, folder = kit_or_skip(), tmp_path_factory.mktemp("lab")
    with quick_lab(folder, more_ports=60, guest=kit, memory_mb=MEMORY_MB, workload=WORKLOAD) as running:
        yield World(running)


@pytest.fixture(autouse=True)
def at_home(world):
    bring_home(world)
    wait_for("the guest's word", lambda: facts_of(world, "uli13").heartbeat)
    yield
    world.limit_bandwidth(0)


def facts_of(world, console):
    return world.facts(console, "uli13lp1")


def goes_on(world, console):
    """Beats, checks its pages and writes records there, each more than it had when asked first."""
    before = facts_of(world, console)

    def has_more():
        now = facts_of(world, console)
        counters = ("heartbeat", "pages_checked", "last_record")
        return all((getattr(now, name) or 0) > (getattr(before, name) or 0) for name in counters)

    wait_for(f"the guest to go on at {console}", has_more, 10)


def move(world, source, destination):
    """Over and settled; the suspension that the guest felt, in ms, which both consoles know."""
    with world.watched("uli13lp1") as watch:
        migration = world.visitor(source).migrate(LPAR, destination)
        assert world.wait_ended(migration, 60) == MOVED, world.why(migration)
        wait_for("the guest to run there", lambda: world.running_on("uli13lp1") == [destination], 10)
    assert watch.seen >= {(source,), (destination,)}
    told = lambda: {world.migration(console, migration)["suspension_ms"] for console in CONSOLES}  # noqa: E731
    wait_for("the suspension felt", lambda: None not in told(), 20)
    (suspension_ms,) = told()
    return suspension_ms


@pytest.fixture
def third(world):
    """A machine on uli13's network that knows the guest's address."""
    place = world.lab.run / "uli13"
    station = Station(place, 200, "6A88A2E8D302")
    assert station.reaches(data.ULI13LP1.mac_address, 10)
    yield station
    station.close()
    GuestPorts(place, 200).forget()


def test_a_linux_moves_there_and_back_and_notices_nothing_but_the_suspension(world, third):
    beats = facts_of(world, "uli13").heartbeat
    for source, destination in (("uli13", "uli14"), ("uli14", "uli13")):
        pings = third.pings_steadily(data.ULI13LP1.mac_address)
        suspension_ms = move(world, source, destination)
        assert 0 < suspension_ms < 3000
        wait_for("an answer to a ping", pings.is_answered_again, 10)
        pings.stop()
        assert pings.longest_silence_s() < suspension_ms / 1000 + 1
        world.check_clean("uli13lp1", where=destination)
        goes_on(world, destination)
        facts = facts_of(world, destination)
        assert facts.heartbeat > beats
        assert facts.reference_code == "Linux ppc64"
        beats = facts.heartbeat
    assert_every_page_is_as_it_was_left(world, "uli13")
    assert_records_without_a_gap(world)


def assert_every_page_is_as_it_was_left(world, console):
    """It rewrites its working set in turn; once around, each page has been checked since it came."""
    since = facts_of(world, console).pages_checked
    once_around = lambda: facts_of(world, console).pages_checked >= since + WORKING_SET_PAGES  # noqa: E731
    wait_for("all pages to be checked", once_around, 30)
    assert facts_of(world, console).page_errors == 0


def assert_records_without_a_gap(world):
    """Written by one run of one operating system, on each server in its turn."""
    records = world.written("uli13lp1")
    assert [record.number for record in records] == list(range(1, len(records) + 1))
    assert all(one.heartbeat < two.heartbeat for one, two in pairwise(records))
    here, there = (world.lab.consoles[name].server.system for name in ("uli13", "uli14"))
    turns = [records[0].system, *(two.system for one, two in pairwise(records) if one.system != two.system)]
    assert turns == [here, there, here]


def begin(world):
    """A move that has got so far that its first pass is under way."""
    world.limit_bandwidth(SLOW)
    migration = world.visitor("uli13").migrate(LPAR, "uli14")
    wait_for("a quarter of it", lambda: world.reached(migration, 25), 20)
    return migration


def assert_stays(world, migration, timeout_s):
    assert world.wait_ended(migration, timeout_s) == KEPT, world.why(migration)
    wait_for("its hold to be released", lambda: world.partition("uli13", "uli13lp1")["hold"] == "", 10)
    wait_for("the guest to run", lambda: world.running_on("uli13lp1") == ["uli13"], 10)
    goes_on(world, "uli13")
    world.check_clean("uli13lp1", where="uli13")
    assert facts_of(world, "uli13").page_errors == 0


@pytest.mark.parametrize("process", ["uli13/mover-out", "uli13/hypervisor"])
def test_a_linux_runs_on_at_home_when_a_process_is_killed_half_way(world, process):
    with world.watched("uli13lp1") as watch:
        migration = begin(world)
        world.lab.kill(process)
        assert_stays(world, migration, 40)
    assert ("uli14",) not in watch.seen


def test_a_linux_never_stops_when_stop_is_pressed_half_way(world):
    with world.watched("uli13lp1") as watch:
        migration = begin(world)
        world.visitor("uli13").stop(migration)
        assert_stays(world, migration, 10)
    assert watch.seen == {("uli13",)}
    assert facts_of(world, "uli13").longest_gap_ms < 1000
