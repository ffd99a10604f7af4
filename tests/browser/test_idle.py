"""The end of a session for inactivity, as a person meets it. The page's clock is turned; nobody waits."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import log_in

WARNING = re.compile(r"Your session ends at \d\d:\d\d:\d\d UTC")
OVER = "Your session has ended."
HALF_AN_HOUR_S = 30 * 60


def open_form(page, console):
    page.clock.install()
    log_in(page, console)
    page.goto(f"{console.url}/partitions/2/migrate/")
    page.get_by_label("Remote IVM or HMC").fill("uli14.example.com")


def test_a_warning_comes_before_the_end_and_its_button_lengthens_the_session(page, console, complaints):
    open_form(page, console)
    expect(page.get_by_text(WARNING)).to_be_hidden()
    page.clock.fast_forward((HALF_AN_HOUR_S - 90) * 1000)
    expect(page.get_by_role("alert")).to_contain_text(WARNING)
    with page.expect_response("**/stay/") as answer:
        page.get_by_role("button", name="Stay logged in").click()
    assert answer.value.status == 204
    expect(page.get_by_text(WARNING)).to_be_hidden()
    expect(page.get_by_label("Remote IVM or HMC")).to_have_value("uli14.example.com")


def test_a_page_in_another_tab_takes_the_warning_away(page, console, complaints):
    open_form(page, console)
    page.clock.fast_forward((HALF_AN_HOUR_S - 90) * 1000)
    expect(page.get_by_text(WARNING)).to_be_visible()
    other = page.context.new_page()
    other.clock.install()
    other.clock.fast_forward((HALF_AN_HOUR_S - 80) * 1000)
    other.goto(f"{console.url}/help/")
    expect(page.get_by_text(WARNING)).to_be_hidden()


def test_what_was_typed_is_back_after_the_end_and_a_new_log_in(page, console, complaints):
    open_form(page, console)
    page.get_by_label("Password").fill("very secret")
    page.clock.fast_forward((HALF_AN_HOUR_S + 1) * 1000)
    expect(page.get_by_role("alert")).to_contain_text(OVER)
    page.context.clear_cookies(name="ivm_uli13_session")
    page.get_by_role("button", name="Migrate").click()
    expect(page.get_by_text("What you typed is kept")).to_be_visible()
    page.get_by_label("User ID").fill("padmin")
    page.get_by_label("Password").fill("padmin")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Migrate Partition: uli13lp1")).to_be_visible()
    expect(page.get_by_label("Remote IVM or HMC")).to_have_value("uli14.example.com")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_text("[VIOSI01049000-9035]")).to_be_visible()
    assert page.url == f"{console.url}/partitions/2/migrate/"
    page.reload()
    expect(page.get_by_label("Remote IVM or HMC")).to_have_value("uli14.example.com")


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/partitions/2/properties/general/", "Partition name"),
        ("/system/general/", "System name"),
        ("/system/mobility/", "Allowed suspension"),
    ],
)
def test_a_page_that_refreshes_itself_keeps_what_is_typed_when_the_session_ends(logged_in, console, address, field):
    page = logged_in
    page.goto(f"{console.url}{address}")
    page.get_by_label(field).fill("half a va")
    page.context.clear_cookies(name="ivm_uli13_session")
    with page.expect_response(lambda answer: answer.url.endswith(address) and answer.status == 204):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('everything'))")
    expect(page.get_by_role("alert")).to_contain_text(OVER)
    expect(page.get_by_role("alert")).to_contain_text("What you have typed here is kept")
    expect(page.get_by_label(field)).to_have_value("half a va")
    assert page.url == f"{console.url}{address}"


def test_no_warning_without_javascript_and_nothing_odd_either(browser, console):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, console)
    expect(page.get_by_text(WARNING)).to_be_hidden()
    expect(page.get_by_role("button", name="Stay logged in")).to_be_hidden()
    context.close()
