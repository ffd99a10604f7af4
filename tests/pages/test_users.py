import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from ivmweb.system.rights import VIEW_MODIFY
from migration.peer.auth import Refusal, make_token, valid_token
from tests.factories import make_user
from tests.pages.conftest import text_of

GOOD = "blue-Harbour-42"
NEW = {"new_password": GOOD, "new_password_again": GOOD}


@pytest.fixture
def as_operator(client, system):
    client.force_login(make_user("operator", VIEW_MODIFY))
    return client


def change(client, old="padmin", **fields):
    return client.post("/profile/", {"old_password": old} | NEW | fields, follow=True)


def test_the_banner_leads_to_the_profile(as_viewer, system):
    assert '<a href="/profile/">Edit my profile</a>' in text_of(as_viewer.get("/help/"))


def test_a_changed_password_is_told_and_this_session_goes_on(as_padmin, system):
    assert "[VIOSI01049000-9030]" in text_of(change(as_padmin))
    assert as_padmin.get("/help/").status_code == 200
    assert User.objects.get(username="padmin").check_password(GOOD)


def test_the_users_sessions_elsewhere_end(as_padmin, system):
    elsewhere = Client()
    elsewhere.force_login(User.objects.get(username="padmin"))
    assert elsewhere.get("/help/").status_code == 200
    change(as_padmin)
    assert elsewhere.get("/help/").status_code == 302


def test_mobility_tokens_given_for_the_old_password_are_void(as_padmin, system):
    token = make_token(User.objects.get(username="padmin"), "7998-60X*100E7DA")
    valid_token(token)
    change(as_padmin)
    with pytest.raises(Refusal):
        valid_token(token)


def test_a_refused_password_is_told_and_never_shown(as_padmin, system):
    page = text_of(change(as_padmin, new_password="short-1", new_password_again="short-1"))
    assert "[VIOSE01049000-9091]" in page
    assert "short-1" not in page
    assert "[VIOSE01049000-9088]" in text_of(change(as_padmin, old="wrong"))


def test_wrong_old_passwords_are_counted_and_locked_out_like_log_ins(as_padmin, system, settings):
    settings.AXES_FAILURE_LIMIT = 2
    change(as_padmin, old="wrong")
    page = change(as_padmin, old="wrong")
    assert page.status_code == 429
    assert change(as_padmin).status_code == 429
    assert User.objects.get(username="padmin").check_password("padmin")


def test_the_prime_administrator_sees_all_users_with_their_roles(as_padmin, system):
    make_user("operator", VIEW_MODIFY)
    page = text_of(as_padmin.get("/users/"))
    for words in ("padmin", "Prime administrator", "operator", "View/Modify<"):
        assert words in page
    assert 'href="/users/" aria-current="page"' in page


def test_a_created_user_can_log_in(as_padmin, system):
    fields = {"name": "operator", "role": "View/Modify"} | NEW
    assert "[VIOSI01049000-9031]" in text_of(as_padmin.post("/users/create/", fields, follow=True))
    assert Client().post("/login/", {"username": "operator", "password": GOOD}).status_code == 302


def test_a_refusal_keeps_all_but_the_passwords(as_padmin, system):
    page = text_of(as_padmin.post("/users/create/", {"name": "1st", "role": "View Only"} | NEW))
    assert "[VIOSE01049000-9092]" in page
    assert 'value="1st"' in page
    assert '<option value="View Only" selected>' in page
    assert GOOD not in page


def test_the_prime_role_is_not_offered_and_not_given(as_padmin, system):
    assert "Prime administrator" not in text_of(as_padmin.get("/users/create/"))
    as_padmin.post("/users/create/", {"name": "second", "role": "Prime administrator"} | NEW)
    assert not User.objects.filter(username="second").exists()


def test_a_new_password_ends_that_users_sessions(as_padmin, system):
    user = make_user("operator", VIEW_MODIFY)
    elsewhere = Client()
    elsewhere.force_login(user)
    assert "[VIOSI01049000-9030]" in text_of(as_padmin.post(f"/users/{user.pk}/password/", NEW, follow=True))
    assert elsewhere.get("/help/").status_code == 302


def test_ones_own_password_needs_the_old_one(as_padmin, system):
    padmin = User.objects.get(username="padmin")
    assert as_padmin.post(f"/users/{padmin.pk}/password/", NEW).headers["Location"] == "/profile/"
    assert User.objects.get(username="padmin").check_password("padmin")


