"""An administrator at a real browser: windows on both consoles, and what is pressed and read in them."""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

expect.set_options(timeout=15_000)  # two consoles and a browser on two cores
MARK = "still the same page"
STOPS_AT_MOST = 60
COLUMNS = {"state": "State", "uptime": "Uptime", "utilized": "Utilized Processing Units", "code": "Reference Code"}


@dataclass
class Desk:
    """Opens windows; each has cookies of its own, and what the browser complains about is kept."""

    browser: Browser
    addresses: dict[str, str]
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def window(self, console: str, user: str = "padmin", **options) -> Page:
        """A new browser, logged in on that console, at its list of partitions."""
        context = self.browser.new_context(base_url=self.addresses[console], **options)
        context.set_default_timeout(10_000)
        context.on("console", lambda message: self._hear(message.type, message.text))
        context.on("weberror", lambda error: self._hear("error", str(error.error)))
        self.contexts.append(context)
        page = context.new_page()
        page.goto("/")
        page.get_by_label("User ID").fill(user)
        page.get_by_label("Password").fill(user)
        page.get_by_role("button", name="Log in").click()
        return page

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def close(self) -> None:
        for context in self.contexts:
            context.close()


def another_tab(page: Page, path: str) -> Page:
    tab = page.context.new_page()
    tab.goto(path)
    return tab


@contextmanager
def without_navigation(*pages: Page):
    """Fails where one of the pages is loaded anew meanwhile: a new document has no mark."""
    for page in pages:
        page.evaluate("mark => { document.mark = mark }", MARK)
    yield
    for page in pages:
        assert page.evaluate("document.mark") == MARK, f"{page.url} was loaded again"


def choose(page: Page, *names: str, task: str = "Migrate") -> None:
    """In the list: select these partitions, choose the task in More Tasks, press Go."""
    for name in names:
        page.get_by_role("checkbox", name=name, exact=True).check()
    page.get_by_label("More Tasks").select_option(task)
    page.get_by_role("button", name="Go", exact=True).click()


def validate(page: Page, remote: str, user: str = "padmin", password: str = "padmin") -> None:
    page.get_by_label("Remote IVM or HMC").fill(remote)
    page.get_by_label("Remote user ID").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Validate").click()


def migrate(page: Page, name: str = "uli13lp1", remote: str = "uli14") -> UUID:
    """From the list to Status, by Validate and Migrate; the password is typed once."""
    choose(page, name)
    validate(page, remote)
    expect(page.get_by_text("The operation completed successfully.")).to_be_visible()
    page.get_by_role("button", name="Migrate").click()
    return migration_at(page)


def migration_at(page: Page) -> UUID:
    """The migration whose Status page is, or is about to be, open."""
    expect(page.get_by_role("heading", name="Migration Status")).to_be_visible()
    return UUID(re.search(r"/migrations/([0-9a-f-]{36})/", page.url)[1])


def percent(page: Page) -> int:
    return int(page.get_by_role("progressbar").get_attribute("aria-valuenow"))


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))


def cells(page: Page, name: str) -> dict[str, str]:
    """What the list says of a partition; empty while it has no such row."""
    return page.evaluate(
        """([name, columns]) => {
            const heads = [...document.querySelectorAll("main .partitions tbody th")];
            const head = heads.find(e => e.textContent === name);
            if (!head) return {};
            const cell = label => head.parentElement.querySelector(`[data-label="${label}"]`).textContent.trim();
            return Object.fromEntries(Object.entries(columns).map(([key, label]) => [key, cell(label)]));
        }""",
        [name, COLUMNS],
    )


def tab_to(page: Page, control: Locator, key: str = "Tab") -> None:
    """Press Tab until that control has the focus."""
    for _ in range(STOPS_AT_MOST):
        page.keyboard.press(key)
        if control.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError(f"{key} does not reach {control}")
