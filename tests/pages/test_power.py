import re

import pytest

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.hypervisor.base import ShutdownKind
from ivmweb.system.models import LogicalPartition
from tests.pages.conftest import text_of


@pytest.fixture
def asked(monkeypatch, facts, uli13lp1, uli13lp2):
    """What the services were asked for; uli13lp2 is refused."""
    calls = []

    def note(partition, *arguments, user, origin, **more):
        calls.append((partition.name, *arguments, *more.values(), user.get_username(), origin))
        if partition.name == "uli13lp2":
            raise PrerequisiteFailed("choose-task")

    monkeypatch.setattr("ivmweb.system.services.activate", note)
    monkeypatch.setattr("ivmweb.system.services.shut_down", note)
    return calls


def test_activate_lists_the_chosen_partitions_first(as_padmin, asked):
    page = text_of(as_padmin.get("/partitions/activate/?partition=2&partition=3"))
    assert "uli13lp1" in page
    assert "uli13lp2" in page
    assert asked == []


def test_one_refusal_does_not_keep_the_others_from_being_activated(as_padmin, asked):
    answer = as_padmin.post("/partitions/activate/", {"partition": ["2", "3"]}, follow=True)
    assert [call[0] for call in asked] == ["uli13lp1", "uli13lp2"]
    assert "[VIOSI01049000-9014] Activation of partition uli13lp1" in text_of(answer)
    assert "[VIOSE01049000-9005]" in text_of(answer)


@pytest.mark.parametrize("kind", list(ShutdownKind))
def test_shutdown_passes_on_its_type_and_the_restart(as_padmin, asked, kind):
    as_padmin.post("/partitions/shutdown/", {"partition": "2", "type": kind.value, "restart": "on"})
    assert asked == [("uli13lp1", kind, True, "padmin", "127.0.0.1")]


def test_a_restart_is_announced_as_one(as_padmin, asked):
    order = {"partition": "2", "type": "shutdown", "restart": "on"}
    assert "[VIOSI01049000-9018]" in text_of(as_padmin.post("/partitions/shutdown/", order, follow=True))
    order.pop("restart")
    assert "[VIOSI01049000-9015]" in text_of(as_padmin.post("/partitions/shutdown/", order, follow=True))


def test_shutdown_without_a_known_type_does_nothing(as_padmin, asked):
    answer = as_padmin.post("/partitions/shutdown/", {"partition": "2", "type": "explode"})
    assert answer.status_code == 200
    assert asked == []


@pytest.mark.parametrize("page", ["activate", "shutdown"])
def test_no_partition_is_no_task(as_padmin, asked, page):
    answer = as_padmin.post(f"/partitions/{page}/", {"type": "immediate"})
    assert answer.status_code == 409
    assert "[VIOSE01049000-9003]" in text_of(answer)


@pytest.mark.parametrize("page", ["activate", "shutdown"])
def test_a_view_only_user_is_refused_whatever_is_sent(as_viewer, asked, page):
    answer = as_viewer.post(f"/partitions/{page}/", {"partition": "2", "type": "immediate"})
    assert answer.status_code == 403
    assert "[VIOSE" in text_of(answer)
    assert asked == []


def test_a_form_without_its_csrf_token_is_refused_with_a_code(uli13lp1, asked):
    from django.test import Client

    from ivmweb.system.rights import PRIME_ADMINISTRATOR
    from tests.factories import make_user

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user("padmin", PRIME_ADMINISTRATOR))
    answer = strict.post("/partitions/activate/", {"partition": "2"})
    assert answer.status_code == 403
    assert "[VIOSE01049000-9011]" in text_of(answer)
    assert asked == []


def test_what_would_be_refused_is_left_out_with_its_reason(as_padmin, asked):
    page = text_of(as_padmin.get("/partitions/activate/?partition=1&partition=2&partition=3"))
    assert "[VIOSE01049000-9051] Partition uli13 (ID 1) is the management partition" in page
    assert "[VIOSE01042026-9055] Partition uli13lp1 (ID 2) is activated already" in page
    assert re.findall(r'name="partition" value="(\d+)"', page) == ["3"]
    assert ">OK<" in page


def test_where_nothing_can_be_carried_out_there_is_no_ok(as_padmin, asked):
    for address, reason in (
        ("shutdown/?partition=1", "[VIOSE01049000-9051] Partition uli13 (ID 1) is the management partition"),
        ("shutdown/?partition=1&partition=3", "[VIOSE01050901-9056] Partition uli13lp2 (ID 3) is not activated"),
        ("activate/?partition=2", "[VIOSE01042026-9055] Partition uli13lp1 (ID 2) is activated already"),
    ):
        page = text_of(as_padmin.get(f"/partitions/{address}"))
        assert reason in page
        assert ">OK<" not in page
        assert ">Close<" in page


def test_a_partition_that_a_migration_holds_is_left_out_of_a_shutdown(as_padmin, asked):
    LogicalPartition.objects.filter(lpar_id=2).update(hold="migration 1", state="Migrating - Running")
    page = text_of(as_padmin.get("/partitions/shutdown/?partition=2"))
    assert "[VIOSE01049000-9052] Partition uli13lp1 (ID 2) is reserved by another operation" in page


def test_nothing_is_activated_while_a_restored_database_holds_it_back(as_padmin, asked, system):
    system.held_back = True
    system.save()
    page = text_of(as_padmin.get("/partitions/activate/?partition=3"))
    assert ">OK<" not in page
    assert ">OK<" in text_of(as_padmin.get("/partitions/shutdown/?partition=2"))


DELETE = "/partitions/delete/"


def test_delete_lists_those_that_are_off_and_says_why_not_of_the_others(as_padmin, facts, uli13lp1, uli13lp2):
    page = text_of(as_padmin.get(f"{DELETE}?partition=1&partition=2&partition=3"))
    assert re.findall(r'name="partition" value="(\d)"', page) == ["3"]
    assert "Not Activated" in page
    assert len(re.findall(r"<li>\[VIOSE", page)) == 2
    assert LogicalPartition.objects.count() == 3


def test_what_was_chosen_is_deleted_and_the_rest_gets_its_message(as_padmin, facts, hypervisor, uli13lp1, uli13lp2):
    page = text_of(as_padmin.post(DELETE, {"partition": ["2", "3"]}, follow=True))
    assert "[VIOSI01049000-9790] Partition uli13lp2, which had the ID 3, is deleted" in page
    assert not LogicalPartition.objects.filter(lpar_id=3).exists()
    assert LogicalPartition.objects.filter(lpar_id=2).exists()
    assert [call for call in hypervisor.calls if call[0] == "remove"] == [("remove", 3)]


def test_deleted_once_more_it_is_gone(as_padmin, facts, hypervisor, uli13lp1, uli13lp2):
    as_padmin.post(DELETE, {"partition": "3"})
    assert as_padmin.post(DELETE, {"partition": "3"}).status_code == 409


def test_who_may_only_look_deletes_nothing(as_viewer, facts, uli13lp1, uli13lp2):
    assert as_viewer.post(DELETE, {"partition": "3"}).status_code == 403
    assert 'value="delete"' not in text_of(as_viewer.get("/"))
    assert LogicalPartition.objects.filter(lpar_id=3).exists()
