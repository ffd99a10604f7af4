import pytest
from django.urls import reverse

from ivmweb.system.rights import PRIME_ADMINISTRATOR
from tests.factories import make_user
from tests.pages.conftest import text_of


@pytest.fixture
def user(db):
    return make_user("padmin", PRIME_ADMINISTRATOR)


def log_in(client, password="padmin", **more):
    return client.post(reverse("login"), {"username": "padmin", "password": password, **more})


def test_login_leads_to_the_partitions(client, user):
    assert log_in(client).headers["Location"] == reverse("partitions")


def test_login_leads_back_to_the_page_that_asked_for_it(client, user):
    assert log_in(client, next="/tasks/?page=2").headers["Location"] == "/tasks/?page=2"


def test_login_never_leads_to_another_site(client, user):
    assert log_in(client, next="https://elsewhere.example/").headers["Location"] == reverse("partitions")


def test_a_wrong_password_is_told_with_its_code(client, user):
    assert "[VIOSE01049000-9001]" in text_of(log_in(client, "wrong"))


def test_too_many_wrong_passwords_lock_the_user_out(client, user, settings):
    settings.AXES_FAILURE_LIMIT = 2
    log_in(client, "wrong")
    log_in(client, "wrong")
    answer = log_in(client)
    assert answer.status_code == 429
    assert "[VIOSE01049000-9002] Logging in as padmin from 127.0.0.1 is refused" in text_of(answer)
    assert "Wait 6 min" in text_of(answer)


def test_a_page_asks_for_login_first(client, db):
    assert client.get("/tasks/").headers["Location"] == "/login/?next=/tasks/"


def test_a_form_of_an_ended_session_comes_back_to_the_page_it_was_on(client, db):
    answer = client.post(
        "/partitions/2/migrate/", headers={"referer": "http://testserver/partitions/2/migrate/?report=1"}
    )
    assert answer.headers["Location"] == "/login/?next=/partitions/2/migrate/%3Freport%3D1"


def test_a_form_from_another_site_does_not_choose_where_login_leads(client, db):
    answer = client.post("/partitions/2/migrate/", headers={"referer": "https://elsewhere.example/tasks/"})
    assert answer.headers["Location"] == "/login/?next=/"


def test_a_fragment_of_an_ended_session_reloads_the_page(client, db):
    answer = client.get("/", headers={"HX-Request": "true"})
    assert answer.headers["HX-Refresh"] == "true"
    assert answer.content == b""


@pytest.mark.parametrize("address", ["/partitions/2/properties/memory/", "/system/mobility/"])
def test_a_fragment_of_a_page_with_a_form_leaves_the_page_when_the_session_ended(client, db, address):
    answer = client.get(address, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "session-over" in answer.headers["HX-Trigger"]
    assert "HX-Refresh" not in answer.headers


def test_a_link_cannot_log_out(as_padmin):
    assert as_padmin.get(reverse("logout")).status_code == 405
    assert as_padmin.post(reverse("logout")).headers["Location"] == reverse("login")


def test_a_user_without_a_role_sees_nothing(client, system):
    from django.contrib.auth.models import User

    client.force_login(User.objects.create_user("nobody"))
    answer = client.get("/")
    assert answer.status_code == 403
    assert "System Overview" not in text_of(answer)


def test_after_log_out_the_page_says_so_once(client, user):
    client.post("/login/", {"username": "padmin", "password": "padmin"})
    page = text_of(client.post("/logout/", follow=True))
    assert "You are logged out of" in page
    assert "You are logged out of" not in text_of(client.get("/login/"))
    assert "You are logged out of" not in text_of(client.post("/logout/", follow=True))
