import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import log_in
from tests.browser.world_names import MIGRATION_ID, REPORT_ID

PARTITION_TABS = ("general", "memory", "processing", "ethernet", "storage", "physical-adapters")
ADDRESSES = [
    "/partitions/create/",
    "/partitions/delete/?partition=3",
    "/",
    "/?task=go&more=migrate&partition=2&partition=3",
    "/partitions/2/migrate/",
    "/partitions/shutdown/?partition=2&partition=3",
    "/partitions/shutdown/?partition=1",
    "/partitions/activate/?partition=3",
    "/partitions/activate/?partition=1&partition=2&partition=3",
    *(f"/partitions/{lpar_id}/properties/{tab}/" for tab in PARTITION_TABS for lpar_id in (2, 3)),
    "/partitions/1/properties/general/",
    "/partitions/2/reference-codes/",
    "/partitions/2/terminal/",
    *(f"/system/{tab}/" for tab in ("general", "memory", "processing", "mobility")),
    f"/migrations/{MIGRATION_ID}/",
    f"/reports/{REPORT_ID}/",
    "/tasks/",
    "/tasks/?status=failed&target=nowhere",
    "/remote-systems/",
    "/remote-systems/add/",
    "/remote-systems/1/remove/",
    "/profile/",
    "/users/",
    "/users/create/",
    "/help/",
]


def choose_migrate(page):
    page.get_by_role("checkbox", name="uli13lp1", exact=True).check()
    page.get_by_label("More Tasks").select_option("Migrate")
    page.get_by_role("button", name="Go").click()


def test_a_user_comes_from_login_to_the_migrate_page(logged_in):
    expect(logged_in.get_by_text("Welcome padmin : uli13")).to_be_visible()
    choose_migrate(logged_in)
    expect(logged_in.get_by_role("heading", name="Migrate Partition: uli13lp1")).to_be_visible()


def test_choosing_a_task_alone_does_not_leave_the_page(logged_in, console):
    logged_in.get_by_label("More Tasks").select_option("Migrate")
    expect(logged_in).to_have_url(f"{console.url}/")


def press_validate(page, console):
    page.goto(f"{console.url}/partitions/2/migrate/")
    page.get_by_label("Remote IVM or HMC").fill("uli14")
    page.get_by_label("Password").fill("padmin")
    page.get_by_role("button", name="Validate").click()


def test_the_wait_dialog_stands_while_validate_works(logged_in, console):
    logged_in.route("**/migrate/", no_answer_yet)
    press_validate(logged_in, console)
    dialog = logged_in.get_by_role("dialog")
    expect(dialog).to_contain_text("Please wait while the operation is in progress.")
    expect(dialog).to_contain_text("Waiting for the console of uli14 ...")
    logged_in.keyboard.press("Escape")
    expect(dialog).to_be_visible()


def no_answer_yet(route):
    """A 204 leaves the page where it is, as an answer that is still awaited does."""
    route.fulfill(status=204) if route.request.method == "POST" else route.continue_()


def test_check_again_says_at_once_whom_it_waits_for(logged_in, console):
    logged_in.route("**/reports/**", no_answer_yet)
    logged_in.goto(f"{console.url}/reports/{REPORT_ID}/")
    logged_in.get_by_role("button", name="Check again").first.click()
    expect(logged_in.get_by_role("dialog")).to_contain_text("Waiting for the console of uli14 ...")


def test_repin_says_at_once_whom_it_waits_for_and_remove_waits_for_nobody(logged_in, console):
    logged_in.route("**/remote-systems/", no_answer_yet)
    logged_in.goto(f"{console.url}/remote-systems/")
    logged_in.get_by_role("radio", name="uli14").check()
    dialog = logged_in.get_by_role("dialog")
    with logged_in.expect_request(lambda request: request.method == "POST"):
        logged_in.get_by_role("button", name="Remove").click()
    expect(dialog).to_have_count(0)
    logged_in.get_by_role("button", name="Re-pin").click()
    expect(dialog).to_contain_text("Waiting for the console of uli14 ...")


def test_recover_says_at_once_whom_it_waits_for(logged_in, console):
    logged_in.route("**/recover/", no_answer_yet)
    logged_in.goto(f"{console.url}/migrations/{MIGRATION_ID}/")
    logged_in.get_by_role("button", name="Recover").click()
    expect(logged_in.get_by_role("dialog")).to_contain_text("Waiting for the console of uli14 ...")


def test_the_answer_to_validate_keeps_the_values_but_not_the_password(logged_in, console):
    press_validate(logged_in, console)
    expect(logged_in.get_by_role("alert")).to_contain_text("[VIOSE01049000-9301]")
    expect(logged_in.get_by_role("dialog")).to_have_count(0)
    expect(logged_in.get_by_label("Remote IVM or HMC")).to_have_value("uli14")
    expect(logged_in.get_by_label("Password")).to_have_value("")


