"""The main job as a person does it: a real Chromium at two real consoles, with and without mouse and scripts."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import CHROMIUM, browser_type_launch_args  # noqa: F401
from tests.e2e.conftest import SLOW
from tests.e2e.story import (
    Desk,
    another_tab,
    cells,
    choose,
    migrate,
    migration_at,
    percent,
    row_of,
    tab_to,
    validate,
    without_navigation,
)
from tests.e2e.world import CONSOLES, wait_for

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: set CHROMIUM or install the package chromium"),
]
SLOWER = SLOW // 2  # where Stop has to come in time; the rest is not waited for
MOVED = ("closed, moved", "closed, moved")
KEPT = ("closed, kept", "declined")


@pytest.fixture
def desk(browser, world):
    desk = Desk(browser, {console: world.lab.consoles[console].url for console in CONSOLES})
    yield desk
    desk.close()
    assert desk.complaints == []


def test_a_person_moves_a_running_partition_and_every_open_page_follows(world, desk):
    here, there = desk.window("uli13"), desk.window("uli14")
    expect(row_of(here, "uli13lp1")).to_contain_text("Running")
    homes, tasks = another_tab(here, "/"), another_tab(here, "/tasks/")
    tasks_before = world.tasks("uli13")
    world.limit_bandwidth(SLOW)
    migration = migrate(here)
    with without_navigation(here, there, homes, tasks):
        seen = look_until_moved(here, there, homes, tasks)
        assert world.wait_ended(migration) == MOVED
        expect(row_of(homes, "uli13lp1")).to_have_count(0)
        expect(row_of(there, "uli13lp1").get_by_text("Running", exact=True)).to_be_visible()
        assert cells(there, "uli13lp1")["code"] == "Linux ppc64"
        expect(tasks.get_by_role("row", name="uli13lp1").first).to_contain_text("Completed successfully")
        assert world.tasks("uli13") == tasks_before + 2  # Validate and Migrate
    assert len(seen["percent"]) > 3
    assert seen["percent"] == sorted(seen["percent"])
    assert seen["task"] == sorted(seen["task"])
    assert any(0 < value < 100 for value in seen["task"])
    assert_the_list_of_the_source(seen["source"])
    assert_the_list_of_the_destination(seen["destination"])


def percent_of_the_task(tasks):
    """In one look: the row may lose its bar at any moment."""
    bars = tasks.get_by_role("progressbar").evaluate_all("bars => bars.map(bar => bar.getAttribute('aria-valuenow'))")
    return int(bars[0]) if bars else None


def look_until_moved(here, there, homes, tasks):
    """What the four pages show, each new thing once, until Status says that it has moved."""
    seen = {"percent": [], "task": [], "source": [], "destination": []}

    def note(what, value):
        if value and (not seen[what] or seen[what][-1] != value):
            seen[what].append(value)

    def look():
        note("percent", percent(here))
        note("task", percent_of_the_task(tasks))
        note("source", cells(homes, "uli13lp1"))
        note("destination", cells(there, "uli13lp1"))
        return here.get_by_role("heading", name="The migration completed").count()

    wait_for("Status to say that it has moved", look, 40, every_s=0.15)
    return seen


def assert_the_list_of_the_source(rows):
    # Once it is suspended it has no uptime, and once the destination has it, no image and no code here.
    during = [row for row in rows if row["state"] == "Migrating - Running" and row["uptime"]]
    assert during
    assert all(row["code"] == "Linux ppc64" for row in during)
    assert re.fullmatch(r"[\d.]+ (Minutes|Hours|Days)", during[0]["uptime"])
    assert re.fullmatch(r"[\d.]+", during[0]["utilized"])


def assert_the_list_of_the_destination(rows):
    during = [row for row in rows if row["state"] == "Migrating - Running" and row["code"] != "Linux ppc64"]
    assert len({row["code"] for row in during} - {""}) > 1, during
    assert {(row["uptime"], row["utilized"]) for row in during} == {("", "")}


def test_the_task_list_of_the_source_alone_has_the_migration_and_properties_shows_it(world, desk):
    here, there = desk.window("uli13"), desk.window("uli14")
    assert world.wait_ended(migrate(here)) == MOVED
    here.get_by_role("link", name="Monitor Tasks").click()
    here.get_by_role("radio", name="Migrate Partition uli13lp1").first.check()
    here.get_by_role("button", name="Properties").click()
    expect(here.get_by_role("heading", name="Task Properties")).to_be_visible()
    expect(here.locator("main")).to_contain_text("uli13lp1")
    here.get_by_role("link", name="Migration Status").click()
    expect(here.get_by_role("heading", name="The migration completed")).to_be_visible()
    moved = world.query("uli14", "select count(*) as n from migration_migration where role = 'source'")[0]["n"]
    rows = world.query("uli14", "select count(*) as n from monitor_monitortask where name = 'Migrate Partition'")
    assert rows[0]["n"] == moved
    there.goto("/tasks/")
    expect(there.get_by_role("radio", name="Migrate Partition")).to_have_count(moved)


def test_stop_pressed_at_about_half_leaves_the_partition_running_at_home(world, desk):
    here, there = desk.window("uli13"), desk.window("uli14")
    homes = another_tab(here, "/")
    world.limit_bandwidth(SLOWER)
    migration = migrate(here)
    with without_navigation(homes, there):
        expect(row_of(there, "uli13lp1")).to_be_visible()
        wait_for("nearly half of it", lambda: percent(here) >= 40, 20)
        here.get_by_role("button", name="Stop").click()
        expect(here.get_by_role("status").filter(has_text="VIOSI01049000-9016")).to_be_visible()
        expect(here.get_by_role("heading", name="The migration was stopped")).to_be_visible()
        assert world.wait_ended(migration, timeout_s=10) == KEPT
        expect(row_of(homes, "uli13lp1").get_by_text("Running", exact=True)).to_be_visible()
        expect(row_of(there, "uli13lp1")).to_have_count(0)
    assert percent(here) < 100
    expect(here.get_by_role("button", name="Stop")).to_have_count(0)
    world.check_clean("uli13lp1", "uli13")
    source, destination = (world.migration(console, migration) for console in ("uli13", "uli14"))
    assert source["percent"] >= destination["percent"] > 0
    assert destination["bytes_remaining"] >= source["bytes_remaining"] > 0  # told by the source, a second ago


def test_two_browsers_press_stop_and_the_second_hears_what_happens(world, desk):
    first, second = desk.window("uli13"), desk.window("uli13")
    world.limit_bandwidth(SLOWER)
    migration = migrate(first)
    # The second browser hears nothing from the console, so that its Stop is still there: answers 204 change nothing.
    second.route("**/events/", lambda route: route.fulfill(content_type="text/event-stream", body=""))
    second.route(
        "**/migrations/**",
        lambda route: route.fulfill(status=204) if "hx-request" in route.request.headers else route.continue_(),
    )
    second.goto(f"/migrations/{migration}/")
    expect(second.get_by_role("button", name="Stop")).to_be_visible()
    first.get_by_role("button", name="Stop").click()
    expect(first.get_by_text("Stop came in time")).to_be_visible()
    second.get_by_role("button", name="Stop").click()
    expect(second.get_by_role("status").filter(has_text="was stopped already, at")).to_be_visible()
    expect(second.get_by_role("alert")).to_have_count(0)
    assert world.wait_ended(migration) == KEPT


def test_a_partition_is_activated_and_shut_down_through_the_pages(world, desk):
    page = desk.window("uli13")
    page.get_by_role("checkbox", name="uli13lp2", exact=True).check()
    page.get_by_role("button", name="Activate").click()
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_text("VIOSI01049000-9014")).to_be_visible()
    with without_navigation(page):
        expect(row_of(page, "uli13lp2").get_by_text("Running", exact=True)).to_be_visible()
        expect(row_of(page, "uli13lp2")).to_contain_text("Linux ppc64")
    page.get_by_role("checkbox", name="uli13lp2", exact=True).check()
    page.get_by_role("button", name="Shutdown").click()
    page.get_by_label("Immediate").check()
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_text("VIOSI01049000-9015")).to_be_visible()
    with without_navigation(page):
        expect(row_of(page, "uli13lp2").get_by_text("Not Activated", exact=True)).to_be_visible()
    assert world.facts("uli13", "uli13lp2").run_state == "not activated"


def test_the_whole_story_with_the_keyboard_alone(world, desk):
    page = desk.window("uli13")
    world.limit_bandwidth(SLOWER)
    keys = page.keyboard
    tab_to(page, page.get_by_role("checkbox", name="uli13lp1", exact=True))
    keys.press("Space")
    tab_to(page, page.get_by_label("More Tasks"), "Shift+Tab")
    keys.type("Mig")  # the list goes to the first task that begins so
    tab_to(page, page.get_by_role("button", name="Go", exact=True))
    keys.press("Enter")
    tab_to(page, page.get_by_label("Remote IVM or HMC"))
    keys.type("uli14")
    tab_to(page, page.get_by_label("Password"))
    keys.type("padmin")
    tab_to(page, page.get_by_role("button", name="Validate"))
    keys.press("Enter")
    expect(page.get_by_text("The operation completed successfully.")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Migrate"))
    keys.press("Enter")
    migration = migration_at(page)
    stop = page.get_by_role("button", name="Stop")
    tab_to(page, stop)
    before = percent(page)
    wait_for("some progress", lambda: percent(page) >= before + 20, 20)
    expect(stop).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("heading", name="The migration was stopped")).to_be_visible()
    assert world.wait_ended(migration) == KEPT


def test_the_whole_story_without_javascript(world, desk):
    page = desk.window("uli13", java_script_enabled=False)
    world.limit_bandwidth(SLOW)
    migration = migrate(page)
    began = percent(page)
    expect(page.get_by_role("heading", name="The migration completed")).to_be_visible(timeout=40_000)
    assert began < 100
    assert world.wait_ended(migration) == MOVED
    page.get_by_role("link", name="View/Modify Partitions").click()
    expect(row_of(page, "uli13lp2")).to_be_visible()
    expect(row_of(page, "uli13lp1")).to_have_count(0)


@pytest.mark.parametrize(
    ("names", "code", "words"),
    [
        ((), "[VIOSE01049000-9003]", "No partition is selected"),
        (("uli13lp1", "uli13lp2"), "[VIOSE01049000-9004]", "uli13lp1, uli13lp2"),
    ],
)
def test_migrate_with_none_or_two_selected_says_what_to_select(desk, names, code, words):
    page = desk.window("uli13")
    choose(page, *names)
    expect(page.get_by_role("alert")).to_contain_text(code)
    expect(page.get_by_role("alert")).to_contain_text(words)
    for name in names:
        expect(page.get_by_role("checkbox", name=name, exact=True)).to_be_checked()


def test_migrate_of_the_management_partition_is_refused_by_validate_with_a_code(desk):
    page = desk.window("uli13")
    choose(page, "uli13")
    validate(page, "uli14")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(re.compile(r"\[VIOSE\w+-\d{4}\][^[]*management partition"))
    expect(page.get_by_label("Remote IVM or HMC")).to_have_value("uli14")


@pytest.mark.parametrize("user", ["padmin", "viewer"])
def test_no_page_makes_the_browser_complain(world, desk, user):
    page = desk.window("uli13", user)
    for path in ("/", "/tasks/", "/help/", *(PAGES_THAT_CHANGE if user == "padmin" else ())):
        with page.expect_response("**/events/"):  # the page's scripts have run
            assert page.goto(path).status == 200, path
    assert desk.complaints == []
    for path, status in (("/nowhere/", 404), *((path, 403) for path in PAGES_THAT_CHANGE if user == "viewer")):
        assert page.goto(path).status == status, path
        expect(page.get_by_role("alert")).to_contain_text("[VIOSE")
        told = f"the server responded with a status of {status}"  # Chromium's own line about the answer
        assert all(told in text for text in desk.complaints), desk.complaints
        desk.complaints.clear()


PAGES_THAT_CHANGE = (
    "/partitions/2/migrate/",
    "/partitions/activate/?partition=3",
    "/partitions/shutdown/?partition=2",
)
