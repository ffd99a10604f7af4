"""IVM Management > Remote Systems. What looking at a console means is tried in tests/migration."""

import pytest

from ivmweb.common.errors import PeerError, PrerequisiteFailed
from migration import remote_systems
from migration.models import RemoteSystem
from migration.remote_systems import Offer
from tests.pages.conftest import text_of

LIST = "/remote-systems/"
CONFIRM = "/remote-systems/confirm/"
OFFER = Offer("uli15", "uli15:8443", "PEM of uli15", "AB:CD", "Server-15", "7998-60X*15")
MARK = "uli15 uli15:8443 AB:CD"


@pytest.fixture
def shown(monkeypatch, system):
    """What the console at the address shows; a test changes it."""
    offers = [OFFER]
    monkeypatch.setattr(remote_systems, "look", lambda name, address, user: offers[-1])
    return offers


def add(client):
    return client.post(f"{LIST}add/", {"name": "uli15", "address": "uli15:8443"})


def test_the_list_shows_each_system_and_this_console(as_padmin, system, uli14, settings, tmp_path):
    settings.CERTIFICATE = tmp_path / "none.crt"
    page = text_of(as_padmin.get(LIST))
    for words in ("uli14", "127.0.0.1:8414", "Server-7998-60X-SN100E7DA", settings.PUBLIC_ADDRESS, system.name):
        assert words in page
    assert "There is no certificate yet." in page


def test_a_removed_system_is_not_listed(as_padmin, system, uli14):
    RemoteSystem.objects.update(removed_at="2026-11-23T19:07:32Z")
    assert "127.0.0.1:8414" not in text_of(as_padmin.get(LIST))


def test_add_shows_and_stores_nothing_before_it_is_confirmed(as_padmin, shown):
    assert add(as_padmin).headers["Location"] == CONFIRM
    page = text_of(as_padmin.get(CONFIRM))
    for words in ("uli15:8443", "Server-15", "AB:<wbr>CD"):
        assert words in page
    assert not RemoteSystem.objects.exists()


def test_a_confirmed_certificate_is_stored_as_it_was_shown(as_padmin, shown):
    add(as_padmin)
    shown.append(Offer("uli15", "uli15:8443", "another PEM", "EE:EE", "Server-15", "7998-60X*15"))
    page = text_of(as_padmin.post(CONFIRM, {"shown": MARK, "confirmed": "on"}, follow=True))
    assert "[VIOSI01049000-9354]" in page
    remote = RemoteSystem.objects.get()
    assert (remote.certificate, remote.fingerprint) == ("PEM of uli15", "AB:CD")


def test_without_the_check_box_nothing_is_stored(as_padmin, shown):
    add(as_padmin)
    assert "[VIOSE01049000-9349]" in text_of(as_padmin.post(CONFIRM, {"shown": MARK}))
    assert not RemoteSystem.objects.exists()


def test_a_tab_does_not_confirm_what_another_tab_was_shown(as_padmin, shown):
    add(as_padmin)
    shown.append(Offer("uli15", "uli15:8443", "another PEM", "EE:EE", "Server-15", "7998-60X*15"))
    add(as_padmin)
    answer = as_padmin.post(CONFIRM, {"shown": MARK, "confirmed": "on"})
    assert "[VIOSE01049000-9348]" in text_of(answer)
    assert not RemoteSystem.objects.exists()


def test_a_confirmation_serves_once(as_padmin, shown):
    add(as_padmin)
    as_padmin.post(CONFIRM, {"shown": MARK, "confirmed": "on"})
    RemoteSystem.objects.all().delete()
    assert as_padmin.post(CONFIRM, {"shown": MARK, "confirmed": "on"}).status_code == 409
    assert not RemoteSystem.objects.exists()


