"""Idempotency-Key: what a script may send again, and what it gets then."""

import datetime as dt

import pytest
from django.utils import timezone

from ivmweb.api import once
from ivmweb.api.calls import partitions
from ivmweb.api.models import KeptAnswer
from ivmweb.monitor.models import MonitorTask
from tests.api.conftest import REMOTE, refusal

ACTIVATE = "partitions/3/activate"


def tasks():
    return MonitorTask.objects.count()


def test_the_same_request_gets_the_same_answer_and_is_carried_out_once(script, uli13lp2):
    first, second = script.post(ACTIVATE, key="k"), script.post(ACTIVATE, key="k")
    assert (first.status_code, second.status_code, tasks()) == (202, 202, 1)
    assert first.json() == second.json()
    assert first.headers["Location"] == second.headers["Location"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


def test_without_a_key_every_request_is_a_new_one(script, uli13lp2):
    assert script.post(ACTIVATE).status_code == 202
    assert refusal(script.post(ACTIVATE))[0] == 409
    assert not KeptAnswer.objects.exists()


def test_a_refusal_is_kept_too(script, uli13lp1, uli13lp2, hypervisor):
    assert refusal(script.post("partitions/2/activate", key="k")) == (409, "already-activated")
    uli13lp1.state = "Not Activated"
    uli13lp1.save()
    assert refusal(script.post("partitions/2/activate", key="k")) == (409, "already-activated")
    assert tasks() == 0


@pytest.mark.parametrize("path", ["partitions/3/shutdown", "partitions/2/shutdown"])
def test_a_key_of_another_request_is_refused(script, uli13lp1, uli13lp2, path):
    script.post("partitions/2/shutdown", {"type": "immediate"}, key="k")
    assert refusal(script.post(path, {"type": "shutdown"}, key="k")) == (422, "api-key-reused")
    assert tasks() == 1


def test_two_users_may_choose_the_same_key(script, nobody, uli13lp1, uli13lp2, viewer):
    from ivmweb.system.rights import PRIME_ADMINISTRATOR, give_role

    give_role(viewer, PRIME_ADMINISTRATOR)
    other = nobody.logged_in("viewer")
    assert script.post(ACTIVATE, key="k").status_code == 202
    assert other.post("partitions/2/shutdown", {"type": "immediate"}, key="k").status_code == 202


def test_the_same_request_while_the_first_is_at_work_is_told_so(script, uli13lp2, hypervisor):
    """The second arrives between the claim of the first and its answer."""
    seen = []
    hypervisor.before["activate"] = lambda: seen.append(script.post(ACTIVATE, key="k"))
    assert script.post(ACTIVATE, key="k").status_code == 202
    assert [refusal(answer) for answer in seen] == [(409, "api-key-in-progress")]
    assert seen[0].headers["Retry-After"] == "1"
    assert script.post(ACTIVATE, key="k").headers["Idempotency-Replayed"] == "true"
    assert tasks() == 1


def test_of_two_claims_at_once_one_wins(script, uli13lp2, monkeypatch):
    """The rival's row appears after this request has looked and before it writes: the constraint decides."""
    forget = once.forget_old

    def rival_is_faster(user):
        forget(user)
        monkeypatch.setattr(once, "forget_old", forget)
        assert script.post(ACTIVATE, key="k").status_code == 202

    monkeypatch.setattr(once, "forget_old", rival_is_faster)
    assert script.post(ACTIVATE, key="k").headers["Idempotency-Replayed"] == "true"
    assert tasks() == 1


def test_a_console_that_died_in_the_middle_repeats_nothing(script, uli13lp2, monkeypatch):
    class Killed(BaseException):
        pass

    def die(task):
        raise Killed

    monkeypatch.setattr(partitions, "begun", die)
    with pytest.raises(Killed):
        script.post(ACTIVATE, key="k")
    monkeypatch.undo()
    assert tasks() == 1
    for _again in range(2):
        assert refusal(script.post(ACTIVATE, key="k")) == (409, "api-key-outcome-unknown")
    assert tasks() == 1


def test_after_an_answer_5xx_nothing_is_done_under_that_key(script, uli13lp2, hypervisor):
    """A command that was sent may yet be carried out."""
    hypervisor.is_reachable = False
    answer = script.post(ACTIVATE, key="k")
    assert refusal(answer) == (503, "hypervisor-unreachable")
    assert answer.headers["Retry-After"] == "5"
    hypervisor.is_reachable = True
    assert refusal(script.post(ACTIVATE, key="k")) == (409, "api-key-outcome-unknown")
    assert script.post(ACTIVATE, key="another").status_code == 202


def test_a_request_that_cannot_be_read_takes_no_key(script, uli13lp1):
    assert script.post("partitions/2/shutdown", {"type": "explode"}, key="k").status_code == 422
    assert script.post("partitions/2/shutdown", {"type": "immediate"}, key="k").status_code == 202


@pytest.mark.parametrize("key", ["k" * 65, "two words", "é"])
def test_a_key_out_of_its_bounds_is_refused(script, uli13lp2, key):
    assert refusal(script.post(ACTIVATE, key=key)) == (422, "api-request-invalid")
    assert tasks() == 0


def test_answers_are_kept_for_a_day(script, uli13lp2):
    script.post(ACTIVATE, key="k")
    KeptAnswer.objects.update(created_at=timezone.now() - dt.timedelta(hours=25))
    assert refusal(script.post(ACTIVATE, key="k"))[0] == 409  # a new request: it is activated already
    assert KeptAnswer.objects.count() == 1


def test_the_number_of_kept_answers_of_a_user_is_bounded(script, uli13lp1, monkeypatch):
    monkeypatch.setattr(once, "KEPT_OF_A_USER", 3)
    for number in range(6):
        script.post("partitions/2/activate", key=f"k{number}")
    assert [row.key for row in KeptAnswer.objects.order_by("pk")] == ["k3", "k4", "k5"]


def test_no_password_can_be_searched_for_in_what_is_kept(script, uli13lp1, partner, settings, rf):
    """Neither the answer has it, nor a hash that anybody without IVM_SECRET_KEY could try passwords against."""
    script.post("partitions/2/validate", REMOTE, key="k")
    assert "very secret" not in KeptAnswer.objects.get().body
    request = rf.post("/api/v1/partitions/2/validate", REMOTE, content_type="application/json")
    digest = once.digest_of(request)
    settings.SECRET_KEY = "another"
    assert once.digest_of(request) != digest
