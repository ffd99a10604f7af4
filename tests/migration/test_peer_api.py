"""The peer API as another console meets it, on the console uli14."""

import datetime as dt
import json
import logging
import time
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth import authenticate
from django.db import OperationalError
from django.test import RequestFactory
from django.utils import timezone

from ivmweb.common.boot import boot_id
from ivmweb.common.certificates import fingerprint, make_certificate
from ivmweb.common.repeats import Repeats
from ivmweb.lab import data
from ivmweb.system.models import AuditEvent, LogicalPartition, ManagedSystem, PartitionState
from ivmweb.system.rights import PRIME_ADMINISTRATOR, VIEW_ONLY, give_role
from migration import aftermath
from migration.handover_record import Signer
from migration.models import Migration, MigrationEvent, MobilityToken, RemoteSystem
from migration.peer import auth, questions, refusals, tombstones, views
from migration.peer.messages import (
    Hello,
    JournalAnswer,
    JournalRequest,
    OpenAnswer,
    PrepareRequest,
    TicketRequest,
    TokenAnswer,
    Told,
    TransferProgress,
    TurnRequest,
    ValidateRequest,
)
from migration.states import State
from tests.migration.conftest import hello_of, remote_system
from tests.migration.test_handover_record import signer, statement

pytestmark = [pytest.mark.django_db, pytest.mark.urls("ivmweb.api.urls")]

ROOT = "/api/v1/peer/"
SECRET = bytes(range(32))
ASKS = TicketRequest(system_identity=data.ULI13.identity)
PASSWORD = "correct horse battery staple"


@pytest.fixture
def console(uli14):
    return uli14


def post(client, path, body, *, token="", secret=b"", **headers):
    content = body if isinstance(body, bytes) else body.model_dump_json().encode()
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if secret:
        headers[auth.SIGNATURE_HEADER] = auth.sign(secret, "POST", ROOT + path, content)
    return client.post(ROOT + path, content, content_type="application/json", headers=headers)


def log_in(client, user="padmin", password="padmin", identity=data.ULI13.identity):
    body = json.dumps({"user": user, "password": password, "system_identity": identity}).encode()
    return post(client, "token", body)


def token_for(client, user="padmin"):
    return log_in(client, user, user).json()["token"]


def refusal(response):
    """(status, key) of a refusal; checks that it is one, with a code."""
    body = response.json()
    assert body["code"].startswith("VIOS")
    assert set(body) == {"code", "message", "key", "params"}
    return response.status_code, body["key"]


def validate_request(configuration, **changes):
    fields = {"hello": hello_of(data.ULI13), "inactive": False, "configuration": configuration, "clock": time.time()}
    return ValidateRequest(**fields | changes)


def prepare_request(configuration, **changes):
    fields = {
        "migration_id": uuid.uuid4(),
        "hello": hello_of(data.ULI13),
        "inactive": False,
        "secret": SECRET.hex(),
        "remote_user": "padmin",
        "user": "padmin",
        "configuration": configuration,
    } | changes
    return PrepareRequest(**fields)


def told(migration_id, state=State.TRANSFERRING, **changes):
    fields = {
        "migration_id": migration_id,
        "role": "source",
        "state": state,
        "fact": "run",
        "incarnation": "i",
        "sequence": 1,
    } | changes
    return Told(**fields)


def prepared(client, configuration):
    """A migration that this console has prepared for uli13."""
    request = prepare_request(configuration)
    answer = post(client, "migrations", request, token=token_for(client))
    assert answer.status_code == 200, answer.content
    return request.migration_id


def state_path(migration_id):
    return f"migrations/{migration_id}/state"


# hello


