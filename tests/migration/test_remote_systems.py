"""Making another console known, re-pinning and removing it, against a real TLS server."""

import socket

import pytest

from ivmweb.common.certificates import fingerprint
from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system.models import AuditEvent
from migration import remote_systems
from migration.models import Migration, RemoteSystem
from migration.peer.remotes import find_remote, is_still_known, known_by
from tests import factories
from tests.migration.conftest import hello_of
from tests.migration.scripted_console import http, scripted_console
from tests.pages.conftest import make_running_migration


@pytest.fixture(autouse=True)
def system(db):
    return factories.make_system()


@pytest.fixture
def padmin(db):
    return factories.make_user("padmin", "Prime administrator")


@pytest.fixture
def viewer(db):
    return factories.make_user("viewer", "View Only")


@pytest.fixture
def console(tmp_path):
    with scripted_console(tmp_path) as scripted:
        yield scripted


@pytest.fixture
def look(console, padmin):
    """The console's answer to hello, then a look at it."""

    def look(name="uli14", address=None, **hello):
        console.answers = [http(hello_of(data.ULI14, **hello).model_dump_json())]
        return remote_systems.look(name, address or console.address, padmin)

    return look


@pytest.fixture
def uli14(look, padmin):
    return remote_systems.add(look(), user=padmin, origin="127.0.0.1")


def remove(remote, user):
    remote_systems.remove(remote, user=user, origin="127.0.0.1")


def key_of(act):
    with pytest.raises(IvmError) as refused:
        act()
    return refused.value.key


def test_a_look_says_who_it_is_and_stores_nothing(look, console):
    offer = look()
    assert offer.fingerprint == fingerprint(console.pair.certificate)
    assert (offer.system_name, offer.system_identity) == (data.ULI14.name, data.ULI14.identity)
    assert not RemoteSystem.objects.exists()
    assert not MonitorTask.objects.exists()


def test_what_was_shown_is_pinned_and_not_fetched_again(look, console, padmin):
    offer = look()
    console.close()
    remote = remote_systems.add(offer, user=padmin, origin="127.0.0.1")
    assert (remote.certificate, remote.fingerprint) == (console.pair.certificate, offer.fingerprint)
    assert find_remote("uli14") == known_by(data.ULI14.identity) == remote


def test_adding_is_audited_and_a_row_of_monitor_tasks(uli14):
    assert AuditEvent.objects.get().action == "Add Remote System"
    task = MonitorTask.objects.get()
    assert (task.name, task.user, task.status) == ("Add Remote System", "padmin", "succeeded")
    assert uli14.fingerprint in str(task.sentence)


@pytest.mark.parametrize(
    ("address", "kept"),
    [("ULI14.Example.com:8443", "uli14.example.com:8443"), ("10.0.0.1", "10.0.0.1:443"), ("[::1]:1", "[::1]:1")],
)
def test_an_address_has_one_spelling(address, kept):
    assert remote_systems.checked_address(address) == kept


@pytest.mark.parametrize(
    "address", ["", "uli14:0", "uli14:99999", "uli14:x", "https://uli14/", "me@uli14:1", "uli14/x", "a b:1", "::1"]
)
def test_what_is_no_address_is_refused(look, console, address):
    assert key_of(lambda: remote_systems.checked_address(address)) == "remote-address-wrong"


@pytest.mark.parametrize("name", ["", "-uli", "uli 14", "x" * 64, "uli14\n.x", "<b>"])
def test_what_is_no_host_name_is_refused(look, console, name):
    assert key_of(lambda: look(name)) == "remote-name-wrong"
    assert console.connections == 0


def test_this_console_itself_is_refused_by_its_address(look, console, settings):
    settings.PUBLIC_ADDRESS = "uli13.example.com:8443"
    assert key_of(lambda: look(address="ULI13.example.com:8443")) == "remote-is-this-console"
    assert console.connections == 0


def test_this_console_itself_is_refused_by_its_system(look):
    assert key_of(lambda: look(system_identity=data.ULI13.identity)) == "remote-is-this-console"


def test_a_known_name_address_or_system_is_refused(look, uli14):
    assert key_of(lambda: look("ULI14", "127.0.0.1:1")) == "remote-name-known"
    assert key_of(lambda: look("other")) == "remote-address-known"
    RemoteSystem.objects.update(address="127.0.0.1:1")
    assert key_of(lambda: look("other")) == "remote-system-known"


def test_a_name_that_became_known_between_look_and_add_is_refused(look, padmin):
    offer = look()
    RemoteSystem.objects.create(name="uli14", address="127.0.0.1:1", certificate="x", fingerprint="x")
    assert key_of(lambda: remote_systems.add(offer, user=padmin, origin="")) == "remote-name-known"
    assert MonitorTask.objects.get().status == "failed"


def test_nobody_at_the_address_is_told(look):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        assert key_of(lambda: look(address=address)) == "peer-unreachable"


def test_a_silent_address_is_told(look, settings):
    settings.PEER_TIMEOUT_S = 0.1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        assert key_of(lambda: look(address=address)) == "peer-timeout"


