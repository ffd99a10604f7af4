"""What passes between this side of a migration and the other: telling, asking, and remembering the answer."""

import logging
from typing import Any, Protocol

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from ivmweb.common.errors import IvmError, PeerError
from ivmweb.common.errors import message as message_of
from ivmweb.common.sentence import Sentence
from ivmweb.system.models import ManagedSystem
from migration.models import Migration
from migration.peer.auth import unseal
from migration.peer.client import PeerClient
from migration.peer.messages import Answered, Cause, Told, as_text
from migration.progress import at_least
from migration.states import FINAL_STATES, Answer, Fact, State

logger = logging.getLogger(__name__)

IN_BOTH = set(Answered.model_fields) & set(Told.model_fields)
OVER = FINAL_STATES | {State.STARTED, State.COMPLETING}  # nothing is sent any more


class Link(Protocol):
    """An open connection to the other console."""

    def tell(self, secret: bytes, told: Told, *, token: str = "") -> Answered: ...


def patience_s() -> float:
    """Longest silence of one call to the partner."""
    return float(settings.PEER_TIMEOUT_S)


def retry_s() -> float:
    return float(settings.SCHEDULE_S)


def tell(migration: Migration, fact: Fact, link: Link | None = None) -> Answer:
    """Say our durable state and get the other's; raises PeerError. The answer is written into the row."""
    told = message(migration, fact)
    secret, token = unseal(bytes(migration.secret)), unseal(bytes(migration.token)).decode()
    if link is not None:
        answered = link.tell(secret, told, token=token)
    else:
        with PeerClient(migration.remote) as client:
            answered = client.tell(secret, told, token=token)
    return remember(migration, answered)


def message(migration: Migration, fact: Fact) -> Told:
    Migration.objects.filter(pk=migration.pk).update(sequence=F("sequence") + 1)
    sequence = Migration.objects.values_list("sequence", flat=True).get(pk=migration.pk)
    return Told(
        migration_id=migration.pk,
        role=migration.role,  # type: ignore[arg-type]
        state=migration.state,
        fact=fact,
        forced=migration.forced,
        incarnation=ManagedSystem.objects.get().incarnation,
        sequence=sequence,
        digest=migration.local_digest,
        **said_by(migration),
    )


def said_by(migration: Migration) -> dict[str, Any]:
    """What `Told` and `Answered` have in common beside the state: for people, decides nothing."""
    cause = None
    if migration.message_key:
        text = str(Sentence(message_of(migration.message_key).text, migration.message_params))
        cause = Cause(key=migration.message_key, code=migration.code, text=as_text(text))
    return {
        "stopped": migration.is_source and migration.stop_requested,
        "cause": cause,
        "passes": migration.passes,
        "bytes_transmitted": migration.bytes_transmitted,
    }


def take(migration: Migration, told: Told) -> Answer:
    """What the partner told of itself, as if it had been asked."""
    return remember(
        migration,
        Answered.model_validate(told.model_dump(include=IN_BOTH)),
    )


def remember(migration: Migration, answered: Answered) -> Answer:
    """Take over what an answer says; raises PeerError where it speaks of states that do not exist."""
    answer = answer_of(migration, answered.state, answered.fact, forced=answered.forced)
    fields: dict[str, object] = {
        "partner_state": answer.state,
        "partner_fact": answer.fact,
        "partner_heard_at": timezone.now(),
        "partner_error": "",
    }
    if answered.stopped and not migration.is_source:
        fields["stop_requested"] = True
    if answered.cause is not None:
        fields["partner_cause"] = answered.cause.model_dump()
    if answered.digest:
        fields["partner_digest"] = answered.digest
    if answered.lpar_id:
        fields["remote_lpar_id"] = answered.lpar_id
    if answered.suspension_ms is not None:
        fields["suspension_ms"] = answered.suspension_ms
    counters = {}
    if answer.state in OVER:  # a mover that died has not told its last ones
        counters = {counter: getattr(answered, counter) for counter in ("passes", "bytes_transmitted")}
    raised = {counter: at_least(counter, told) for counter, told in counters.items()}
    Migration.objects.filter(pk=migration.pk).update(**fields, **raised)
    for name, value in fields.items():
        setattr(migration, name, value)
    for counter, told in counters.items():
        setattr(migration, counter, max(getattr(migration, counter), told))
    return answer


def answer_of(migration: Migration, state: str, fact: str, *, forced: bool) -> Answer:
    try:
        return Answer(state=State(state), fact=Fact(fact), forced=forced)
    except ValueError as exc:
        raise PeerError(
            "peer-answer-malformed", permanent=True, remote=migration.remote.name, detail=f"{state}, {fact}"[:64]
        ) from exc


def remember_silence(migration: Migration, error: IvmError) -> None:
    logger.info("migration %s: %s does not answer: %s", migration.pk, migration.remote.name, error)
    Migration.objects.filter(pk=migration.pk).update(partner_error=str(error)[:255])
    migration.partner_error = str(error)[:255]
