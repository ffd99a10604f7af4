"""Questions at the terminal of the machine itself, asked of a process that has one."""

import os
import pty
import subprocess
import sys

import pytest

ASK = """
import django
django.setup()
from ivmweb.cli.command import Interrupted
from ivmweb.cli.management.commands.vios import OwnTerminal
from ivmweb.common.errors import PrerequisiteFailed
from pathlib import Path
import sys
really_open = Path.open
def tell_and_open(path, **options):
    sys.stderr.write("Lines:")
    return really_open(path, **options)
Path.open = tell_and_open
try:
    print("<%s>" % {call})
except PrerequisiteFailed as error:
    print(error)
except Interrupted:
    print("interrupted")
"""
HIDDEN = 'OwnTerminal().ask_hidden("Careful.\\nPassword:")'
FILE = 'repr(OwnTerminal().read_file("-"))'


@pytest.fixture
def typed():
    """All that is shown once `keys` were typed at the question that ends in a colon."""
    person, own = pty.openpty()

    def type_(call, keys):
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)" + ASK.format(call=call),
            ],
            stdin=own,
            stdout=own,
            stderr=own,
            start_new_session=True,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )
        shown = b""
        while not shown.endswith(b":"):
            shown += os.read(person, 4096)
        os.write(person, keys)
        assert process.wait(30) == 0, shown
        os.set_blocking(person, False)
        try:
            while True:
                shown += os.read(person, 4096)
        except BlockingIOError:
            return shown.decode().replace("\r\n", "\n")

    yield type_
    os.close(person)
    os.close(own)


def test_an_answer_is_not_shown(typed):
    assert typed(HIDDEN, "geheim,ß\r".encode()) == "Careful.\nPassword:\n<geheim,ß>\n"


def test_ctrl_d_is_refused_as_over_ssh(typed):
    assert typed(HIDDEN, b"\x04") == (
        'Careful.\nPassword:\n[VIOSE01049000-9586] The question "Password:" was not answered: the input ended there '
        "(Ctrl-D). Nothing was done. Run the command again, and answer it.\n"
    )


def test_ctrl_c_at_a_question_interrupts_at_once(typed):
    assert typed(HIDDEN, b"half\x03") == "Careful.\nPassword:\ninterrupted\n"


def test_ctrl_c_ends_what_is_typed_for_a_command_at_once(typed):
    assert typed(FILE, b"one\n\x03").endswith("^Cinterrupted\n")


def test_what_is_typed_up_to_ctrl_d_is_a_file(typed):
    assert typed(FILE, b"one\ntwo\n\x04").endswith("<'one\\ntwo\\n'>\n")