@pytest.mark.parametrize("answer", [http("<html>"), http("no", "404 Not Found"), http("{}")])
def test_another_server_than_a_console_is_told(console, padmin, answer):
    console.answers = [answer]
    assert key_of(lambda: remote_systems.look("uli14", console.address, padmin)) == "remote-not-a-console"


def test_another_protocol_is_told(look):
    assert key_of(lambda: look(protocol=99)) == "peer-protocol-differs"


def test_who_may_only_view_neither_looks_nor_changes(console, uli14, viewer):
    before = console.connections
    for act in (
        lambda: remote_systems.look("other", console.address, viewer),
        lambda: remote_systems.look_again(uli14, viewer),
        lambda: remote_systems.repin(remote_systems.Offer.of(uli14), user=viewer, origin=""),
        lambda: remove(uli14, viewer),
    ):
        assert key_of(act) == "no-right"
    assert (console.connections, RemoteSystem.objects.known().count()) == (before, 1)


# Re-pin


def test_another_certificate_is_shown_and_pinned_once_confirmed(console, uli14, padmin):
    RemoteSystem.objects.update(certificate="old", fingerprint="OLD")
    uli14.refresh_from_db()
    console.answers = [http(hello_of(data.ULI14).model_dump_json())]
    offer = remote_systems.look_again(uli14, padmin)
    assert RemoteSystem.objects.get().fingerprint == "OLD"
    remote_systems.repin(offer, user=padmin, origin="")
    uli14.refresh_from_db()
    assert (uli14.certificate, uli14.fingerprint) == (console.pair.certificate, offer.fingerprint)


def test_the_same_certificate_needs_no_confirmation(console, uli14, padmin):
    console.answers = [http(hello_of(data.ULI14).model_dump_json())]
    assert key_of(lambda: remote_systems.look_again(uli14, padmin)) == "remote-certificate-same"


def test_another_system_at_the_address_is_not_re_pinned(console, uli14, padmin):
    RemoteSystem.objects.update(fingerprint="OLD")
    uli14.refresh_from_db()
    console.answers = [http(hello_of(data.ULI14, system_identity="7998-60X*OTHER").model_dump_json())]
    assert key_of(lambda: remote_systems.look_again(uli14, padmin)) == "peer-identity-changed"


def test_a_remote_system_that_was_removed_meanwhile_is_not_re_pinned(uli14, padmin):
    offer = remote_systems.Offer.of(uli14)
    remove(uli14, padmin)
    assert key_of(lambda: remote_systems.repin(offer, user=padmin, origin="")) == "remote-gone"


# Remove


@pytest.fixture
def migrate(uli14):
    partition = factories.make_lab_partition(data.ULI13LP1)
    return lambda **fields: make_running_migration(partition, uli14, **fields)


def test_one_without_migrations_is_forgotten(uli14, padmin):
    remove(uli14, padmin)
    assert not RemoteSystem.objects.exists()


def test_an_open_migration_keeps_it(uli14, padmin, migrate):
    migrate()
    with pytest.raises(PrerequisiteFailed, match="not over: uli13lp1"):
        remove(uli14, padmin)
    assert RemoteSystem.objects.known().get() == uli14


def test_migrations_on_record_stay_and_nothing_new_goes_there(uli14, padmin, migrate):
    migrate(state="closed, moved")
    remove(uli14, padmin)
    assert Migration.objects.get().remote == uli14
    assert key_of(lambda: find_remote("uli14")) == "remote-none-known"
    assert known_by(data.ULI14.identity) is None
    assert not is_still_known(uli14)
    assert key_of(lambda: remove(uli14, padmin)) == "remote-gone"


def test_a_removed_system_that_is_added_again_is_the_same_one(look, uli14, padmin, migrate):
    migrate(state="closed, moved")
    remove(uli14, padmin)
    again = remote_systems.add(look("uli14b"), user=padmin, origin="")
    assert again.pk == uli14.pk
    assert find_remote("uli14b") == Migration.objects.get().remote == again


def test_its_name_and_address_are_free_for_another_system(look, uli14, padmin, migrate):
    migrate(state="closed, moved")
    remove(uli14, padmin)
    other = remote_systems.add(look(system_identity="7998-60X*OTHER"), user=padmin, origin="")
    assert (other.name, other.address) == (uli14.name, uli14.address)
    assert other.pk != uli14.pk


def test_a_migration_that_begins_as_it_is_removed_wins_or_loses_as_a_whole(uli14, padmin, migrate, monkeypatch):
    """The rival records its migration between the removal's update and its look at the migrations."""
    look_at = remote_systems.unfinished_migrations

    def rival_first():
        migrate()
        return look_at()

    monkeypatch.setattr(remote_systems, "unfinished_migrations", rival_first)
    assert key_of(lambda: remove(uli14, padmin)) == "remote-in-use"
    assert is_still_known(uli14)


def test_a_remote_system_can_not_have_this_consoles_own_name(system, padmin, settings):
    settings.CONSOLE = "uli13"
    with pytest.raises(PrerequisiteFailed) as refused:
        remote_systems.look("ULI13", "uli15:8443", padmin)
    assert refused.value.key == "remote-has-own-name"