def test_a_refusal_keeps_what_was_typed(as_padmin, system, monkeypatch):
    def silent(*_):
        raise PeerError("peer-timeout", permanent=False, remote="uli15", address="uli15:8443", timeout_s=10)

    monkeypatch.setattr(remote_systems, "look", silent)
    page = text_of(add(as_padmin))
    assert "[VIOSE01049000-9301]" in page
    assert 'value="uli15:8443"' in page


def test_re_pin_shows_both_fingerprints_and_replaces_the_old_one(as_padmin, system, uli14, monkeypatch):
    offer = Offer("uli14", uli14.address, "new PEM", "BB:BB", "Server-14", "7998-60X*14", repins=uli14.pk)
    monkeypatch.setattr(remote_systems, "look_again", lambda remote, user: offer)
    page = text_of(as_padmin.post(LIST, {"repin": "1", "selected": uli14.pk}, follow=True))
    assert ">AA<" in page
    assert ">BB:<wbr>BB<" in page
    as_padmin.post(CONFIRM, {"shown": f"uli14 {uli14.address} BB:BB", "confirmed": "on"})
    uli14.refresh_from_db()
    assert (uli14.certificate, uli14.fingerprint) == ("new PEM", "BB:BB")


def test_re_pin_of_the_same_certificate_says_so(as_padmin, system, uli14, monkeypatch):
    def same(remote, user):
        raise PrerequisiteFailed("remote-certificate-same", name="uli14", fingerprint="AA")

    monkeypatch.setattr(remote_systems, "look_again", same)
    assert "[VIOSI01049000-9350]" in text_of(as_padmin.post(LIST, {"repin": "1", "selected": uli14.pk}, follow=True))


@pytest.mark.parametrize(("selected", "code"), [("", "9353"), ("77", "9351"), ("x", "9351"), ("9" * 30, "9351")])
def test_a_button_needs_a_selected_system(as_padmin, system, uli14, selected, code):
    page = text_of(as_padmin.post(LIST, {"remove": "1", "selected": selected}))
    assert f"[VIOSE01049000-{code}]" in page


def test_remove_asks_once_more_then_removes(as_padmin, system, uli14):
    answer = as_padmin.post(LIST, {"remove": "1", "selected": uli14.pk})
    address = answer.headers["Location"]
    assert address == f"/remote-systems/{uli14.pk}/remove/"
    assert "nothing migrates to or from it any more" in text_of(as_padmin.get(address))
    assert RemoteSystem.objects.exists()
    assert "[VIOSI01049000-9356]" in text_of(as_padmin.post(address, follow=True))
    assert not RemoteSystem.objects.exists()


def test_remove_is_refused_while_a_migration_is_open(as_padmin, make_migration, uli14):
    make_migration()
    assert "[VIOSE01049000-9352]" in text_of(as_padmin.post(f"/remote-systems/{uli14.pk}/remove/"))
    assert RemoteSystem.objects.known().exists()


def test_a_view_only_user_sees_the_list_and_no_button(as_viewer, system, uli14):
    page = text_of(as_viewer.get(LIST))
    assert "127.0.0.1:8414" in page
    for word in ("Add", "Re-pin", "Remove"):
        assert f">{word}<" not in page


def test_a_view_only_user_changes_nothing(as_viewer, system, uli14):
    for path in (LIST, f"{LIST}add/", CONFIRM, f"{LIST}{uli14.pk}/remove/"):
        assert as_viewer.post(path, {"remove": "1", "selected": uli14.pk}).status_code == 403
    assert as_viewer.get(CONFIRM).status_code == 403
    assert RemoteSystem.objects.known().exists()


@pytest.mark.parametrize(("field", "code"), [("name", "9340"), ("address", "9341")])
def test_a_control_character_is_refused_with_the_code_of_that_field(as_padmin, shown, field, code):
    fields = {"name": "uli15", "address": "uli15:8443"} | {field: "uli\0fifteen"}
    page = text_of(as_padmin.post(f"{LIST}add/", fields))
    assert f"[VIOSE01049000-{code}] uli\\x00fifteen" in page
