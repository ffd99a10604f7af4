"""A session that ends in the middle of a form loses nothing that was typed, and gives it to nobody else."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivmweb.pages import typed
from ivmweb.system.models import PhysicalAdapter
from ivmweb.system.rights import PRIME_ADMINISTRATOR, VIEW_ONLY
from tests.factories import make_user
from tests.pages.conftest import make_running_migration, text_of

PAGE = "/partitions/2/migrate/"
TYPED = {"remote_manager": "uli14.example.com", "remote_user": "operator", "password": "very secret", "migrate": "1"}


@pytest.fixture(autouse=True)
def users(db):
    make_user("padmin", PRIME_ADMINISTRATOR)
    make_user("second", PRIME_ADMINISTRATOR)
    make_user("viewer", VIEW_ONLY)


@pytest.fixture
def pressed(monkeypatch):
    """What the services were asked for."""
    calls = []
    for name in ("validate", "migrate"):
        monkeypatch.setattr(f"migration.services.{name}", lambda **arguments: calls.append(arguments))
    return calls


def log_in(client, user="padmin", address="/login/", **more):
    return client.post(address, {"username": user, "password": user, **more})


def end_session(client):
    """As time does: the browser drops the cookie, the server the row."""
    Session.objects.all().delete()
    del client.cookies[settings.SESSION_COOKIE_NAME]


def press(client, path=PAGE, fields=TYPED, page=None):
    return client.post(path, fields, headers={"referer": f"http://testserver{page or path}"})


@pytest.fixture
def interrupted(client, uli13lp1, pressed):
    """padmin's session ended, then Migrate was pressed; the client stands before the log-in page."""
    log_in(client)
    end_session(client)
    answer = press(client)
    assert answer.headers["Location"] == f"/login/?next={PAGE}"
    return client


def test_the_form_comes_back_filled_without_password_and_nothing_was_done(interrupted, pressed):
    answer = log_in(interrupted, next=PAGE)
    assert answer.headers["Location"] == PAGE
    page = text_of(interrupted.get(PAGE))
    assert 'value="uli14.example.com"' in page
    assert 'value="operator"' in page
    assert "[VIOSI01049000-9035]" in page
    assert "very secret" not in page
    assert pressed == []


def test_the_log_in_page_says_that_the_session_ended_and_what_is_kept(interrupted):
    page = text_of(interrupted.get(f"/login/?next={PAGE}"))
    assert "Your session has ended" in page
    assert "What you typed is kept" in page


def test_the_password_is_not_even_kept_on_the_server(interrupted):
    kept = [session.get_decoded() for session in Session.objects.all()]
    assert "uli14.example.com" in str(kept)
    assert "very secret" not in str(kept)


def test_it_comes_back_again_when_the_page_is_loaded_again(interrupted):
    log_in(interrupted)
    interrupted.get(PAGE)
    interrupted.post("/stay/")
    page = text_of(interrupted.get(PAGE))
    assert "uli14.example.com" in page
    assert "[VIOSI01049000-9035]" in page


def test_it_comes_back_no_more_once_another_page_was_opened(interrupted):
    log_in(interrupted)
    interrupted.get(PAGE)
    assert "[VIOSI01049000-9037]" not in text_of(interrupted.get("/help/"))
    assert "uli14.example.com" not in text_of(interrupted.get(PAGE))


def test_it_comes_back_no_more_once_its_button_was_pressed(interrupted):
    log_in(interrupted)
    interrupted.get(PAGE)
    press(interrupted, fields={"remote_manager": "", "validate": "1"})
    assert "uli14.example.com" not in text_of(interrupted.get(PAGE))


def test_another_user_who_logs_in_does_not_see_it_nor_does_the_first_one_after(interrupted):
    log_in(interrupted, "second")
    page = text_of(interrupted.get(PAGE))
    assert "uli14.example.com" not in page
    assert "[VIOSI01049000-9041] What padmin had typed here before that session ended was not shown to second" in page
    assert "9041" not in text_of(interrupted.get(PAGE))
    interrupted.post(reverse("logout"))
    log_in(interrupted)
    assert "uli14.example.com" not in text_of(interrupted.get(PAGE))


def test_who_goes_elsewhere_after_log_in_is_not_surprised_later(interrupted):
    log_in(interrupted)
    interrupted.get("/help/")
    assert "uli14.example.com" not in text_of(interrupted.get(PAGE))


def test_another_page_does_not_get_it(interrupted, uli13lp2):
    log_in(interrupted)
    assert "uli14.example.com" not in text_of(interrupted.get("/partitions/3/migrate/"))