@pytest.mark.parametrize("path", ["/api/v1/peer/nowhere", "/api/v1/", "/api/v2/peer/hello"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_path_that_leads_nowhere_is_refused_in_the_words_of_the_api(client, console, method, path):
    assert refusal(getattr(client, method)(path)) == (404, "peer-not-found")


def test_hello_needs_no_log_in_and_names_the_system(client, console):
    hello = Hello.model_validate_json(client.get(ROOT + "hello").content)
    assert hello == hello_of(data.ULI14)


def test_hello_answers_also_while_the_hypervisor_does_not(client, console, hypervisor):
    hypervisor.silent = True
    assert client.get(ROOT + "hello").json()["stream_version"] == ""


def test_hello_does_not_ask_the_hypervisor_each_time(client, console, hypervisor):
    client.get(ROOT + "hello")
    hypervisor.version = "newer"
    assert client.get(ROOT + "hello").json()["stream_version"] == hello_of(data.ULI14).stream_version


# tokens


def test_right_password_gives_a_token_of_which_only_the_hash_is_kept(client, console):
    answer = TokenAnswer.model_validate_json(log_in(client).content)
    row = MobilityToken.objects.get()
    assert row.hash == auth.hash_of(answer.token) != answer.token
    assert (row.user, row.system_identity, row.may_change) == ("padmin", data.ULI13.identity, True)
    assert (answer.expires_in_s, answer.may_change, answer.hello) == (900, True, hello_of(data.ULI14))


def test_wrong_password_and_unknown_user_are_refused_alike(client, console):
    wrong, unknown = log_in(client, "padmin", "wrong"), log_in(client, "nobody", "wrong")
    assert refusal(wrong) == refusal(unknown) == (401, "peer-wrong-password")
    assert wrong.json()["message"] == unknown.json()["message"].replace("nobody", "padmin")
    assert not MobilityToken.objects.exists()


def test_log_in_is_audited_with_its_outcome(client, console):
    log_in(client, "padmin", "wrong")
    log_in(client)
    events = AuditEvent.objects.filter(action="mobility token").order_by("pk")
    assert [(e.outcome, e.code, e.origin) for e in events] == [
        ("refused", "VIOSE01049000-9306", "127.0.0.1"),
        ("accepted", "", "127.0.0.1"),
    ]


def test_lock_out_is_shared_with_the_log_in_page(client, console, settings):
    page = RequestFactory().post("/login/")
    for _attempt in range(settings.AXES_FAILURE_LIMIT):
        assert authenticate(page, username="padmin", password="wrong") is None
    answer = log_in(client)
    assert refusal(answer) == (429, "peer-locked-out")
    assert answer.json()["params"]["minutes"] == 6


def test_failures_here_lock_the_page_too_and_other_users_are_not_locked(client, console, settings):
    answers = [refusal(log_in(client, "padmin", "wrong")) for _attempt in range(settings.AXES_FAILURE_LIMIT + 1)]
    assert answers[0] == (401, "peer-wrong-password")
    assert answers[-1] == (429, "peer-locked-out")
    assert authenticate(RequestFactory().post("/login/"), username="padmin", password="padmin") is None
    assert log_in(client, "viewer", "viewer").status_code == 200


def test_the_system_itself_prepares_nothing(client, console, configuration):
    remote_system(data.ULI14)
    token = log_in(client, identity=data.ULI14.identity).json()["token"]
    answer = post(client, "migrations", prepare_request(configuration, hello=hello_of(data.ULI14)), token=token)
    assert refusal(answer) == (409, "peer-is-itself")
    assert not Migration.objects.exists()


@pytest.mark.parametrize("header", ["", "Basic cGFkbWluOnBhZG1pbg==", "Bearer"])
def test_without_a_token_nothing_is_validated(client, console, configuration, header):
    answer = post(client, "validate", validate_request(configuration), **{"Authorization": header})
    assert refusal(answer) in [(401, "peer-token-missing"), (401, "peer-token-unknown")]


def test_an_invented_token_is_refused(client, console, configuration):
    answer = post(client, "validate", validate_request(configuration), token="x" * 43)
    assert refusal(answer) == (401, "peer-token-unknown")


def expire(age=dt.timedelta(minutes=16)):
    created = timezone.now() - age
    MobilityToken.objects.update(created_at=created, expires_at=created + dt.timedelta(minutes=15))


def test_a_ticket_prepares_its_own_migration_and_does_nothing_else(client, console, configuration):
    request = prepare_request(configuration)
    path = f"migrations/{request.migration_id}/ticket"
    ticket = post(client, path, ASKS, token=token_for(client)).json()["token"]
    other = prepare_request(configuration)
    assert refusal(post(client, "migrations", other, token=ticket)) == (401, "peer-token-unknown")
    assert refusal(post(client, "validate", validate_request(configuration), token=ticket))[0] == 401
    assert refusal(post(client, f"migrations/{other.migration_id}/ticket", ASKS, token=ticket))[0] == 401
    assert post(client, path, ASKS, token=ticket).status_code == 200
    assert post(client, "migrations", request, token=ticket).status_code == 200


def test_a_ticket_ends_with_the_right_of_its_user(client, console, configuration, padmin):
    request = prepare_request(configuration)
    ticket = post(client, f"migrations/{request.migration_id}/ticket", ASKS, token=token_for(client)).json()["token"]
    auth.revoke_all_of("padmin")
    assert refusal(post(client, "migrations", request, token=ticket)) == (401, "peer-token-expired")


def test_a_ticket_is_given_to_the_system_of_the_token_only(client, console):
    asks = TicketRequest(system_identity="8203-E4A*0000001")
    answer = post(client, f"migrations/{uuid.uuid4()}/ticket", asks, token=token_for(client))
    assert refusal(answer) == (403, "peer-token-of-another")


def test_view_only_gets_no_ticket(client, console, viewer):
    token = token_for(client, "viewer")
    assert refusal(post(client, f"migrations/{uuid.uuid4()}/ticket", ASKS, token=token)) == (403, "peer-view-only")


def test_an_expired_token_validates_and_prepares_nothing(client, console, configuration):
    token = token_for(client)
    expire()
    for path, body in (("validate", validate_request(configuration)), ("migrations", prepare_request(configuration))):
        assert refusal(post(client, path, body, token=token)) == (401, "peer-token-expired")
    assert not Migration.objects.exists()


def test_a_logged_out_token_validates_nothing(client, console, configuration):
    token = token_for(client)
    answer = client.delete(ROOT + "token", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert refusal(post(client, "validate", validate_request(configuration), token=token)) == (
        401,
        "peer-token-expired",
    )


def test_a_logged_out_token_still_leaves_a_tombstone(client, console):
    token, migration_id = token_for(client), uuid.uuid4()
    client.delete(ROOT + "token", headers={"Authorization": f"Bearer {token}"})
    answer = post(client, state_path(migration_id), told(migration_id, State.ABORTING), token=token)
    assert (answer.status_code, answer.json()["state"]) == (200, State.DECLINED)


def test_refusals_of_one_address_are_a_line_of_the_log_and_a_count(
    client, console, configuration, caplog, monkeypatch
):
    now = [1000.0]
    monkeypatch.setattr(refusals, "repeats", Repeats(refusals.logger, clock=lambda: now[0]))
    body = validate_request(configuration)
    for _ in range(20):
        assert post(client, "validate", body, token="made up").status_code == 401
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == ["127.0.0.1: POST /api/v1/peer/validate was refused: 401 peer-token-unknown"]
    now[0] += 60
    refusals.repeats.flush()
    assert caplog.messages[-1] == "127.0.0.1: 19 more within 60 s: peer-token-unknown"


def test_a_token_ends_with_its_user(client, console, configuration, padmin):
    token = token_for(client)
    padmin.is_active = False
    padmin.save()
    answer = post(client, "validate", validate_request(configuration), token=token)
    assert refusal(answer) == (401, "peer-token-unknown")


def test_a_right_taken_away_counts_at_once(client, console, configuration, padmin):
    token = token_for(client)
    give_role(padmin, VIEW_ONLY)
    answer = post(client, "migrations", prepare_request(configuration), token=token)
    assert refusal(answer) == (403, "peer-view-only")


def test_a_right_given_later_does_not_widen_an_old_token(client, console, configuration, viewer):
    token = token_for(client, "viewer")
    give_role(viewer, PRIME_ADMINISTRATOR)
    answer = post(client, "migrations", prepare_request(configuration), token=token)
    assert refusal(answer) == (403, "peer-view-only")


def test_a_token_is_kept_as_long_as_it_can_leave_a_tombstone(client, console):
    token_for(client)
    for days, kept in ((29, True), (31, False)):
        expire(dt.timedelta(days=days))
        aftermath.forget()
        assert MobilityToken.objects.exists() == kept


def test_a_token_is_good_for_the_system_it_was_issued_to_only(client, console, configuration):
    token = log_in(client, identity="7998-61X*OTHER").json()["token"]
    for path, body in (("validate", validate_request(configuration)), ("migrations", prepare_request(configuration))):
        assert refusal(post(client, path, body, token=token)) == (403, "peer-token-of-another")


# validate


def test_validate_answers_every_check_and_changes_nothing(client, console, configuration):
    token = token_for(client)
    before = [LogicalPartition.objects.count(), ManagedSystem.objects.values().get()]
    answer = post(client, "validate", validate_request(configuration), token=token)
    assert {finding["outcome"] for finding in answer.json()["findings"]} == {"passed"}
    assert [LogicalPartition.objects.count(), ManagedSystem.objects.values().get()] == before
    assert not Migration.objects.exists()


def test_view_only_validates_and_is_told_that_it_may_not_migrate(client, console, configuration):
    answer = log_in(client, "viewer", "viewer").json()
    assert answer["may_change"] is False
    findings = post(client, "validate", validate_request(configuration), token=answer["token"]).json()["findings"]
    failed = [finding for finding in findings if finding["outcome"] == "failed"]
    assert [(finding["check_name"], finding["message_key"]) for finding in failed] == [
        ("user_may_migrate", "peer-view-only")
    ]


# prepare


def test_prepare_refuses_copies_of_the_luns(client, console, configuration, hypervisor):
    """The source has written the migration's id to its own; a copied image has another one, or none."""
    request, token = prepare_request(configuration), token_for(client)
    for mark in ("", str(uuid.uuid4())):
        hypervisor.mark = mark
        answer = post(client, "migrations", request, token=token)
        assert refusal(answer) == (409, "disks-are-copies")
        assert "hdisk2" in answer.json()["message"]
        assert not LogicalPartition.objects.filter(uuid=configuration.uuid).exists()
    hypervisor.mark = str(request.migration_id)
    assert post(client, "migrations", request, token=token).status_code == 200
    hypervisor.mark = "of a later migration"
    assert post(client, "migrations", request, token=token).status_code == 200, "the same request, the same answer"


def test_prepare_makes_the_shell_partition_once(client, console, configuration):
    request, token = prepare_request(configuration), token_for(client)
    answers = [post(client, "migrations", request, token=token).json() for _twice in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["state"] == State.PREPARED
    shell = LogicalPartition.objects.get(name="uli13lp1")
    assert shell.state == PartitionState.MIGRATING_RUNNING
    assert auth.unseal(bytes(Migration.objects.get().secret)) == SECRET


def test_view_only_prepares_nothing(client, console, configuration):
    answer = post(client, "migrations", prepare_request(configuration), token=token_for(client, "viewer"))
    assert refusal(answer) == (403, "peer-view-only")
    assert not Migration.objects.exists()


def test_prepare_for_an_unknown_system_says_how_to_mend_it(client, console, configuration):
    token = token_for(client)
    RemoteSystem.objects.all().delete()
    answer = post(client, "migrations", prepare_request(configuration), token=token)
    assert refusal(answer) == (403, "peer-source-unknown")
    assert "Add uli13 to the remote systems of uli14" in answer.json()["message"]


def test_prepare_reports_the_first_check_that_fails(client, console, configuration):
    ManagedSystem.objects.update(free_memory_mb=512)
    answer = post(client, "migrations", prepare_request(configuration), token=token_for(client))
    assert refusal(answer) == (409, "check-memory")
    assert "needs 1024 MB of memory; uli14 has 512 MB free" in answer.json()["message"]
    assert AuditEvent.objects.filter(action="prepare", outcome="refused", code="VIOSE01049000-9126").exists()


def test_prepare_with_another_systems_migration_id_is_refused(client, console, configuration):
    migration_id = prepared(client, configuration)
    other = RemoteSystem.objects.create(name="uli15", address="127.0.0.1:8415", system_identity="7998-61X*OTHER")
    Migration.objects.update(remote=other)
    answer = post(
        client, "migrations", prepare_request(configuration, migration_id=migration_id), token=token_for(client)
    )
    assert refusal(answer) == (403, "peer-token-of-another")


def test_silent_hypervisor_is_a_failed_check_not_an_error(client, console, configuration, hypervisor):
    hypervisor.silent = True
    answer = post(client, "migrations", prepare_request(configuration), token=token_for(client))
    assert answer.status_code == 409


# journal


def journal_request(migration_id, **changes):
    return JournalRequest(**{"migration_id": migration_id, "role": "source", "sequence": 1} | changes)


def test_the_journal_is_told_to_the_partner_with_state_fact_and_clock(client, console, configuration):
    migration_id = prepared(client, configuration)
    answer = post(client, f"migrations/{migration_id}/journal", journal_request(migration_id), secret=SECRET)
    told_journal = JournalAnswer.model_validate_json(answer.content)
    assert (told_journal.now.state, told_journal.left_out) == (State.PREPARED, 0)
    assert [(line.to_state, line.text) for line in told_journal.lines] == [("prepared", "prepared for uli13")]
    assert abs(told_journal.clock - time.time()) < 60
    assert Migration.objects.get().partner_state == ""  # nothing was told, so nothing is remembered


def test_only_the_latest_lines_of_a_long_journal_travel(client, console, configuration):
    migration_id = prepared(client, configuration)
    MigrationEvent.objects.bulk_create(
        MigrationEvent(migration_id=migration_id, text=f"line {number} \x07" + "x" * 490) for number in range(60)
    )
    answer = post(client, f"migrations/{migration_id}/journal", journal_request(migration_id), secret=SECRET)
    told_journal = JournalAnswer.model_validate_json(answer.content)
    assert (len(told_journal.lines), told_journal.left_out) == (50, 11)
    assert told_journal.lines[-1].text.startswith("line 59 ")


def test_the_journal_is_told_to_nobody_else(client, console, configuration):
    migration_id = prepared(client, configuration)
    path = f"migrations/{migration_id}/journal"
    request = journal_request(migration_id)
    assert refusal(post(client, path, request)) == (401, "peer-signature-wrong")
    assert refusal(post(client, path, request, token=token_for(client))) == (401, "peer-signature-wrong")
    turned = journal_request(migration_id, role="destination")
    assert refusal(post(client, path, turned, secret=SECRET)) == (409, "peer-role-wrong")
    other = journal_request(uuid.uuid4())
    assert refusal(post(client, path, other, secret=SECRET)) == (422, "peer-migration-differs")
    Migration.objects.update(secret=b"")
    assert refusal(post(client, path, request, secret=SECRET)) == (404, "peer-migration-unknown")


# progress


def progress_of(migration_id, **changes):
    figures = {"percent": 40, "passes": 2, "bytes_transmitted": 500, "bytes_remaining": 600}
    figures |= {"dirty_bytes_per_s": 7, "seconds_left": 2.5, "outlook": "not converging"}
    return TransferProgress(**{"migration_id": migration_id, "role": "source"} | figures | changes)


def tell_progress(client, migration_id, **changes):
    return post(client, f"migrations/{migration_id}/progress", progress_of(migration_id, **changes), secret=SECRET)


def test_the_source_tells_how_far_it_is_and_what_comes_late_changes_nothing(client, console, configuration):
    migration_id = prepared(client, configuration)
    assert tell_progress(client, migration_id).status_code == 204
    for late in ({"percent": 30, "passes": 3}, {"percent": 50, "passes": 1}):
        assert tell_progress(client, migration_id, bytes_remaining=700, **late).status_code == 204
    row = Migration.objects.get()
    assert (row.percent, row.bytes_remaining, row.passes, row.dirty_bytes_per_s) == (40, 600, 2, 7)
    assert (row.seconds_left, row.bytes_transmitted, row.outlook) == (2.5, 500, "not converging")
    assert row.progress_heard_at is not None
    assert row.partner_heard_at is None  # a state was not told


def test_progress_that_comes_after_the_whole_memory_is_ignored(client, console, configuration):
    migration_id = prepared(client, configuration)
    Migration.objects.update(state=State.LOADED, bytes_remaining=0)
    assert tell_progress(client, migration_id).status_code == 204
    assert (Migration.objects.get().percent, Migration.objects.get().bytes_remaining) == (0, 0)


def test_progress_is_heard_from_the_source_only(client, console, configuration):
    migration_id = prepared(client, configuration)
    path = f"migrations/{migration_id}/progress"
    assert refusal(post(client, path, progress_of(migration_id))) == (401, "peer-signature-wrong")
    other = progress_of(uuid.uuid4())
    assert refusal(post(client, path, other, secret=SECRET)) == (422, "peer-migration-differs")
    turned = progress_of(migration_id, role="destination")
    assert refusal(post(client, path, turned, secret=SECRET)) == (409, "peer-role-wrong")
    Migration.objects.update(role="source", state=State.TRANSFERRING)
    assert refusal(post(client, path, progress_of(migration_id), secret=SECRET)) == (409, "peer-role-wrong")
    assert Migration.objects.get().percent == 0


# state: signatures


def test_a_signed_message_is_answered(client, console, configuration):
    migration_id = prepared(client, configuration)
    answer = post(client, state_path(migration_id), told(migration_id), secret=SECRET)
    assert (answer.status_code, answer.json()["state"]) == (200, State.PREPARED)


def test_a_wrong_key_is_refused_also_with_a_good_token(client, console, configuration):
    migration_id = prepared(client, configuration)
    answer = post(
        client,
        state_path(migration_id),
        told(migration_id, State.ABORTING),
        secret=bytes(32),
        token=token_for(client),
    )
    assert refusal(answer) == (401, "peer-signature-wrong")
    assert Migration.objects.get().state == State.PREPARED


@pytest.mark.parametrize("signature", ["", "0" * 64, "ä", "x" * 10_000])
def test_a_made_up_signature_is_refused(client, console, configuration, signature):
    migration_id = prepared(client, configuration)
    body = told(migration_id).model_dump_json().encode()
    answer = post(client, state_path(migration_id), body, **{auth.SIGNATURE_HEADER: signature})
    assert refusal(answer) == (401, "peer-signature-wrong")


def test_a_console_that_cannot_read_its_secrets_any_more_says_so(client, console, configuration, settings):
    """Another IVM_SECRET_KEY than before: its administrator can mend that, so the other side is to try again."""
    migration_id = prepared(client, configuration)
    settings.SECRET_KEY = "another key than before"
    answer = post(client, state_path(migration_id), told(migration_id), secret=SECRET)
    assert refusal(answer) == (503, "peer-secret-unreadable")


def test_an_altered_body_is_refused(client, console, configuration):
    migration_id = prepared(client, configuration)
    path, original = state_path(migration_id), told(migration_id).model_dump_json().encode()
    altered = original.replace(b'"transferring"', b'"aborting"')
    assert altered != original
    signature = auth.sign(SECRET, "POST", ROOT + path, original)
    assert refusal(post(client, path, altered, **{auth.SIGNATURE_HEADER: signature})) == (401, "peer-signature-wrong")
    assert Migration.objects.get().state == State.PREPARED


def test_a_signature_for_another_path_is_refused(client, console, configuration):
    migration_id = prepared(client, configuration)
    body = told(migration_id).model_dump_json().encode()
    signature = auth.sign(SECRET, "POST", ROOT + "migrations", body)
    answer = post(client, state_path(migration_id), body, **{auth.SIGNATURE_HEADER: signature})
    assert refusal(answer) == (401, "peer-signature-wrong")


def test_a_message_replayed_to_another_id_is_refused(client, console, configuration):
    migration_id, other = prepared(client, configuration), uuid.uuid4()
    body = told(migration_id, State.ABORTING)
    assert refusal(post(client, state_path(other), body, token=token_for(client))) == (422, "peer-migration-differs")
    assert Migration.objects.count() == 1


def test_a_source_gets_its_turn_to_suspend_when_no_other_one_has_it(client, console, configuration):
    migration_id = prepared(client, configuration)
    path, asks = f"migrations/{migration_id}/turn", TurnRequest(migration_id=migration_id, role="source")
    remote = Migration.objects.get().remote
    RemoteSystem.objects.filter(pk=remote.pk).update(
        suspending=uuid.uuid4(), suspending_until=time.monotonic() + 5, suspending_boot=boot_id()
    )
    assert post(client, path, asks, secret=SECRET).json() == {"granted": False}
    RemoteSystem.objects.filter(pk=remote.pk).update(suspending=None)
    for _ in range(2):
        assert post(client, path, asks, secret=SECRET).json() == {"granted": True}
    assert RemoteSystem.objects.get(pk=remote.pk).suspending == migration_id


def test_a_turn_is_given_to_the_migrations_own_source_only(client, console, configuration):
    migration_id = prepared(client, configuration)
    path, asks = f"migrations/{migration_id}/turn", TurnRequest(migration_id=migration_id, role="source")
    assert refusal(post(client, path, asks, secret=bytes(32))) == (401, "peer-signature-wrong")
    assert refusal(post(client, path, asks, token=token_for(client))) == (401, "peer-signature-wrong")
    turned = asks.model_copy(update={"role": "destination"})
    assert refusal(post(client, path, turned, secret=SECRET)) == (409, "peer-role-wrong")
    assert RemoteSystem.objects.filter(suspending=migration_id).count() == 0


def test_the_hand_over_record_is_signed_for_the_migrations_own_source_only(client, console, configuration):
    migration_id = prepared(client, configuration)
    part = signer("uli13").sign(statement("source", migration=migration_id))
    path = f"migrations/{migration_id}/record"
    assert refusal(post(client, path, part, token=token_for(client))) == (401, "peer-signature-wrong")
    assert refusal(post(client, path, part, secret=bytes(32))) == (401, "peer-signature-wrong")
    assert refusal(post(client, path, part, secret=SECRET)) == (409, "record-not-accepted")
    other = uuid.uuid4()
    assert refusal(post(client, f"migrations/{other}/record", part, secret=SECRET)) == (422, "peer-migration-differs")
    unknown = signer("uli13").sign(statement("source", migration=other))
    answer = post(client, f"migrations/{other}/record", unknown, secret=SECRET)
    assert refusal(answer) == (404, "peer-migration-unknown")


def test_a_consoles_own_message_turned_around_is_refused(client, console, configuration):
    migration_id = prepared(client, configuration)
    body = told(migration_id, State.DECLINED, role="destination")
    assert refusal(post(client, state_path(migration_id), body, secret=SECRET)) == (409, "peer-role-wrong")


def test_a_state_of_the_other_role_is_no_message(client, console, configuration):
    migration_id = prepared(client, configuration)
    body = told(migration_id).model_dump_json().replace('"transferring"', '"accepted"').encode()
    assert refusal(post(client, state_path(migration_id), body, secret=SECRET)) == (422, "peer-request-invalid")


# state: ids that are unknown here


def test_an_abort_of_an_unknown_id_leaves_a_tombstone_by_an_expired_token(client, console, configuration):
    token, request = token_for(client), prepare_request(configuration)
    expire(dt.timedelta(days=29))
    answer = post(
        client,
        state_path(request.migration_id),
        told(request.migration_id, State.ABORTING),
        token=token,
        secret=SECRET,
    )
    assert (answer.status_code, answer.json()["state"]) == (200, State.DECLINED)
    late = post(client, "migrations", request, token=token_for(client))
    assert late.json()["state"] == State.DECLINED
    assert not LogicalPartition.objects.filter(name="uli13lp1").exists()


def test_after_30_days_a_token_leaves_no_tombstone(client, console):
    token, migration_id = token_for(client), uuid.uuid4()
    expire(dt.timedelta(days=31))
    answer = post(client, state_path(migration_id), told(migration_id, State.ABORTING), token=token)
    assert refusal(answer) == (401, "peer-token-unknown")
    assert not Migration.objects.exists()


def test_an_unknown_id_without_a_token_is_not_found(client, console):
    migration_id = uuid.uuid4()
    answer = post(client, state_path(migration_id), told(migration_id), secret=SECRET)
    assert refusal(answer) == (404, "peer-migration-unknown")


def test_a_tombstone_answers_its_own_system_only(client, console):
    token, migration_id = token_for(client), uuid.uuid4()
    message = told(migration_id, State.ABORTING)
    post(client, state_path(migration_id), message, token=token)
    assert post(client, state_path(migration_id), message, token=token).json()["state"] == State.DECLINED
    RemoteSystem.objects.create(name="uli15", address="127.0.0.1:8415", system_identity="7998-61X*OTHER")
    other = log_in(client, identity="7998-61X*OTHER").json()["token"]
    assert refusal(post(client, state_path(migration_id), message, token=other)) == (403, "peer-token-of-another")


def test_a_token_of_no_remote_system_leaves_no_tombstone(client, console):
    token, migration_id = log_in(client, identity="7998-61X*OTHER").json()["token"], uuid.uuid4()
    answer = post(client, state_path(migration_id), told(migration_id, State.ABORTING), token=token)
    assert refusal(answer) == (403, "peer-source-unknown")


def abort(client, token, migration_id=None):
    migration_id = migration_id or uuid.uuid4()
    return post(client, state_path(migration_id), told(migration_id, State.ABORTING), token=token)


def test_a_token_that_changes_nothing_is_answered_and_leaves_no_tombstone(client, console, viewer):
    """Nothing can be prepared with it later, and its source must get to its end."""
    answer = abort(client, token_for(client, "viewer"))
    assert (answer.status_code, answer.json()["state"], answer.json()["fact"]) == (200, State.DECLINED, "none")
    assert not Migration.objects.exists()


def test_a_ticket_leaves_the_tombstone_of_its_own_migration_only(client, console):
    migration_id = uuid.uuid4()
    ticket = post(client, f"migrations/{migration_id}/ticket", ASKS, token=token_for(client)).json()["token"]
    assert refusal(abort(client, ticket)) == (401, "peer-token-unknown")
    assert abort(client, ticket, migration_id).json()["state"] == State.DECLINED


def test_a_token_leaves_so_many_tombstones_and_no_more(client, console, monkeypatch):
    """One that got into other hands must not fill the database, nor keep others from theirs."""
    monkeypatch.setattr(tombstones, "MOST_OF_TOKEN", 3)
    token, ids = token_for(client), [uuid.uuid4() for _ in range(3)]
    assert [abort(client, token, one).status_code for one in ids] == [200] * 3
    expire(dt.timedelta(days=1))
    assert refusal(abort(client, token)) == (429, "peer-too-many-notes")
    assert abort(client, token, ids[0]).json()["state"] == State.DECLINED  # said again
    assert abort(client, token_for(client)).status_code == 200
    assert Migration.objects.tombstones().count() == 4


def test_so_does_a_system_whatever_its_tokens(client, console, monkeypatch):
    monkeypatch.setattr(tombstones, "MOST_OF_SYSTEM", 2)
    answers = [abort(client, token_for(client)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_where_the_secret_was_erased_the_systems_token_counts(client, console, configuration):
    migration_id = prepared(client, configuration)
    Migration.objects.update(secret=b"")
    path, message = state_path(migration_id), told(migration_id)
    assert refusal(post(client, path, message, secret=SECRET)) == (404, "peer-migration-unknown")
    assert post(client, path, message, token=token_for(client)).json()["state"] == State.PREPARED


# bounds


def test_a_database_that_does_not_answer_is_a_reason_to_try_again(client, console, configuration, monkeypatch):
    def is_locked(request, token):
        raise OperationalError("database is locked")

    monkeypatch.setattr(views, "destination_findings", is_locked)
    answer = post(client, "validate", validate_request(configuration), token=token_for(client))
    assert refusal(answer) == (503, "peer-busy")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("memory_mb", 0),
        ("memory_mb", 2**40),
        ("memory_minimum_mb", 4096),
        ("processing_units", "NaN"),
        ("processing_units", "0.001"),
        ("name", "n" * 32),
        ("name", "uli\n13"),
        ("name", ""),
        ("uuid", "2"),
        ("adapters", [{}]),
        ("ethernets", [{"slot": 4, "vlan_id": 4095, "mac_address": "6A88A2E8C204"}]),
        ("ethernets", [{"slot": slot, "vlan_id": 1, "mac_address": "6A88A2E8C204"} for slot in (4, 5)]),
        ("surprise", 1),
    ],
)
def test_a_field_out_of_bounds_is_refused_with_its_name(client, console, configuration, field, value):
    body = json.loads(validate_request(configuration).model_dump_json())
    body["configuration"][field] = value
    answer = post(client, "validate", json.dumps(body).encode(), token=token_for(client))
    assert refusal(answer) == (422, "peer-request-invalid")
    # A rule over several fields, such as minimum and maximum, names their message.
    assert "configuration" in answer.json()["params"]["detail"]


def test_two_disks_of_one_lun_are_refused(client, console, configuration):
    body = json.loads(validate_request(configuration).model_dump_json())
    disks = body["configuration"]["adapters"][0]["disks"]
    disks[1]["unique_id"] = disks[0]["unique_id"]
    answer = post(client, "validate", json.dumps(body).encode(), token=token_for(client))
    assert refusal(answer) == (422, "peer-request-invalid")


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_refused(client, console, body):
    assert refusal(post(client, "token", body)) == (400, "peer-not-json")


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"7", b"NaN"])
def test_json_that_is_no_message_is_refused(client, console, body):
    assert refusal(post(client, "token", body)) == (422, "peer-request-invalid")


def test_a_body_over_1_mib_is_refused_unread(client, console):
    assert refusal(post(client, "token", b" " * (1024 * 1024 + 1))) == (413, "peer-request-too-large")


@pytest.mark.parametrize(("length", "expected"), [("", 411), ("-1", 411), ("1e3", 411), ("9" * 5000, 413)])
def test_a_length_that_is_no_number_within_bounds_is_refused(client, console, length, expected):
    answer = client.generic("POST", ROOT + "token", b"{}", content_type="application/json", CONTENT_LENGTH=length)
    assert answer.status_code == expected


def test_no_secret_is_in_a_log_a_refusal_or_the_audit_trail(client, console, configuration, caplog):
    caplog.set_level(logging.DEBUG)
    log_in(client, "padmin", PASSWORD)
    malformed = json.dumps({"user": "padmin", "password": [PASSWORD], "system_identity": "x"}).encode()
    answers = [post(client, "token", malformed).content.decode()]
    token = token_for(client)
    request = prepare_request(configuration)
    answers.append(post(client, "migrations", request, token=token).content.decode())
    bad = json.loads(request.model_dump_json()) | {"secret": SECRET.hex() + "zz"}
    answers.append(post(client, "migrations", json.dumps(bad).encode(), token=token).content.decode())
    path = state_path(request.migration_id)
    answers.append(post(client, path, told(request.migration_id), secret=bytes(32)).content.decode())
    audited = " ".join(f"{event.text} {event.thing} {event.user}" for event in AuditEvent.objects.all())
    for secret in (PASSWORD, token, SECRET.hex()):
        assert secret not in caplog.text
        assert secret not in audited
        assert not any(secret in answer for answer in answers)


def test_the_description_for_machines_names_every_call(client, console):
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    assert {path.removeprefix(ROOT) for path in paths if path.startswith(ROOT)} == {
        "hello",
        "token",
        "keys",
        "challenge",
        "key-token",
        "validate",
        "migrations",
        "migrations/{migration_id}/state",
        "migrations/{migration_id}/record",
        "migrations/{migration_id}/journal",
        "migrations/{migration_id}/progress",
        "migrations/{migration_id}/turn",
        "open-migrations",
        "migrations/{migration_id}/ticket",
    }


# what a restored database asks


@pytest.fixture
def asks(console, tmp_path):
    """uli13's console with its keys; this console has its certificate pinned."""
    pair = make_certificate("uli13")
    RemoteSystem.objects.update(fingerprint=fingerprint(pair.certificate))
    signer = Signer(Ed25519PrivateKey.generate(), pair.certificate, pair.key)

    def asks(**changes):
        said = {
            "system": data.ULI13.identity,
            "partner_system": data.ULI14.identity,
            "incarnation": "new",
            "nonce": "0" * 32,
        }
        return questions.sign(signer, said | changes)

    return asks


def test_a_restored_console_hears_what_is_on_record_with_it(client, asks, configuration):
    migration_id = prepared(client, configuration)
    answer = OpenAnswer.model_validate_json(post(client, "open-migrations", asks()).content)
    assert [(known.migration_id, known.role, known.state) for known in answer.migrations] == [
        (migration_id, "destination", "prepared")
    ]
    assert Migration.objects.get().known_incarnations[-1] == "new"


def test_nobody_else_hears_it(client, asks, configuration):
    prepared(client, configuration)
    stranger = make_certificate("stranger")
    other = Signer(Ed25519PrivateKey.generate(), stranger.certificate, stranger.key)
    said = asks().model_dump(include={"system", "partner_system", "incarnation", "nonce"})
    for question, expected in (
        (questions.sign(other, said), (403, "peer-source-unknown")),
        (asks(system="7998-60X*0000000"), (403, "peer-source-unknown")),
        (asks(partner_system="7998-60X*0000000"), (401, "peer-question-unsigned")),
        (asks().model_copy(update={"incarnation": "altered"}), (401, "peer-question-unsigned")),
        (asks().model_copy(update={"signature": "00"}), (401, "peer-question-unsigned")),
        (asks().model_copy(update={"key": "0" * 64}), (401, "peer-question-unsigned")),
    ):
        assert refusal(post(client, "open-migrations", question)) == expected
    assert "new" not in Migration.objects.get().known_incarnations
