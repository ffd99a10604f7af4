"""What passes between this side of a migration and the other: telling, asking, and remembering the answer."""

import logging
from typing import Any, Protocol

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import IvmError, PeerError
from ivmweb.common.sentence import Sentence
from ivmweb.system.models import ManagedSystem
from ivmweb.transactions import serialized
from migration.journal import note, publish
from migration.models import LONGEST_ERROR, Migration
from migration.peer.auth import SecretUnreadable, unseal
from migration.peer.client import NO_ANSWER, Patience, PeerClient
from migration.peer.messages import LONGEST_LINE, Answered, Cause, Told, as_text
from migration.peer.remotes import heard_from
from migration.progress import at_least
from migration.roles import LINK_LOST, forced_back_there, rolled_back_there
from migration.states import ABORTS, FINAL_STATES, Answer, Fact, State, announced, may_hear

logger = logging.getLogger(__name__)

SILENT = _("{remote} does not answer: {error}")
NOT_ASKED = _("{remote} can't be asked: {error}")
ANSWERS_AGAIN = _("{remote} answers again")
IN_BOTH = set(Answered.model_fields) & set(Told.model_fields)
OF_BOTH = ("passes", "bytes_transmitted")  # never turn back
FIGURES = ("bytes_remaining", "dirty_bytes_per_s")
OVER = FINAL_STATES | {State.STARTED, State.SETTLED, State.COMPLETING}  # nothing is sent any more


class Link(Protocol):
    """An open connection to the other console."""

    def tell(self, secret: bytes, told: Told, *, token: str = "") -> Answered: ...


def patience_s() -> float:
    """Longest silence of one call to the partner."""
    return float(settings.PEER_TIMEOUT_S)


def retry_s() -> float:
    return float(settings.SCHEDULE_S)


def tell(migration: Migration, fact: Fact, link: Link | None = None, patience: Patience | None = None) -> Answer:
    """Say our durable state and get the other's; raises PeerError. The answer is written into the row.

    SecretUnreadable is one as well, though nobody was asked.
    """
    told = message(migration, fact)
    secret, token = unseal(bytes(migration.secret)), unseal(bytes(migration.token)).decode()
    if link is not None:
        answered = link.tell(secret, told, token=token)
    else:
        with PeerClient(migration.remote, patience=patience) as client:
            answered = client.tell(secret, told, token=token)
    return remember(migration, answered)


def why_not_asked(migration: Migration, error: PeerError, patience: Patience | None = None) -> PeerError:
    """Where it could not be asked for a reason of this console's own: whether anything answers there at all.

    `hello` needs no secret. What does not answer that is as silent as any other; else the reason stays.
    """
    if not isinstance(error, SecretUnreadable):
        return error
    try:
        with PeerClient(migration.remote, patience=patience) as client:
            client.hello()
    except PeerError as exc:
        return exc if exc.key in NO_ANSWER else error
    return error


def message(migration: Migration, fact: Fact) -> Told:
    return Told(
        migration_id=migration.pk,
        role=migration.role,  # type: ignore[arg-type]
        fact=fact,
        forced=migration.forced,
        incarnation=own_incarnation(),
        knows=newest(migration),
        sequence=next_sequence(migration),
        digest=migration.local_digest,
        **said_by(migration),
    )


def next_sequence(migration: Migration) -> int:
    Migration.objects.filter(pk=migration.pk).update(sequence=F("sequence") + 1)
    return Migration.objects.values_list("sequence", flat=True).get(pk=migration.pk)


def own_incarnation() -> str:
    return ManagedSystem.objects.values_list("incarnation", flat=True).get()


def newest(migration: Migration) -> str:
    """The present incarnation of the partner's database, as far as this side knows; empty before it spoke."""
    return migration.known_incarnations[-1] if migration.known_incarnations else ""


def said_by(migration: Migration) -> dict[str, Any]:
    """What `Told` and `Answered` have in common: the state; beside it, for people, what decides nothing."""
    cause = None
    if migration.message_key:
        text = as_text(migration.cause.bare, LONGEST_LINE)
        cause = Cause(key=migration.message_key, code=migration.code, text=text)
    return {
        "state": announced(State(migration.state), restored=migration.restored).value,
        "stopped": migration.is_source and migration.stop_requested,
        "waits_for_operator": migration.waits_for_operator,
        "cause": cause,
        **{figure: getattr(migration, figure) for figure in (*OF_BOTH, "percent", *FIGURES)},
    }


def take(migration: Migration, told: Told) -> Answer:
    """What the partner told of itself, as if it had been asked."""
    return remember(
        migration,
        Answered.model_validate(told.model_dump(include=IN_BOTH)),
    )