def test_a_browser_where_nobody_was_logged_in_stores_nothing(client, uli13lp1):
    press(client)
    assert not Session.objects.exists()
    assert "Your session has ended" not in text_of(client.get("/login/"))


def test_a_forged_cookie_stores_nothing(client, uli13lp1):
    client.cookies[typed.COOKIE] = "1:forged"
    press(client)
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    "fields", [{"remote_manager": "x" * typed.MAX_BYTES}, {f"f{n}": "1" for n in range(typed.MAX_FIELDS + 1)}]
)
def test_too_much_is_not_kept(client, uli13lp1, fields):
    log_in(client)
    end_session(client)
    press(client, fields=fields)
    assert Session.objects.get().get_decoded()[typed.SESSION_KEY]["fields"] == {}
    assert "What you typed is kept" not in text_of(client.get("/login/"))


def test_after_log_out_nothing_tells_who_was_there(client, system):
    log_in(client)
    client.post(reverse("logout"))
    page = text_of(client.get("/login/"))
    assert "Your session has ended" not in page
    assert "padmin" not in page


def test_what_is_typed_when_its_user_logs_out_in_another_window_comes_back_as_well(client, uli13lp1, pressed):
    log_in(client)
    client.post(reverse("logout"))
    client.get("/login/")
    press(client)
    page = text_of(client.get(f"/login/?next={PAGE}"))
    assert "you logged out in another window or tab" in page
    assert "What you typed is kept" in page
    log_in(client)
    assert 'value="uli14.example.com"' in text_of(client.get(PAGE))
    assert pressed == []


def test_nor_is_it_shown_to_another_user_after_a_log_out(client, uli13lp1):
    log_in(client)
    client.post(reverse("logout"))
    press(client)
    log_in(client, "second")
    page = text_of(client.get(PAGE))
    assert "uli14.example.com" not in page
    assert "9041" in page


def test_the_choice_of_a_shutdown_comes_back(client, uli13lp1, facts):
    log_in(client)
    end_session(client)
    page = "/partitions/shutdown/?partition=2"
    press(client, "/partitions/shutdown/", {"partition": "2", "type": "immediate", "restart": "on"}, page=page)
    log_in(client)
    text = text_of(client.get(page))
    assert 'id="type-immediate" aria-describedby="type-immediate-hint" checked' in text
    assert 'id="restart" checked' in text


def test_a_form_without_its_csrf_token_is_refused_as_ever(uli13lp1):
    client = Client(enforce_csrf_checks=True)
    assert press(client).status_code == 403
    assert not Session.objects.exists()


