"""Both consoles' journals of one migration, and what each side says of itself now. Read only; nothing is decided."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from ivmweb.common.errors import PeerError
from ivmweb.common.sentence import Sentence
from migration import destination, partner
from migration.models import Migration, MigrationEvent
from migration.peer.auth import unseal
from migration.peer.client import Patience, PeerClient
from migration.peer.messages import JOURNAL_LINES, LONGEST_LINE, HistoryLine, JournalAnswer, JournalRequest, as_text
from migration.states import Answer

PATIENCE_S = 4.0  # a person waits for the page
CLOCKS_AGREE_S = 1.0
LATEST_S = datetime(9999, 1, 1, tzinfo=UTC).timestamp()  # a page can show no later one


@dataclass(frozen=True)
class Line:
    """One of either journal, by this console's clock. `ours` has params and code in its sentence, theirs is ready."""

    time: datetime
    ours: bool
    from_state: str
    to_state: str
    sentence: Sentence


@dataclass(frozen=True)
class Other:
    """The partner as it was asked just now."""

    answer: Answer | None = None  # None: no answer that counts
    error: PeerError | None = None  # why not; None where it can't be asked any more
    lines: tuple[Line, ...] = ()
    left_out: int = 0
    clock_ahead_s: float = 0.0


def own_journal(migration: Migration) -> JournalAnswer:
    events = migration.events.order_by("-pk")
    latest = list(events[:JOURNAL_LINES])
    return JournalAnswer(
        now=destination.answer(migration),
        clock=time.time(),
        lines=tuple(line_of(event) for event in reversed(latest)),
        left_out=max(0, events.count() - len(latest)),
    )


def line_of(event: MigrationEvent) -> HistoryLine:
    text = str(event.sentence) if event.text else ""
    return HistoryLine(
        time=event.time.timestamp(),
        from_state=event.from_state,
        to_state=event.to_state,
        text=as_text(text, LONGEST_LINE),
    )


def ask(migration: Migration) -> Other:
    """The partner's state and journal; what it says of its state is remembered like any answer. Never raises."""
    if not migration.secret:  # final on both sides for some minutes: nothing is signed any more
        return Other()
    sequence = partner.next_sequence(migration)
    request = JournalRequest(migration_id=migration.pk, role=migration.role, sequence=sequence)  # type: ignore[arg-type]
    asked_at = time.time()
    try:
        with PeerClient(migration.remote, timeout_s=PATIENCE_S) as client:
            said = client.journal(unseal(bytes(migration.secret)), request)
        answer = partner.remember(migration, said.now)
    except PeerError as failed:
        exc = partner.why_not_asked(migration, failed, Patience(PATIENCE_S))
        partner.remember_silence(migration, exc)
        return Other(error=exc)
    ahead = said.clock - (asked_at + time.time()) / 2
    ahead = ahead if abs(ahead) > CLOCKS_AGREE_S else 0.0
    lines = tuple(theirs(line, ahead) for line in said.lines)
    return Other(answer, None, lines, said.left_out, ahead)


def theirs(line: HistoryLine, ahead_s: float) -> Line:
    """Its text is finished English: nothing of it is looked up or filled in here."""
    moment = datetime.fromtimestamp(min(max(line.time - ahead_s, 0), LATEST_S), UTC)
    braces_kept = line.text.replace("{", "{{").replace("}", "}}")
    return Line(
        moment, ours=False, from_state=line.from_state, to_state=line.to_state, sentence=Sentence(braces_kept)
    )


def ours(event: MigrationEvent) -> Line:
    return Line(event.time, True, event.from_state, event.to_state, event.sentence)


def time_line(migration: Migration, other: Other) -> list[Line]:
    """Both journals, oldest first; of ours as many as the partner tells of its own."""
    latest = list(migration.events.order_by("-pk")[:JOURNAL_LINES])
    return sorted([*(ours(event) for event in reversed(latest)), *other.lines], key=lambda line: line.time)
