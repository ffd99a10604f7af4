"""The lab's partitions, and somebody at a prompt."""

import pytest

from ivmweb.cli import session
from ivmweb.cli.command import Caller
from ivmweb.cli.shell import run_line
from ivmweb.lab import data
from migration import credentials, services
from migration.models import RemoteSystem
from migration.peer.messages import MoverAddress, ValidateAnswer
from tests.cli.channel import World
from tests.handover.partner import ScriptedClient, ScriptedPartner


class Keyboard:
    """Of a person: what is typed at the next hidden prompts, and files by their names."""

    def __init__(self):
        self.typed, self.asked, self.files = [], [], {}

    def ask_hidden(self, prompt):
        self.asked.append(prompt)
        return self.typed.pop(0) if self.typed else None

    def read_file(self, name):
        if name not in self.files:
            raise OSError("No such file or directory")
        return self.files[name]


class Prompt:
    def __init__(self, user):
        self.keyboard = Keyboard()
        self.caller = Caller(user, "ssh from 127.0.0.1", {}, self.keyboard)
        self.out = self.err = ""
        self.status = 0

    def __call__(self, line):
        """What went to standard output; `err` and `status` have the rest."""
        out, err = [], []
        self.status = run_line(line, self.caller, out.append, err.append, self.status)
        self.out, self.err = "".join(out), "".join(err)
        return self.out

    def lines(self, line):
        return self(line).splitlines()


@pytest.fixture
def prompt(padmin):
    return Prompt(padmin)


@pytest.fixture
def viewer(viewer):
    return Prompt(viewer)


@pytest.fixture
def remote(uli13):
    return RemoteSystem.objects.create(
        name="uli14",
        address="127.0.0.1:8414",
        certificate="-",
        fingerprint="AA",
        system_name=data.ULI14.name,
        system_identity=data.ULI14.identity,
    )


class Client(ScriptedClient):
    def validate(self, token, request):
        self.partner.asked.append((token, request))
        mover = MoverAddress(host=self.partner.mover, port=0)
        return ValidateAnswer(hello=self.hello(), mover=mover, findings=tuple(self.partner.findings))


@pytest.fixture
def uli14(remote, monkeypatch, hypervisor):
    """Its console; the password of padmin there is typed when it is asked for."""
    partner = ScriptedPartner()
    partner.asked, partner.findings, partner.mover = [], [], "127.0.0.1"
    for module in (credentials, services):
        monkeypatch.setattr(module, "PeerClient", lambda remote, **_: Client(partner, remote))
    return partner


@pytest.fixture
def world(monkeypatch):
    made = World()
    monkeypatch.setattr(session, "run_line", made.run_line)
    monkeypatch.setattr(session.Completion, "learn", lambda _: None)
    monkeypatch.setattr(session.login, "earlier", lambda _: [])
    yield made
    made.executor.shutdown(wait=False)
    made.console.close()
    made.partition.close()