@pytest.fixture
def page_without_scripts(browser, console):
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_everything_works_without_javascript(page_without_scripts, console):
    page = page_without_scripts
    log_in(page, console)
    choose_migrate(page)
    page.get_by_label("Remote IVM or HMC").fill("uli14")
    page.get_by_label("Password").fill("padmin")
    page.get_by_role("button", name="Validate").click()
    expect(page.get_by_role("alert")).to_contain_text("[VIOSE01049000-9301]")
    page.get_by_role("link", name="Monitor Tasks").click()
    page.get_by_role("radio").check()
    page.get_by_role("button", name="Properties").click()
    expect(page.get_by_role("heading", name="Task Properties")).to_be_visible()
    page.get_by_role("link", name="Migration Status").click()
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "42")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("User ID")).to_be_visible()


def test_properties_are_changed_without_javascript(page_without_scripts, console):
    page = page_without_scripts
    log_in(page, console)
    page.get_by_role("link", name="uli13lp1", exact=True).click()
    page.get_by_label("Partition name").fill("<b>two words</b>")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("alert")).to_contain_text("[VIOSE01049000-9077]")
    expect(page.get_by_label("Partition name")).to_have_value("<b>two words</b>")
    page.get_by_label("Partition name").fill("uli13lp1b")
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_role("status").first).to_contain_text("The operation completed successfully.")
    page.get_by_role("checkbox", name="uli13lp1b", exact=True).check()
    page.get_by_label("More Tasks").select_option("Reference Codes")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("heading", name="Reference Codes: uli13lp1b")).to_be_visible()


STICKING_OUT = """() => Array.from(document.querySelectorAll("main *"))
    .filter((e) => !e.closest(".spoken, thead, dialog, .xterm") && e.getBoundingClientRect().right > innerWidth + 1)
    .map((e) => e.outerHTML.slice(0, 120))"""


OUT_OF_THEIR_PANEL = """() => Array.from(document.querySelectorAll(".panel *, .table-box *"))
    .filter((e) => !e.closest(".spoken, thead, dialog") &&
      e.getBoundingClientRect().right > e.closest(".panel, .table-box").getBoundingClientRect().right + 1)
    .map((e) => e.outerHTML.slice(0, 120))"""


def test_nothing_sticks_out_at_360_pixels(browser, console):
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    log_in(page, console)
    found = {}
    for address in ADDRESSES:
        page.goto(f"{console.url}{address}")
        found[address] = page.evaluate(STICKING_OUT)
    context.close()
    assert not any(found.values()), found


@pytest.mark.parametrize("width", [360, 1280])
def test_a_name_as_long_and_wide_as_can_be_fits(logged_in, console, width):
    logged_in.set_viewport_size({"width": width, "height": 740})
    name = "W" * 31
    console.change("partition", name=name)
    console.change("migration", partition_name=name)
    console.change("task", target=f"{name} (2)")
    found = {}
    for address in ADDRESSES:
        logged_in.goto(f"{console.url}{address}")
        boxes = [box.evaluate("e => e.scrollWidth - e.clientWidth") for box in logged_in.locator(".table-box").all()]
        found[address] = logged_in.evaluate(STICKING_OUT) + [wider for wider in boxes if wider]
        found[address] += logged_in.evaluate(OUT_OF_THEIR_PANEL)
    assert not any(found.values()), {address: things for address, things in found.items() if things}


@pytest.mark.parametrize("width", [360, 1280])
def test_chinese_fits_as_well(logged_in, console, width):
    logged_in.set_viewport_size({"width": width, "height": 740})
    logged_in.get_by_role("button", name="简体中文").click()
    expect(logged_in.get_by_role("heading", level=1)).to_have_text("查看/修改分区")
    for address in ADDRESSES:
        logged_in.goto(f"{console.url}{address}")
        assert logged_in.evaluate(STICKING_OUT) == [], address
        for box in logged_in.locator(".table-box").all():
            assert box.evaluate("e => e.scrollWidth - e.clientWidth") == 0, address


