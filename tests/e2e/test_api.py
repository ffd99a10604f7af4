"""The lines of docs/api.md, as a reader pastes them, against the two consoles."""

import os
import re
import shutil
import subprocess

import pytest

from tests.e2e.conftest import SLOW
from tests.e2e.world import wait_for
from tools.paths import ROOT

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here, and docs/api.md is written with it"),
]

# Every refusal ends the script: nothing that the document shows may be refused.
CURL_SETTINGS = "fail-with-body\nshow-error\nmax-time = 30\n"


def lines_of_the_document(url):
    text = (ROOT / "docs" / "api.md").read_text()
    script = "".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    assert "IVM=http://127.0.0.1:8013/api/v1\n" in script
    return script.replace("http://127.0.0.1:8013", url.rstrip("/"))


def test_every_line_of_the_document_works(world, tmp_path):
    world.limit_bandwidth(SLOW // 2)  # so that there is something to stop
    (tmp_path / ".curlrc").write_text(CURL_SETTINGS)
    script = lines_of_the_document(world.lab.consoles["uli13"].url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CURL_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert '"name": "Server-7998-61X-SN100390A"' in done.stdout
    assert "The migration was stopped; uli13lp1 stays on uli13" in done.stdout
    world.check_clean("uli13lp1", where="uli13")
    wait_for("uli13lp2 to be off", lambda: world.partition("uli13", "uli13lp2")["state"] == "Not Activated")
