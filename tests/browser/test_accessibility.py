"""axe-core looks at every page, as a person may see it: light and dark, wide and narrow."""

from pathlib import Path

import pytest

from tests.browser.conftest import log_in
from tests.browser.test_pages import ADDRESSES

AXE = Path(__file__).with_name("axe.min.js").read_text()
RUN = """() => axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations.map(
    (one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`))"""


def violations(page, address):
    page.goto(address)
    page.evaluate(AXE)
    return page.evaluate(RUN)


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(browser, console, scheme, width):
    context = browser.new_context(viewport={"width": width, "height": 740}, color_scheme=scheme)
    page = context.new_page()
    found = {"/login/": violations(page, f"{console.url}/login/")}
    log_in(page, console)
    found |= {address: violations(page, f"{console.url}{address}") for address in ADDRESSES}
    context.close()
    assert not any(found.values()), found
