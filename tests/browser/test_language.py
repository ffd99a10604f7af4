"""The language is switched in the middle of a form: what was typed is there, but for passwords."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import log_in


def switch(page):
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")


@pytest.mark.parametrize(
    ("address", "field", "value"),
    [
        ("/partitions/2/migrate/", "#id_remote_manager", "uli14.example.com"),
        ("/partitions/2/properties/general/", "#id_name", "half a va"),
        ("/system/mobility/", "#id_allowed_suspension_ms", "12"),
        ("/users/create/", "#id_name", "jane"),
        ("/remote-systems/add/", "#id_address", "uli15.example.com:8443"),
    ],
)
def test_what_was_typed_survives_the_switch(logged_in, console, address, field, value):
    logged_in.goto(f"{console.url}{address}")
    logged_in.locator(field).fill(value)
    switch(logged_in)
    expect(logged_in.locator(field)).to_have_value(value)


def test_choices_survive_the_switch_and_passwords_do_not(logged_in, console):
    page = logged_in
    page.goto(f"{console.url}/users/create/")
    page.get_by_label("Role").select_option("View Only")
    page.locator("#id_new_password").fill("very secret")
    switch(page)
    expect(page.locator("#id_role")).to_have_value("View Only")
    expect(page.locator("#id_new_password")).to_have_value("")
    assert "very secret" not in page.evaluate("JSON.stringify({...sessionStorage})")
    page.goto(f"{console.url}/partitions/shutdown/?partition=2")
    page.locator("#type-immediate").check()
    page.locator("#restart").check()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_label("Immediate")).to_be_checked()
    expect(page.get_by_label("Restart after shutdown completes")).to_be_checked()


def test_what_was_changed_since_the_page_was_loaded_is_noticed_after_the_switch(logged_in, console):
    """The form goes on saying which values its user saw."""
    page = logged_in
    page.goto(f"{console.url}/partitions/2/properties/general/")
    page.locator("#id_workload_group").fill("7")
    console.change("partition", name="renamed")
    switch(page)
    page.get_by_role("button", name="应用").click()
    expect(page.get_by_role("alert")).to_contain_text("9072")


def test_what_was_typed_is_gone_once_another_page_has_come(logged_in, console):
    page = logged_in
    page.goto(f"{console.url}/users/create/")
    page.locator("#id_name").fill("jane")
    page.context.clear_cookies(name="ivm_uli13_session")
    switch(page)
    page.locator("[name=username]").fill("padmin")
    page.locator("[name=password]").fill("padmin")
    page.locator("[name=password]").press("Enter")
    expect(page).to_have_url(f"{console.url}/users/create/")
    expect(page.locator("#id_name")).to_have_value("")


def test_the_language_is_switched_without_javascript_and_what_is_typed_stays(browser, console):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, console)
    page.goto(f"{console.url}/system/mobility/")
    field = page.locator("#id_allowed_suspension_ms")
    field.fill("12x")
    switch(page)
    expect(field).to_have_value("12x")
    field.press("Enter")  # presses a button of the form, not the language's
    expect(page.locator(".complaint")).to_contain_text("12x")
    context.close()
