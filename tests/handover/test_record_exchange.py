"""Both consoles sign one hand-over record: when, with what, and what happens where one of them lies or is away."""

import stat

import pytest
from django.utils import timezone

from ivmweb.common.certificates import fingerprint, make_certificate
from ivmweb.common.errors import PeerError, PrerequisiteFailed
from ivmweb.lab import data
from migration import aftermath, handover_record, journal, leases, record_exchange
from migration.handover_record import Record, Signer
from migration.models import Migration
from migration.states import State
from tests.handover.conftest import fetch

DIGEST = "a" * 64
PAIR = make_certificate("uli14")


@pytest.fixture(autouse=True)
def certificates(settings, tmp_path, uli14):
    own = make_certificate("uli13")
    settings.CERTIFICATE, settings.CERTIFICATE_KEY = tmp_path / "console.crt", tmp_path / "console.key"
    settings.SIGNING_KEY = tmp_path / "signing.key"
    settings.CERTIFICATE.write_text(own.certificate)
    settings.CERTIFICATE_KEY.write_text(own.key)
    uli14.certificate, uli14.fingerprint = PAIR.certificate, fingerprint(PAIR.certificate)
    uli14.save()


@pytest.fixture
def there():
    """The keys of uli14's console."""
    return Signer(record_exchange.Ed25519PrivateKey.generate(), PAIR.certificate, PAIR.key)


@pytest.fixture
def console(there, monkeypatch):
    """uli14's console: signs what a destination signs; `changes` are its lies."""

    class Console:
        changes, asked, is_silent = {}, 0, False

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def exchange_record(self, secret, part):
            self.asked += 1
            if self.is_silent:
                raise PeerError(
                    "peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:1", timeout_s="10"
                )
            chained = {"source_sha256": handover_record.sha256_of(part)}
            return Record(source=part, destination=there.sign(mirrored(part.statement, **chained | self.changes)))

    answering = Console()
    monkeypatch.setattr(record_exchange, "PeerClient", lambda remote: answering)
    return answering


def mirrored(statement, **changes):
    """What the other side of that move says."""
    is_source = statement.role == "source"
    turned = {
        "role": "destination" if is_source else "source",
        "state": "accepted" if is_source else "surrendered",
        "console": "uli14",
        "system": statement.partner_system,
        "partner_system": statement.system,
    }
    return statement.model_copy(update=turned | changes)


def ended(migration, state, signed, **fields):
    journal.note(migration.pk, record_exchange.Sentence("as it was"), to_state=signed)
    fields = {"local_digest": DIGEST, "partner_digest": DIGEST, "suspension_ms": 60.0} | fields
    Migration.objects.filter(pk=migration.pk).update(state=state, ended_at=timezone.now(), **fields)
    return fetch(migration)


@pytest.fixture
def moved(start, uli13lp1, partner):
    partner.state = State.CLOSED_MOVED
    return ended(start(uli13lp1, State.CLOSED_MOVED), State.CLOSED_MOVED, State.SURRENDERED)


@pytest.fixture
def arrived(incoming):
    return ended(incoming("loaded"), State.CLOSED_MOVED, State.ACCEPTED)


def part_of_source(migration, signer, **changes):
    """What uli14's console sends about a move from there to here."""
    return signer.sign(mirrored(record_exchange.statement_of(migration), **changes))


def test_the_source_asks_once_and_keeps_what_proves_itself(moved, console):
    for _ in range(2):
        aftermath.sweep()
    kept = handover_record.read(fetch(moved).handover_record.encode())
    handover_record.check(kept)
    assert kept.source.statement.system == data.ULI13.identity
    assert kept.source.statement.memory.sha256 == DIGEST
    assert console.asked == 1
    assert fetch(moved).events.filter(text__contains="signed the hand-over record").count() == 1


def test_it_waits_for_the_digest_and_after_minutes_does_without(moved, console, monkeypatch):
    Migration.objects.filter(pk=moved.pk).update(local_digest="")
    record_exchange.exchange(fetch(moved), set())
    assert console.asked == 0
    monkeypatch.setattr(record_exchange, "DIGEST_COMES_WITHIN", timezone.timedelta(0))
    record_exchange.exchange(fetch(moved), set())
    assert handover_record.read(fetch(moved).handover_record.encode()).source.statement.memory is None


def test_a_source_waits_for_the_other_digest_too_and_is_not_kept_from_asking_for_it(moved, console):
    """A record that the other side could not sign yet put the question for its digest off by 20 s."""
    Migration.objects.filter(pk=moved.pk).update(partner_digest="")
    record_exchange.exchange(fetch(moved), set())
    assert (console.asked, fetch(moved).due_at) == (0, 0)


def test_a_console_that_is_away_is_asked_again_later(moved, console, clock):
    console.is_silent = True
    for _ in range(3):
        record_exchange.exchange(fetch(moved), set())
    assert (console.asked, fetch(moved).handover_record) == (1, "")
    console.is_silent = False
    clock.pass_s(record_exchange.TRY_EVERY_S + 1)
    record_exchange.exchange(fetch(moved), set())
    assert fetch(moved).handover_record


