"""The command by which an administrator makes another console known, against a real TLS server."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ivmweb.common.certificates import fingerprint
from ivmweb.lab import data
from migration.models import RemoteSystem
from tests import factories
from tests.migration.conftest import hello_of
from tests.migration.scripted_console import http, scripted_console


@pytest.fixture
def console(tmp_path, db):
    factories.make_system()
    with scripted_console(tmp_path) as scripted:
        yield scripted


def add(console, expected=None):
    """The certificate is fetched by one connection, who answers is asked by the next."""
    console.answers = [http(hello_of(data.ULI14).model_dump_json())]
    call_command(
        "remote_system",
        *("add", "uli14", console.address),
        *("--fingerprint", expected or fingerprint(console.pair.certificate)),
    )


def test_a_confirmed_fingerprint_makes_the_console_known(console, capsys):
    add(console)
    remote = RemoteSystem.objects.get()
    assert (remote.name, remote.system_identity) == ("uli14", data.ULI14.identity)
    assert (remote.system_name, remote.last_heard_at is None) == (data.ULI14.name, False)
    call_command("remote_system", "list")
    assert f"uli14 {console.address}" in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["no", ""])
def test_without_a_yes_nothing_is_pinned(console, monkeypatch, answer):
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    console.answers = [http(hello_of(data.ULI14).model_dump_json())]
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("remote_system", "add", "uli14", console.address)
    assert not RemoteSystem.objects.exists()


def test_another_fingerprint_than_expected_is_refused(console):
    with pytest.raises(CommandError, match="not AA:BB"):
        add(console, expected="AA:BB")
    assert not RemoteSystem.objects.exists()


def test_a_console_that_is_known_already_is_refused(console):
    add(console)
    with pytest.raises(CommandError, match=r"9343\].*remove it first"):
        add(console)
    assert RemoteSystem.objects.count() == 1


def test_a_removed_console_is_unknown_and_removing_it_again_says_so(console):
    add(console)
    call_command("remote_system", "remove", "uli14")
    assert not RemoteSystem.objects.exists()
    with pytest.raises(CommandError, match="is not known"):
        call_command("remote_system", "remove", "uli14")


def test_another_certificate_is_confirmed_in_place_of_the_old_one(console):
    add(console)
    RemoteSystem.objects.update(certificate="old", fingerprint="OLD")
    console.answers = [http(hello_of(data.ULI14).model_dump_json())]
    call_command("remote_system", "repin", "uli14", "--fingerprint", fingerprint(console.pair.certificate))
    assert RemoteSystem.objects.get().fingerprint == fingerprint(console.pair.certificate)
    console.answers = [http(hello_of(data.ULI14).model_dump_json())]
    with pytest.raises(CommandError, match="nothing to re-pin"):
        call_command("remote_system", "repin", "uli14")
