import pytest
from django.test import Client

from tests.pages.conftest import text_of

UUID = "7f3d2c5e-0000-4000-8000-000000000001"


@pytest.fixture
def broken(monkeypatch, as_padmin, system):
    """The partition list meets a bug that carries a secret."""

    def bug():
        raise RuntimeError("the password is very secret")

    monkeypatch.setattr("ivmweb.pages.views.partitions.runtime_facts", bug)
    as_padmin.raise_request_exception = False
    return as_padmin


def test_a_bug_shows_a_page_with_a_code_and_no_traceback(broken):
    answer = broken.get("/")
    assert answer.status_code == 500
    assert "[VIOSE01049000-9019]" in text_of(answer)
    assert "very secret" not in text_of(answer)
    assert "Traceback" not in text_of(answer)


def test_the_page_for_bugs_needs_no_database(db, django_assert_num_queries, rf):
    from ivmweb.pages.views.errors import server_error

    with django_assert_num_queries(0):
        assert server_error(rf.get("/")).status_code == 500


def test_an_unknown_address_is_named(as_padmin, system):
    answer = as_padmin.get("/no/such/<b>page</b>/")
    assert answer.status_code == 404
    assert "[VIOSE01049000-9010]" in text_of(answer)
    assert "<b>page" not in text_of(answer)


def test_an_unknown_address_tells_a_stranger_nothing_more(db):
    page = text_of(Client().get("/no/such/page/"))
    assert "Monitor Tasks" not in page


@pytest.mark.parametrize("address", ["/", "/tasks/", "/help/", "/login/", "/nowhere/"])
def test_no_page_needs_inline_script_or_style(as_padmin, uli13lp1, facts, address):
    answer = as_padmin.get(address, follow=True)
    page = text_of(answer)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert " style=" not in page
    assert "<style" not in page
    assert "hx-on" not in page


BUTTONS = ["/logout/", "/stay/", "/partitions/2/capabilities/", "/restored-database/confirm/"]


@pytest.mark.parametrize("address", BUTTONS)
def test_the_address_of_a_button_is_explained_to_who_opens_it(as_padmin, uli13lp1, address):
    answer = as_padmin.get(address)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert f"[VIOSE01049000-9040] {address} is not a page" in text_of(answer)


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/partitions/2/capabilities/", "/partitions/2/properties/"),
        ("/restored-database/confirm/", "/restored-database/"),
        (f"/migrations/{UUID}/stop/", f"/migrations/{UUID}/"),
        (f"/migrations/{UUID}/force/", f"/migrations/{UUID}/recover/"),
        (f"/reports/{UUID}/again/", f"/reports/{UUID}/"),
    ],
)
def test_it_leads_to_the_page_with_that_button(as_padmin, uli13lp1, address, page):
    assert f'<a href="{page}">Open the page</a>' in text_of(as_padmin.get(address))


def test_a_stranger_who_opens_log_out_sees_a_page(db):
    answer = Client().get("/logout/")
    assert answer.status_code == 405
    assert "[VIOSE01049000-9040]" in text_of(answer)


@pytest.mark.parametrize("address", ["/", "/help/", "/tasks/"])
def test_a_page_that_takes_nothing_says_so(as_padmin, uli13lp1, facts, address):
    answer = as_padmin.post(address)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert f"[VIOSE01049000-9039] {address} is a page to look at" in text_of(answer)


def test_a_machine_gets_no_page(as_padmin, system):
    assert as_padmin.post("/healthz").content == b""