def test_remove_asks_once_more_then_removes(as_padmin, system):
    user = make_user("operator", VIEW_MODIFY)
    address = as_padmin.post("/users/", {"remove": "1", "selected": user.pk}).headers["Location"]
    assert "OK removes this user" in text_of(as_padmin.get(address))
    assert "[VIOSI01049000-9032]" in text_of(as_padmin.post(address, follow=True))
    assert as_padmin.get(address).status_code == 409


def test_the_prime_administrator_is_not_removed_and_the_page_says_so_before(as_padmin, system):
    padmin = User.objects.get(username="padmin")
    assert "The prime administrator can't be removed." in text_of(as_padmin.get("/users/"))
    page = text_of(as_padmin.post("/users/", {"remove": "1", "selected": padmin.pk}))
    assert "[VIOSE01049000-9095] User padmin is the prime administrator" in page
    assert "checked" in page
    assert ">OK<" not in text_of(as_padmin.get(f"/users/{padmin.pk}/remove/"))
    assert "[VIOSE01049000-9095]" in text_of(as_padmin.post(f"/users/{padmin.pk}/remove/"))
    assert User.objects.filter(username="padmin").exists()


@pytest.mark.parametrize(
    ("selected", "code"),
    [
        ("", "9033] No user"),
        ("77", "9034] uli13 has no such user"),
        ("x", "9034] uli13 has no such user"),
    ],
)
def test_a_button_needs_a_selected_user(as_padmin, system, selected, code):
    page = text_of(as_padmin.post("/users/", {"password": "1", "selected": selected}))
    assert f"[VIOSE01049000-{code}" in page


def test_the_address_of_no_user_claims_no_removal(as_padmin, system):
    page = text_of(as_padmin.get("/users/999/password/"))
    assert "uli13 has no such user" in page
    assert "or never was there" in page
    assert "number" not in page.partition("uli13 has no such user")[2].partition("<")[0]


def test_who_may_change_everything_else_manages_no_users(as_operator):
    assert ">Re-pin<" in text_of(as_operator.get("/remote-systems/"))
    page = text_of(as_operator.get("/users/"))
    assert "View/Modify<" in page
    for button in ("Create User", "Change Password", ">Remove<", 'type="radio"'):
        assert button not in page
    user = User.objects.get()
    assert as_operator.post("/users/", {"remove": "1", "selected": user.pk}).status_code == 403
    for path in ("/users/create/", f"/users/{user.pk}/password/", f"/users/{user.pk}/remove/"):
        assert as_operator.get(path).status_code == 403
        assert as_operator.post(path, NEW | {"name": "x", "role": "View Only"}).status_code == 403
    assert User.objects.get().check_password("operator")


def test_new_passwords_have_rules_and_the_labs_first_ones_stay(db):
    assert len(settings.AUTH_PASSWORD_VALIDATORS) == 5
    assert make_user("padmin", "Prime administrator").check_password("padmin")


def test_white_space_only_is_no_password(as_padmin, system):
    page = text_of(change(as_padmin, new_password=" " * 8, new_password_again=" " * 8))
    assert "[VIOSE01049000-9091]" in page
    assert "nothing but white space" in page
    assert User.objects.get(username="padmin").check_password("padmin")


def create(client, name):
    return client.post("/users/create/", {"name": name, "role": VIEW_MODIFY} | NEW, follow=True)


def test_two_user_ids_may_not_differ_in_case_only_and_log_in_tells_them_apart(as_padmin, system):
    create(as_padmin, "Operator")
    page = text_of(create(as_padmin, "OPERATOR"))
    assert "There is a user Operator already, and no two user IDs may differ only in upper and lower case." in page
    stranger = Client()
    assert stranger.post("/login/", {"username": "OPERATOR", "password": GOOD}).status_code == 200
    assert stranger.post("/login/", {"username": "Operator", "password": GOOD}).status_code == 302


@pytest.mark.parametrize("name", ["oper\0ator", "oper\x1bator", "operator\x1f", "oper\x85ator"])
def test_a_user_id_with_a_control_character_is_refused_with_a_code(as_padmin, system, name):
    page = text_of(create(as_padmin, name))
    assert "[VIOSE01049000-9092] oper" in page
    assert User.objects.count() == 1