def test_of_two_sweeps_at_once_only_one_asks(moved, console, monkeypatch):
    """A call to a console that says nothing lasts, and the next sweep begins meanwhile."""
    console.is_silent = True
    sign = record_exchange.own_signer

    def meanwhile():
        if not nested:
            nested.append(1)
            record_exchange.exchange(fetch(moved), set())
        return sign()

    nested = []
    monkeypatch.setattr(record_exchange, "own_signer", meanwhile)
    record_exchange.exchange(moved, set())
    assert (nested, console.asked) == ([1], 1)


def test_a_console_that_is_silent_is_waited_for_once_in_a_sweep(moved, console):
    console.is_silent = True
    silent = set()
    record_exchange.exchange(moved, silent)
    assert silent == {moved.remote_id}
    Migration.objects.update(due_at=0)
    record_exchange.exchange(fetch(moved), silent)
    assert console.asked == 1


def test_the_same_refusal_is_logged_once(moved, console, clock, caplog):
    caplog.set_level("INFO")
    console.changes = {"system": "8203-E4A*0000001"}
    for _ in range(3):
        record_exchange.exchange(fetch(moved), set())
        clock.pass_s(record_exchange.TRY_EVERY_S + 1)
    console.changes = {"source_sha256": "0" * 64}
    record_exchange.exchange(fetch(moved), set())
    assert console.asked == 4
    assert caplog.text.count("no hand-over record yet") == 2


@pytest.mark.parametrize("broken", ["certificate", "secret", "key"])
def test_what_cannot_be_signed_is_tried_again_later_and_stops_nothing(moved, console, settings, broken):
    if broken == "certificate":
        settings.CERTIFICATE_KEY.write_text("no key at all")
    elif broken == "key":
        settings.CERTIFICATE_KEY.unlink()
    else:
        Migration.objects.update(secret=b"under another key")
    aftermath.sweep()
    assert leases.is_ahead(fetch(moved), fetch(moved).due_at)
    assert console.asked == 0


@pytest.mark.parametrize(
    "lie",
    [{"system": "8203-E4A*0000001"}, {"source_sha256": "0" * 64}, {"memory": None, "lpar_id": 9, "type": "inactive"}],
)
def test_an_answer_that_does_not_prove_itself_is_not_kept(moved, console, lie):
    console.changes = lie
    record_exchange.exchange(moved, set())
    assert fetch(moved).handover_record == ""


def test_an_answer_under_another_certificate_is_not_kept(moved, console, uli14):
    uli14.fingerprint = "AA:BB"
    uli14.save()
    record_exchange.exchange(fetch(moved), set())
    assert fetch(moved).handover_record == ""


def test_secrets_are_kept_until_the_record_is_there(moved, console):
    long_ago = timezone.now() - 2 * aftermath.KEEP_SECRETS_FOR
    Migration.objects.filter(pk=moved.pk).update(ended_at=long_ago, partner_state=State.CLOSED_MOVED)
    console.is_silent = True
    aftermath.sweep()
    assert fetch(moved).secret
    Migration.objects.filter(pk=moved.pk).update(due_at=0)
    console.is_silent = False
    aftermath.sweep()
    assert fetch(moved).handover_record
    assert not fetch(moved).secret


def test_the_destination_signs_once_and_answers_the_same_again(arrived, there):
    first = record_exchange.countersign(arrived, part_of_source(arrived, there))
    handover_record.check(first)
    again = record_exchange.countersign(fetch(arrived), part_of_source(arrived, there))
    assert again == first == handover_record.read(fetch(arrived).handover_record.encode())


def test_two_requests_at_once_come_to_one_record(arrived, there):
    stale = fetch(arrived)
    first = record_exchange.countersign(arrived, part_of_source(arrived, there))
    assert record_exchange.countersign(stale, part_of_source(arrived, there)) == first


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"local_digest": ""}, "record-not-ready"),
        ({"state": State.DECLINED}, "record-not-accepted"),
    ],
)
def test_the_destination_signs_nothing_that_it_does_not_know(arrived, there, change, key):
    part = part_of_source(arrived, there)
    Migration.objects.filter(pk=arrived.pk).update(**change)
    with pytest.raises(PrerequisiteFailed) as refused:
        record_exchange.countersign(fetch(arrived), part)
    assert refused.value.key == key


def test_a_move_without_accepted_is_not_signed(arrived, there):
    part = part_of_source(arrived, there)
    arrived.events.all().delete()
    with pytest.raises(PrerequisiteFailed) as refused:
        record_exchange.countersign(fetch(arrived), part)
    assert refused.value.key == "record-not-accepted"


@pytest.mark.parametrize(
    "lie", [{"system": "8203-E4A*0000001"}, {"partition_name": "other"}, {"role": "destination"}]
)
def test_the_destination_signs_no_part_that_does_not_fit(arrived, there, lie):
    with pytest.raises(PrerequisiteFailed) as refused:
        record_exchange.countersign(arrived, part_of_source(arrived, there, **lie))
    assert refused.value.key == "record-not-proved"
    assert fetch(arrived).handover_record == ""


def test_the_signing_key_is_made_once_and_nobody_else_reads_it(settings):
    first, again = record_exchange.own_key(), record_exchange.own_key()
    assert first.private_bytes_raw() == again.private_bytes_raw()
    assert stat.S_IMODE(settings.SIGNING_KEY.stat().st_mode) == 0o600
    assert [path.name for path in settings.SIGNING_KEY.parent.glob("signing.key*")] == ["signing.key"]
