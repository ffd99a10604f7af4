"""What a user types as Remote IVM or HMC, and who another console says it is."""

import pytest
from django.utils import timezone

from ivmweb.common.certificates import fingerprint
from ivmweb.common.errors import PeerError, PrerequisiteFailed
from ivmweb.lab import data
from migration.models import RemoteSystem
from migration.peer.remotes import HEARD_EVERY, find_remote, heard_from, known_by, remember
from tests.migration.conftest import hello_of, remote_system
from tests.migration.scripted_console import http, scripted_console

pytestmark = pytest.mark.django_db


@pytest.fixture
def remotes(uli13, settings):
    settings.PUBLIC_ADDRESS = "127.0.0.1:8413"
    RemoteSystem.objects.create(name="far", address="far.example.com:8443", system_name="Far")
    RemoteSystem.objects.create(name="six", address="[fd00::6]:8443")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("uli14", "uli14"),
        (" ULI14 ", "uli14"),
        ("127.0.0.1:8414", "uli14"),
        ("far.example.com", "far"),
        ("FAR.example.com:8443", "far"),
        ("fd00::6", "six"),
        ("[fd00::6]", "six"),
        ("[fd00::6]:8443", "six"),
    ],
)
def test_a_remote_system_is_found_by_name_address_or_host(remotes, typed, name):
    assert find_remote(typed).name == name


@pytest.mark.parametrize(
    ("typed", "key", "says"),
    [
        ("", "remote-empty", "Type the host name"),
        ("  ", "remote-empty", "Type the host name"),
        ("uli15", "remote-unknown", "Known are: far, six, uli14."),
        ("far.example.com:9999", "remote-unknown", "Known are: far, six, uli14."),
        ("Server-7998-60X-SN100E7DA", "remote-is-system-name", "Type uli14."),
        ("server-7998-60x-sn100e7da", "remote-is-system-name", "Type uli14."),
        ("7998-60X*100E7DA", "remote-is-system-name", "Type uli14."),
        ("127.0.0.1", "remote-ambiguous", "this one included: uli14 (127.0.0.1:8414)"),
        ("uli13", "remote-is-itself", "uli13 is this console itself"),
        ("127.0.0.1:8413", "remote-is-itself", "Known are: far, six, uli14."),
        ("Server-7998-61X-SN100390A", "remote-is-itself", "is this console itself"),
    ],
)
def test_anything_else_is_refused_with_the_next_step(remotes, typed, key, says):
    with pytest.raises(PrerequisiteFailed) as caught:
        find_remote(typed)
    assert caught.value.key == key
    assert says in caught.value.text


def test_without_any_remote_system_the_answer_says_so(uli13):
    RemoteSystem.objects.all().delete()
    with pytest.raises(PrerequisiteFailed, match="No remote system is known; add one"):
        find_remote("uli14")


def test_a_host_with_two_consoles_is_ambiguous(remotes):
    remote_system(data.ULI13, name="other", address="127.0.0.1:8500", system_identity="7998-61X*OTHER")
    with pytest.raises(PrerequisiteFailed) as caught:
        find_remote("127.0.0.1")
    assert caught.value.key == "remote-ambiguous"
    assert "other (127.0.0.1:8500), uli14 (127.0.0.1:8414)" in caught.value.text


def test_an_entry_without_identity_learns_it(uli13):
    RemoteSystem.objects.update(system_identity="")
    remember(RemoteSystem.objects.get(), hello_of(data.ULI14))
    assert RemoteSystem.objects.get().system_identity == data.ULI14.identity


def test_an_entry_keeps_its_identity_when_another_system_answers(uli13):
    with pytest.raises(PeerError, match="Remove that remote system and add it again"):
        remember(uli13, hello_of(data.ULI14, system_identity="7998-60X*OTHER"))
    assert RemoteSystem.objects.get().system_identity == data.ULI14.identity


def test_a_known_source_is_not_asked(uli14):
    assert known_by(data.ULI13.identity) == uli14


def test_an_entry_without_identity_is_asked_who_it_is(uli14, tmp_path):
    with scripted_console(tmp_path, "uli13") as console:
        console.answers = [http(hello_of(data.ULI13).model_dump_json())]
        RemoteSystem.objects.update(
            system_identity="",
            address=console.address,
            certificate=console.pair.certificate,
            fingerprint=fingerprint(console.pair.certificate),
        )
        assert known_by("7998-61X*OTHER") is None
        assert known_by(data.ULI13.identity) == uli14


def test_a_silent_entry_without_identity_is_not_the_source(uli14, tmp_path):
    with scripted_console(tmp_path, "uli13") as console:
        RemoteSystem.objects.update(system_identity="", address=console.address, certificate=console.pair.certificate)
    assert known_by(data.ULI13.identity) is None


def test_an_answer_soon_after_another_costs_no_query(uli14, django_assert_num_queries):
    now = timezone.now()
    with django_assert_num_queries(1):
        heard_from(uli14, now)
        heard_from(uli14, now + HEARD_EVERY / 2)
    heard_from(uli14, now + HEARD_EVERY)
    assert RemoteSystem.objects.get(pk=uli14.pk).last_heard_at == now + HEARD_EVERY
