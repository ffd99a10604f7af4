"""What changes on the server changes on an open page, without a reload and without losing what was chosen."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import log_in
from tests.browser.world_names import MIGRATION_ID


@pytest.fixture
def marked(logged_in):
    """Opens a page and marks it: a reload would lose the mark."""

    def open_page(address):
        logged_in.goto(address)
        logged_in.evaluate("document.body.dataset.mark = 'still the same page'")
        return logged_in

    yield open_page
    expect(logged_in.locator("body")).to_have_attribute("data-mark", "still the same page")


def test_a_new_state_appears_and_the_chosen_check_box_stays(marked, console):
    page = marked(f"{console.url}/")
    box = page.get_by_role("checkbox", name="uli13lp1", exact=True)
    box.check()
    console.change("partition", state="Migrating - Running")
    expect(page.locator("#partition-2-row")).to_contain_text("Migrating - Running")
    expect(box).to_be_checked()


def test_the_focus_stays_on_a_link_whose_table_is_refreshed(marked, console):
    page = marked(f"{console.url}/")
    link = page.get_by_role("link", name="uli13lp1", exact=True)
    link.focus()
    console.change("partition", state="Migrating - Running")
    expect(page.locator("#partition-2-row")).to_contain_text("Migrating - Running")
    expect(link).to_be_focused()


def test_the_table_of_a_move_stays_open_and_keeps_the_focus(marked, console):
    page = marked(f"{console.url}/migrations/{MIGRATION_ID}/")
    summary = page.locator("#chart-table summary")
    summary.focus()
    summary.press("Enter")
    console.change("migration", percent=66)
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "66")
    expect(page.locator("#chart-table")).to_have_attribute("open", "")
    expect(summary).to_be_focused()


def test_properties_follow_the_state_and_keep_what_is_being_typed(marked, console):
    page = marked(f"{console.url}/partitions/2/properties/general/")
    page.get_by_label("Partition name").fill("half a na")
    console.change("partition", state="Migrating - Running", hold="migration 1")
    expect(page.locator("#live")).to_contain_text("Migrating - Running")
    expect(page.locator("#live")).to_contain_text("Reserved by an operation")
    expect(page.get_by_label("Partition name")).to_have_value("half a na")


def test_progress_moves_and_stop_goes_when_it_is_too_late(marked, console):
    page = marked(f"{console.url}/migrations/{MIGRATION_ID}/")
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "42")
    console.change("migration", percent=87)
    expect(bar).to_have_attribute("aria-valuenow", "87")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    console.change("migration", state="surrendered", activity="handing over")
    expect(page.get_by_role("heading", name="Handing over: uli14 decides")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_role("button", name="Recover")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("Handing over: uli14 decides")


def test_the_focus_goes_to_the_headline_when_the_button_that_has_it_goes(marked, console):
    page = marked(f"{console.url}/migrations/{MIGRATION_ID}/")
    page.get_by_role("button", name="Stop").focus()
    console.change("migration", state="surrendered", activity="handing over")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_role("heading", name="Handing over: uli14 decides")).to_be_focused()
    console.change("migration", local_error="no")  # the next part keeps it
    expect(page.get_by_text("The hypervisor here refused")).to_be_visible()
    expect(page.get_by_role("heading", name="Handing over: uli14 decides")).to_be_focused()


def test_the_row_of_a_migration_is_updated_in_place(marked, console):
    page = marked(f"{console.url}/tasks/")
    row = page.get_by_role("row", name=re.compile("uli13lp1"))
    row.get_by_role("radio").check()
    console.change("task", percent=60)
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "60")
    expect(row.get_by_role("radio")).to_be_checked()
    assert page.get_by_role("row").count() == 2


def test_a_page_without_its_stream_looks_by_itself(page, console, complaints):
    page.route("**/events/", lambda route: route.fulfill(status=200, content_type="text/event-stream", body=""))
    log_in(page, console)
    page.goto(f"{console.url}/migrations/{MIGRATION_ID}/")
    console.change("migration", percent=55)
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "55", timeout=15000)


@pytest.mark.parametrize("away", [lambda route: route.abort("connectionrefused"), lambda route: None])
def test_a_page_whose_console_is_away_says_since_when_until_it_answers(page, console, away):
    """Ended, or frozen: what stands there was so once."""
    log_in(page, console)
    page.goto(f"{console.url}/migrations/{MIGRATION_ID}/")
    words = page.get_by_role("alert").filter(has_text=re.compile(r"uli13 has not answered since \d+:\d\d:\d\d"))
    expect(words).to_have_count(0)
    page.route("**/migrations/**", away)
    expect(words).to_be_visible(timeout=15000)
    page.unroute("**/migrations/**")
    expect(words).to_be_hidden(timeout=15000)


def test_a_printed_status_says_whose_it_is_and_when_it_was_read(marked, console):
    page = marked(f"{console.url}/migrations/{MIGRATION_ID}/")
    line = page.get_by_text(re.compile(r"Console uli13, as read at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"))
    expect(line).to_be_hidden()
    page.emulate_media(media="print")
    expect(line).to_be_visible()
    page.evaluate("document.querySelector('#on-paper time').textContent = 'long ago'")
    console.change("migration", percent=71)
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "71")
    expect(line).to_be_visible()


@pytest.mark.parametrize(
    ("address", "is_all"), [("/", True), ("/tasks/", True), ("/partitions/2/properties/memory/", False)]
)
def test_the_time_on_paper_moves_on_only_where_all_that_can_change_was_read_again(marked, console, address, is_all):
    """Beside the part that follows by itself, Properties have values of when the page was opened."""
    page = marked(f"{console.url}{address}")
    page.evaluate("document.querySelector('#on-paper time').textContent = 'long ago'")
    page.evaluate(
        "new Promise((done) => {"
        "  document.body.addEventListener('htmx:afterRequest', () => done(), {once: true});"
        "  document.body.dispatchEvent(new CustomEvent('everything'));"
        "})"
    )
    assert (page.locator("#on-paper time").text_content() != "long ago") is is_all


def test_a_hidden_tab_closes_its_stream(logged_in, console):
    opened, closed = [], []
    logged_in.on("request", lambda request: opened.append(request) if "/events/" in request.url else None)
    logged_in.on("requestfailed", lambda request: closed.append(request) if "/events/" in request.url else None)
    with logged_in.expect_request("**/events/"):
        logged_in.goto(f"{console.url}/tasks/")
    logged_in.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    logged_in.wait_for_timeout(300)
    assert len(closed) >= 1
    with logged_in.expect_request("**/events/"):
        logged_in.evaluate(
            "Object.defineProperty(document, 'hidden', {value: false, configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
