"""docs/api.md and the API have the same calls; tests/e2e/test_api.py runs its lines."""

import re

from ivmweb.api.refusals import PEER_ROOT, ROOT
from ivmweb.api.urls import api
from tools.paths import ROOT as PROJECT

TEXT = (PROJECT / "docs" / "api.md").read_text()


def test_the_table_has_every_call_and_no_other():
    paths = api.get_openapi_schema(path_prefix=ROOT)["paths"]
    calls = {
        f"{method.upper()} {path.removeprefix(ROOT)}"
        for path, methods in paths.items()
        for method in methods
        if not path.startswith(PEER_ROOT)
    }
    assert set(re.findall(r"^\| `((?:GET|POST|PATCH|DELETE) [^`]*)` \|", TEXT, re.MULTILINE)) == calls


def test_every_call_has_a_line_to_try():
    lines = "\n".join(re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
    for call in re.findall(r"^\| `(?:GET|POST|PATCH|DELETE) ([^`]*)` \|", TEXT, re.MULTILINE):
        pattern = r"\$IVM/" + re.sub(r"\\{\w+\\}", r"[\\w$]+", re.escape(call)) + r"[\s\"?]"
        assert re.search(pattern, lines), call