def test_a_fragment_keeps_no_session_alive_and_the_button_does(client, system):
    log_in(client, "viewer")
    soon = timezone.now() + timedelta(seconds=60)
    Session.objects.update(expire_date=soon)
    client.get("/tasks/", headers={"HX-Request": "true"})
    assert Session.objects.get().expire_date == soon
    answer = client.post("/stay/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert Session.objects.get().expire_date > soon


def test_the_button_of_a_dead_session_leads_to_the_log_in(client, system):
    log_in(client, "viewer")
    assert client.get("/stay/").status_code == 405
    end_session(client)
    assert client.post("/stay/").status_code == 302
    assert not Session.objects.exists()


def interrupt(client, page, **fields):
    """Type into the form, lose the session, press its button, log in again; the page as it is then."""
    log_in(client)
    seen = re.search(r'name="seen" value="([^"]*)"', text_of(client.get(page))).group(1)
    end_session(client)
    press(client, page, {"seen": seen, "apply": "1", **fields})
    log_in(client)
    return text_of(client.get(page)), seen


def test_properties_of_a_partition_come_back(client, uli13lp2, facts):
    page, _seen = interrupt(client, "/partitions/3/properties/memory/", memory_mb="512")
    assert re.search(r'name="memory_mb" value="512"', page)
    assert "[VIOSI01049000-9035]" in page
    uli13lp2.refresh_from_db()
    assert uli13lp2.memory_mb == 1024


def test_values_that_changed_meanwhile_are_not_overwritten_by_what_comes_back(client, uli13lp2, facts):
    log_in(client)
    address = "/partitions/3/properties/memory/"
    seen = re.search(r'name="seen" value="([^"]*)"', text_of(client.get(address))).group(1)
    end_session(client)
    press(client, address, {"seen": seen, "apply": "1", "memory_mb": "512"})
    type(uli13lp2).objects.filter(pk=uli13lp2.pk).update(memory_mb=768)
    log_in(client)
    assert f'name="seen" value="{seen}"' in text_of(client.get(address))


def test_a_box_that_was_cleared_comes_back_cleared(client, uli13lp2, facts):
    PhysicalAdapter.objects.update(partition=uli13lp2)
    address = "/partitions/3/properties/physical-adapters/"
    log_in(client)
    assert re.findall(r'type="checkbox"[^>]*checked', text_of(client.get(address)))
    page, _seen = interrupt(client, address)
    assert 'type="checkbox"' in page
    assert re.findall(r'type="checkbox"[^>]*checked', page) == []


def test_properties_of_the_system_come_back(client, system, facts):
    page, _seen = interrupt(client, "/system/mobility/", allowed_suspension_ms="1234")
    assert 'value="1234"' in page
    system.refresh_from_db()
    assert system.allowed_suspension_ms != 1234


@pytest.fixture
def buttons(uli13lp1, uli14):
    """Addresses of buttons, and the pages that they are on."""
    migration = make_running_migration(uli13lp1, uli14)
    status = f"/migrations/{migration.pk}/"
    return {
        "stop": (f"{status}stop/", status),
        "recover": (f"{status}recover/", status),
        "capabilities": ("/partitions/2/capabilities/", "/partitions/2/properties/general/"),
        "activate": ("/partitions/activate/", "/partitions/activate/?partition=2"),
        "user-remove": ("/users/2/remove/", "/users/2/remove/"),
        "profile": ("/profile/", "/profile/"),
    }


@pytest.mark.parametrize("button", ["stop", "recover", "capabilities", "activate", "user-remove", "profile"])
def test_a_button_of_a_dead_session_is_said_not_to_be_carried_out(client, buttons, facts, button):
    address, page = buttons[button]
    log_in(client)
    end_session(client)
    press(client, address, {"partition": "2", "new_password": "very secret"}, page=page)
    before = text_of(client.get("/login/"))
    assert "The button that you pressed was not carried out." in before
    assert "What you typed is kept" not in before
    log_in(client)
    text = text_of(client.get(page))
    assert "[VIOSI01049000-9037]" in text
    assert "[VIOSI01049000-9035]" not in text
    assert "[VIOSI01049000-9037]" not in text_of(client.get(page))


def test_another_user_does_not_hear_of_the_button(client, buttons):
    address, page = buttons["stop"]
    log_in(client)
    end_session(client)
    press(client, address, {}, page=page)
    log_in(client, "second")
    assert "9037" not in text_of(client.get(page))


@pytest.mark.parametrize("page", ["/users/", "/remote-systems/"])
def test_the_selected_row_comes_back(client, system, uli14, page):
    key = uli14.pk if "remote" in page else User.objects.get(username="viewer").pk
    log_in(client)
    end_session(client)
    press(client, page, {"selected": str(key), "remove": "1"})
    log_in(client)
    text = text_of(client.get(page))
    assert "[VIOSI01049000-9035]" in text
    assert re.search(rf'name="selected" value="{key}"[^>]* checked', text)


def test_a_form_without_any_cookie_is_told_that_its_values_are_lost(uli13lp1):
    client = Client(enforce_csrf_checks=True)
    answer = press(client)
    assert "[VIOSE01049000-9038]" in text_of(answer)
    assert "could not be kept" in text_of(answer)
    assert f'href="{PAGE}"' in text_of(answer)


@pytest.mark.parametrize(("page", "is_kept"), [(PAGE, True), ("/profile/", False), ("/", False)])
def test_the_warning_promises_to_keep_what_is_typed_only_where_that_is_so(client, uli13lp1, facts, page, is_kept):
    log_in(client)
    assert ("What you have typed here is kept" in text_of(client.get(page))) == is_kept


PROMISE = "What you have typed here is kept"


def test_the_warning_promises_nothing_where_nothing_can_be_typed(client, uli13lp1, facts):
    log_in(client)
    for tab, is_form in (("general", True), ("mobility", True), ("memory", False), ("processing", False)):
        assert (PROMISE in text_of(client.get(f"/system/{tab}/"))) == is_form, tab
    assert PROMISE in text_of(client.get("/partitions/2/properties/general/"))
    assert PROMISE not in text_of(client.get("/partitions/2/properties/memory/"))  # it runs
    assert PROMISE in text_of(client.get("/partitions/shutdown/?partition=2"))
    for address in (
        "/partitions/activate/?partition=2",
        "/partitions/shutdown/?partition=1",
        "/partitions/77/migrate/",
    ):
        assert PROMISE not in text_of(client.get(address)), address


@pytest.mark.parametrize(
    "page", ["/system/general/", "/system/mobility/", "/partitions/2/properties/general/", PAGE, "/users/create/"]
)
def test_the_warning_promises_nothing_to_who_can_type_nothing(client, uli13lp1, facts, page):
    log_in(client, "viewer")
    text = text_of(client.get(page))
    assert "Your session has ended." in text
    assert PROMISE not in text