@pytest.mark.parametrize("width", [360, 1280])
def test_no_table_is_wider_than_its_box(logged_in, console, width):
    logged_in.set_viewport_size({"width": width, "height": 740})
    long = {"name": "Remove Remote System", "target": "uli14 (uli14.example.com:8443)"}
    console.change("task", status="succeeded", ended_at="2026-11-23T19:07:32Z", **long)
    for address in ADDRESSES:
        logged_in.goto(f"{console.url}{address}")
        for box in logged_in.locator(".table-box").all():
            assert box.evaluate("e => e.scrollWidth - e.clientWidth") == 0, address


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/partitions/2/migrate/", "Password"),  # the others are filled in
        ("/users/create/", "User ID"),
        ("/remote-systems/add/", "Name"),
        ("/profile/", "Old password"),
    ],
)
def test_a_page_for_its_form_begins_in_its_first_empty_field_and_after_a_refusal_in_the_first_wrong_one(
    logged_in, console, address, field
):
    logged_in.goto(f"{console.url}{address}")
    expect(logged_in.get_by_label(field, exact=True)).to_be_focused()
    logged_in.locator("main form").evaluate("form => { form.noValidate = true; form.requestSubmit(); }")
    expect(logged_in.locator(".complaint, .message.error").first).to_be_visible()
    wrong = logged_in.get_by_label(field, exact=True)
    if address.endswith("/migrate/"):  # of that console nobody answers, which is no field's fault
        wrong = logged_in.get_by_role("alert")
    expect(wrong).to_be_focused()


@pytest.mark.parametrize(
    ("address", "field", "value", "code"),
    [
        ("/system/mobility/", "Allowed suspension (ms)", "5", "VIOSE01049000-9075"),
        ("/users/create/", "User ID", "9x", "VIOSE01049000-9092"),
        ("/remote-systems/add/", "Name", "uli14", "VIOSE01049000-9343"),
    ],
)
def test_a_field_that_the_service_refuses_is_marked_and_described_by_the_reason(
    page_without_scripts, console, address, field, value, code
):
    page = page_without_scripts
    log_in(page, console)
    page.goto(f"{console.url}{address}")
    wrong = page.get_by_label(field, exact=True)
    wrong.fill(value)
    for empty in page.locator("main form input:visible").all():
        if empty.input_value() == "":
            empty.fill("127.0.0.1:9")
    wrong.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(code)
    expect(wrong).to_be_focused()
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_accessible_description(re.compile(re.escape(code)))


def test_a_printed_report_uses_the_whole_width(logged_in, console):
    logged_in.set_viewport_size({"width": 794, "height": 1000})  # A4
    logged_in.emulate_media(media="print")
    logged_in.goto(f"{console.url}/reports/{REPORT_ID}/")
    table, last = logged_in.locator("table.report"), logged_in.locator("table.report thead th", has_text="Needed")
    right = "e => e.getBoundingClientRect().right"
    assert table.evaluate(right) - last.evaluate(right) < 2
    left = (
        "e => { const r = document.createRange(); r.selectNodeContents(e); return r.getBoundingClientRect().left; }"
    )
    assert logged_in.locator("table.report caption").evaluate(left) == logged_in.locator("#about-title").evaluate(
        left
    )


def test_the_first_tab_stop_leads_past_the_navigation(logged_in, console):
    logged_in.goto(f"{console.url}/")
    logged_in.keyboard.press("Tab")
    expect(logged_in.get_by_role("link", name="Skip to the work area")).to_be_focused()
    logged_in.keyboard.press("Enter")
    logged_in.keyboard.press("Tab")
    expect(logged_in.get_by_role("link", name="Create Partition")).to_be_focused()


def test_each_control_has_a_name_and_each_table_a_caption(logged_in, console):
    for address in ADDRESSES:
        logged_in.goto(f"{console.url}{address}")
        for control in logged_in.locator("main button, main select, main input:not([type=hidden]), main a").all():
            named = control.evaluate(
                "e => (e.getAttribute('aria-label') || e.textContent.trim() || (e.labels && e.labels.length))"
            )
            assert named, (address, control.evaluate("e => e.outerHTML"))
        for table in logged_in.locator("table").all():
            assert table.locator("caption").count() == 1, address


def test_two_tabs_of_one_user_each_have_their_own_stream(logged_in, console):
    other = logged_in.context.new_page()
    with other.expect_response("**/events/") as response:
        other.goto(f"{console.url}/tasks/")
    assert response.value.status == 200


COVERED = """() => [...document.querySelectorAll(".cards td.select input")].filter((input) => {
  const box = input.getBoundingClientRect(), range = document.createRange();
  range.selectNodeContents(input.closest("td").nextElementSibling);
  return [...range.getClientRects()].some((text) => text.right > box.left && text.left < box.right &&
    text.bottom > box.top && text.top < box.bottom);
}).map((input) => input.name)"""


def test_no_check_box_covers_what_stands_beside_it_at_360_pixels(browser, console):
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    log_in(page, console)
    found = {}
    for address in ("/", "/partitions/3/properties/physical-adapters/", "/users/", "/remote-systems/", "/tasks/"):
        page.goto(f"{console.url}{address}")
        found[address] = page.evaluate(COVERED)
    context.close()
    assert not any(found.values()), found
