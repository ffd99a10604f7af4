"""What a person at the prompt of an SSH channel sees, key by key."""

import pytest

from ivmweb.cli import session, shell, sshd
from ivmweb.cli.grammar import LONGEST_LINE
from ivmweb.cli.sshd import Connection, Place
from tests.cli.channel import CameIn, play, until


class LetIn(Connection):
    """Whoever comes."""

    def begin_auth(self, username):
        super().begin_auth(username)
        self.came_in = CameIn()
        return False


@pytest.fixture
def served(world, monkeypatch, tmp_path):
    """Plays a scene with the server as it is started, whose log-in lets in whoever comes."""
    monkeypatch.setattr(sshd, "Connection", LetIn)
    place = Place("127.0.0.1", 0, tmp_path / "key", 10)
    return lambda scene: play(world, scene, listen=lambda: sshd.listen(place))


async def at_prompt(link, **options):
    process = await link.create_process(term_type="xterm", encoding=None, **options)
    await until(process, b"$ ")
    return process


def test_a_line_that_is_too_long_for_a_terminal_runs_in_no_part(served, monkeypatch):
    monkeypatch.setattr(session, "run_line", shell.run_line)

    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"echo " + b"x" * LONGEST_LINE + b"\r")
        said = await until(process, b"\r\n$ ")
        assert f"[VIOSE01049000-9561] The command line has more than {LONGEST_LINE} characters.".encode() in said
        process.stdin.write(b"echo $?\r")
        assert await until(process, b"$ ") == b"echo $?\r\n2\r\n$ "

    served(scene)
