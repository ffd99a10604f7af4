"""Open terminal window in a real Chromium, with a console that gives back what is typed in capitals and colours."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import log_in

PAGE = "/partitions/2/terminal/"
COLOURS = """() => new Set(
    Array.from(document.querySelectorAll(".xterm-rows span"), (e) => getComputedStyle(e).color)).size"""


def open_terminal(page, console):
    page.get_by_role("checkbox", name="uli13lp1", exact=True).check()
    page.get_by_label("More Tasks").select_option("Open terminal window")
    page.get_by_role("button", name="Go").click()
    expect(page.locator("#terminal-state")).to_have_text("Connected", use_inner_text=True)


def shown(page):
    return page.locator(".xterm-rows")


def test_a_terminal_is_used_by_keyboard_and_left_again(logged_in, console):
    open_terminal(logged_in, console)
    expect(logged_in.get_by_label("Input of the terminal")).to_be_focused()
    expect(shown(logged_in)).to_contain_text("uli13lp1 login:")
    logged_in.keyboard.type("root")
    logged_in.keyboard.press("Tab")
    expect(shown(logged_in)).to_contain_text(re.compile("R.?O.?O.?T"))
    expect(logged_in.get_by_label("Input of the terminal")).to_be_focused()
    assert logged_in.evaluate(COLOURS) >= 3
    logged_in.keyboard.press("Control+Shift+X")
    expect(logged_in.get_by_role("link", name="Close")).to_be_focused()


def test_whoever_types_stays_logged_in(logged_in, console):
    logged_in.clock.install()
    open_terminal(logged_in, console)
    logged_in.clock.fast_forward(61_000)
    with logged_in.expect_response("**/stay/") as answer:
        logged_in.keyboard.type("x")
    assert answer.value.status == 204


def test_after_a_move_it_says_where_to_go_on_and_connects_again_by_a_button(logged_in, console):
    open_terminal(logged_in, console)
    console.change("migration", state="completing", remote_lpar_id=5)
    console.hang_up()
    expect(logged_in.get_by_role("alert")).to_contain_text("[VIOSI01049000-9024]")
    link = logged_in.get_by_role("link", name="Open terminal window on uli14")
    expect(link).to_have_attribute("href", "https://127.0.0.1:8414/partitions/5/terminal/")
    expect(shown(logged_in)).to_contain_text("The console is closed")
    logged_in.get_by_role("button", name="Connect").click()
    expect(logged_in.locator("#terminal-state")).to_have_text("Connected", use_inner_text=True)
    expect(link).to_be_hidden()
    expect(shown(logged_in)).to_contain_text("login:")


def test_without_javascript_the_page_names_the_command(browser, console):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, console)
    page.goto(f"{console.url}{PAGE}")
    expect(page.get_by_text("mkvt -id 2")).to_be_visible()
    expect(page.get_by_role("button", name="Connect")).to_be_hidden()
    context.close()