def remember(migration: Migration, answered: Answered) -> Answer:
    """Take over what an answer says; raises PeerError where it speaks of states that do not exist.

    One that a database gave which was restored since is void: PeerError as well, so it counts as no answer.
    """
    answer = answer_of(migration, answered)
    hear(migration, answered.incarnation)
    now = timezone.now()
    fields: dict[str, object] = {
        "partner_state": answer.state,
        "partner_fact": answer.fact,
        "partner_heard_at": now,
        "partner_answers_since": (not migration.partner_error and migration.partner_answers_since) or now,
        "partner_error": "",
        "partner_waits_for_operator": answered.waits_for_operator,
    }
    if answered.stopped and not migration.is_source:
        fields["stop_requested"] = True
    if answered.cause is not None:
        fields["partner_cause"] = answered.cause.model_dump()
        fields |= told_cause(migration, answered, answered.cause)
    if was_forced_back(migration, answer):
        fields |= forced_back_there(migration)
    if answered.digest:
        fields["partner_digest"] = answered.digest
    if answered.lpar_id:
        fields["remote_lpar_id"] = answered.lpar_id
    if answered.suspension_ms is not None:
        fields["suspension_ms"] = answered.suspension_ms
    counters = {counter: getattr(answered, counter) for counter in last_counters(migration, answer.state)}
    raised = {counter: at_least(counter, told) for counter, told in counters.items()}
    if not migration.is_source and answer.state in ABORTS and migration.state in {State.PREPARED, State.DECLINED}:
        fields |= {figure: getattr(answered, figure) for figure in FIGURES}
    forget_silence(migration)
    heard_from(migration.remote, now)
    Migration.objects.filter(pk=migration.pk).update(**fields, **raised)
    for name, value in fields.items():
        setattr(migration, name, value)
    for counter, told in counters.items():
        setattr(migration, counter, max(getattr(migration, counter), told))
    return answer


def last_counters(migration: Migration, state: State) -> tuple[str, ...]:
    """Those to take over from the partner in `state`: a mover that died has not told its last ones.

    How far it came is for the source to say: what has all arrived here may yet stay there.
    """
    if migration.is_source:
        return OF_BOTH if state in OVER else ()
    return (*OF_BOTH, "percent") if state in OVER | ABORTS else ()


def was_forced_back(migration: Migration, source: Answer) -> bool:
    """A destination that had declined before it heard of the order has another cause on record, or none."""
    ordered = source.forced and source.state in {State.FORCED_BACK, State.CLOSED_KEPT}
    return ordered and migration.state == State.DECLINED and not migration.stop_requested


def told_cause(migration: Migration, answered: Answered, cause: Cause) -> dict[str, object]:
    """Columns for a destination that had only seen its link go: the source knows why, and may say so too late."""
    only_saw_it_go = not migration.is_source and migration.message_key == LINK_LOST
    if not only_saw_it_go or answered.stopped or cause.key == LINK_LOST or State(answered.state) not in ABORTS:
        return {}
    return rolled_back_there(migration, f"[{cause.code}] {cause.text}")


def hear(migration: Migration, incarnation: str) -> None:
    """Record a new incarnation of the partner's database before it is heard; raises PeerError for an older one."""
    with serialized():
        rows = Migration.objects.filter(pk=migration.pk)
        migration.partner_incarnations = rows.values_list("partner_incarnations", flat=True).get()
        known = migration.known_incarnations
        if not may_hear(incarnation, known):
            raise PeerError("peer-answer-outdated", permanent=False, remote=migration.remote.name)
        if incarnation in known:
            return
        migration.partner_incarnations = "\n".join((*known, incarnation))
        rows.update(partner_incarnations=migration.partner_incarnations)
        if known:
            text = _("the database of {remote} was restored; what it said before is void")
            note(migration.pk, Sentence(text, {"remote": migration.remote.name}))


def answer_of(migration: Migration, answered: Answered) -> Answer:
    try:
        return Answer(
            state=State(answered.state),
            fact=Fact(answered.fact),
            forced=answered.forced,
            knows_us=answered.knows == own_incarnation(),
        )
    except ValueError as exc:
        detail = f"{answered.state}, {answered.fact}"[:64]
        raise PeerError("peer-answer-malformed", permanent=True, remote=migration.remote.name, detail=detail) from exc


def does_not_know(error: PeerError) -> bool:
    """The partner has no such migration, or no secret of it any more."""
    return error.key == "peer-refused" and error.params.get("remote_key") == "peer-migration-unknown"


def remember_silence(migration: Migration, error: IvmError) -> None:
    words = NOT_ASKED if isinstance(error, SecretUnreadable) else SILENT
    text = str(error)[:LONGEST_ERROR]
    sentence = Sentence(words, {"remote": migration.remote.name, "error": text})
    logger.info("migration %s: %s", migration.pk, sentence)
    row = Migration.objects.filter(pk=migration.pk)
    begins = row.filter(partner_error="").update(partner_error=text)
    if not begins:
        row.update(partner_error=text)
    migration.partner_error = text
    if begins and not migration.is_final:  # the pages say since when
        note(migration.pk, sentence)
        publish(migration)


def forget_silence(migration: Migration) -> None:
    """It answers. Said once, whoever else hears it at the same time."""
    if not migration.partner_error:
        return
    migration.partner_error = ""
    row = Migration.objects.filter(pk=migration.pk).exclude(partner_error="")
    if row.update(partner_error="") and not migration.is_final:
        note(migration.pk, Sentence(ANSWERS_AGAIN, {"remote": migration.remote.name}))
        publish(migration)
