"""The command by which an administrator makes another console known."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ivmweb.common.certificates import fingerprint, make_certificate
from ivmweb.lab import data
from migration.management.commands import remote_system
from migration.models import RemoteSystem
from tests.migration.conftest import hello_of

pytestmark = pytest.mark.django_db
PAIR = make_certificate("uli14")


@pytest.fixture(autouse=True)
def console(monkeypatch):
    monkeypatch.setattr(remote_system, "fetch_certificate", lambda *address: PAIR.certificate)
    monkeypatch.setattr(remote_system.PeerClient, "hello", lambda self: hello_of(data.ULI14))


def test_a_confirmed_fingerprint_makes_the_console_known(capsys):
    call_command("remote_system", "add", "uli14", "127.0.0.1:8414", "--fingerprint", fingerprint(PAIR.certificate))
    remote = RemoteSystem.objects.get()
    assert (remote.name, remote.system_identity) == ("uli14", data.ULI14.identity)
    call_command("remote_system", "list")
    assert "uli14 127.0.0.1:8414" in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["no", ""])
def test_without_a_yes_nothing_is_pinned(monkeypatch, answer):
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("remote_system", "add", "uli14", "127.0.0.1:8414")
    assert not RemoteSystem.objects.exists()


def test_another_fingerprint_than_expected_is_refused():
    with pytest.raises(CommandError, match="not AA:BB"):
        call_command("remote_system", "add", "uli14", "127.0.0.1:8414", "--fingerprint", "AA:BB")
    assert not RemoteSystem.objects.exists()


def test_a_removed_console_is_unknown_and_removing_it_again_says_so():
    call_command("remote_system", "add", "uli14", "127.0.0.1:8414", "--fingerprint", fingerprint(PAIR.certificate))
    call_command("remote_system", "remove", "uli14")
    assert not RemoteSystem.objects.exists()
    with pytest.raises(CommandError, match="is not known"):
        call_command("remote_system", "remove", "uli14")
