"""The loop that both roles share: look, ask the state machine, write or act, until nothing more can be done now.

The same loop ends an undisturbed migration and one that a crash left behind: worker start, schedule, the Recover
button and `migrlpar -o r` all come here, and it is safe at any time and twice.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from django.conf import settings
from django.db import DatabaseError
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, PeerError
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import Fence
from migration import admission, destination, leases, partner, source
from migration.journal import advance, note, note_once, publish
from migration.leases import Fenced
from migration.look import look
from migration.models import LONGEST_ERROR, Migration, RemoteSystem
from migration.peer.client import Patience
from migration.peer.messages import Answered, Told
from migration.roles import because
from migration.states import (
    GIVEN_UP,
    TAKEN_OVER,
    Answer,
    Effect,
    Fact,
    Role,
    Seen,
    State,
    Step,
    Wait,
    leaves_tombstone,
    step,
)

logger = logging.getLogger(__name__)

ROLES = {Role.SOURCE: source, Role.DESTINATION: destination}
# Answers that never turn back, so that one of them stays true after our own record has changed.
LASTING = GIVEN_UP | TAKEN_OVER
MAX_STEPS = 40  # the longest way through either table is 9; more means that a command has no effect


def drive(
    migration: Migration,
    fence: Fence | None,
    *,
    told: Answer | None = None,
    may_ask: bool = True,
    working: bool = False,
    client: "partner.Link | None" = None,
    patience: Patience | None = None,
) -> Wait:
    """Go as far as facts allow and say what is waited for.

    1. With a fence the caller holds the lease; without one records may change (each is a compare-and-set of its own),
       and the lease is claimed for the first effect, or the effects are left to whoever has it.
    2. `told` is what the partner just said; `may_ask` lets the loop ask it, with `patience` only as long as a person
       waits. `working`: own transfer is under way.

    Raises Fenced when somebody else has taken over.
    """
    if migration.in_question:  # a later one may have made it void; lost.py asks
        return Wait.PARTNER
    own_fence = fence
    asked = told
    try:
        for _number in range(MAX_STEPS):
            seen = see(migration, asked, working=working, alone=own_fence is not None)
            if asked is None and may_ask and depends_on_partner(migration, seen):
                asked = ask(migration, own_fence, seen, client, patience)
                seen = replace(seen, partner=asked)
            decision = step(migration.record, seen)
            if decision.wait is Wait.PARTNER and asked is None and may_ask:
                asked = ask(migration, own_fence, seen, client, patience)
                if asked is not None:
                    continue
            if decision.wait is not None:
                say_what_is_waited_for(migration, decision.wait, seen, own_fence)
                return decision.wait
            if decision.effects and own_fence is None:
                is_declined = migration.state in GIVEN_UP  # whoever still receives it receives for nothing
                own_fence = leases.claim(migration.pk, "web", as_read=migration, over_worker=is_declined)
                if own_fence is None:
                    return Wait.MOVER
            if not carry_out(migration, decision, seen, own_fence):
                return Wait.HYPERVISOR
            if decision.state is not None and not (asked and asked.state in LASTING):
                asked = None
                if not may_ask:
                    asked = told
        logger.error("migration %s: no end after %d steps in state %s", migration.pk, MAX_STEPS, migration.state)
        return Wait.HYPERVISOR
    finally:
        if fence is None and own_fence is not None:
            leases.release(own_fence)


def see(migration: Migration, asked: Answer | None, *, working: bool, alone: bool) -> Seen:
    """A reservation expires only when no worker is filling it."""
    over = bool(migration.reserved_until) and not leases.is_ahead(migration, migration.reserved_until)
    return look(migration, asked, working=working, expired=over and (alone or not leases.is_alive(migration)))


def depends_on_partner(migration: Migration, seen: Seen) -> bool:
    """Cases where to go back or forward is equally safe alone, and going forward is better."""
    forward = migration.is_inactive or seen.fact is Fact.PARKED
    return migration.state == State.TRANSFERRING and forward and not migration.stop_requested


def ask(
    migration: Migration,
    fence: Fence | None,
    seen: Seen,
    client: "partner.Link | None",
    patience: Patience | None = None,
) -> Answer | None:
    """Tell the partner our state and hear its own; None when it does not answer (said in the row)."""
    if fence is not None:
        leases.renew(fence, busy_s=partner.patience_s())
    try:
        return partner.tell(migration, seen.fact, client, patience)
    except PeerError as exc:
        partner.remember_silence(migration, exc)
        return None


def carry_out(migration: Migration, decision: Step, seen: Seen, fence: Fence | None) -> bool:
    """Do the effects, then write the record; false when the hypervisor refused or was silent."""
    if decision.effects and not do_effects(migration, decision.effects, fence):
        return False
    role = ROLES[Role(migration.role)]
    if decision.state is not None:
        change = role.entering(migration, decision.state, seen)
        if not advance(migration, decision.state, fence=fence, text=change.text, also=change.also, **change.fields):
            migration.refresh_from_db()
            if fence is not None and migration.epoch != fence.epoch:
                raise Fenced(str(migration.pk))
    return True


def do_effects(migration: Migration, effects: tuple[Effect, ...], fence: Fence | None) -> bool:
    assert fence is not None  # noqa: S101 (drive claims one for effects)
    try:
        leases.renew(fence)
        for effect in effects:
            ROLES[Role(migration.role)].EFFECTS[effect](migration, fence)
    except HypervisorError as exc:
        return refused(migration, exc, fence, effects)
    migration.refresh_from_db()
    return True


def refused(migration: Migration, exc: HypervisorError, fence: Fence, effects: tuple[Effect, ...]) -> bool:
    """Remember why a command had no effect; the record stays and the schedule tries again."""
    if exc.key == "stale-epoch":
        raise Fenced(str(migration.pk)) from exc
    logger.warning("migration %s: %s refused: %s", migration.pk, ", ".join(effects), exc)
    remember_trouble(migration, Sentence.of(exc), fence)
    return False


def remember_trouble(migration: Migration, trouble: Sentence, fence: Fence | None) -> None:
    """What this system's hypervisor said last, in the row, and once in the journal; empty: it is well again."""
    text = str(trouble)[:LONGEST_ERROR]
    if migration.local_error == text:
        return
    if text:
        note(migration.pk, trouble, fence=fence, worker=migration.worker)
    Migration.objects.filter(pk=migration.pk).update(local_error=text)
    migration.refresh_from_db()
    publish(migration)


def say_what_is_waited_for(migration: Migration, reason: Wait, seen: Seen, fence: Fence | None) -> None:
    if reason is Wait.HYPERVISOR or seen.fact is not Fact.UNKNOWN:
        remember_trouble(migration, seen.trouble, fence)
    is_stuck = reason is Wait.OPERATOR
    if migration.waits_for_operator != is_stuck:
        Migration.objects.filter(pk=migration.pk, state=migration.state).update(waits_for_operator=is_stuck)
        migration.refresh_from_db()
        publish(migration)


def finish(migration: Migration, fence: Fence, *, patience: Patience | None = None, **options: object) -> Wait:
    """`drive`, then tell the partner the final state once and give the lease back."""
    reason = drive(migration, fence, patience=patience, **options)  # type: ignore[arg-type]
    if migration.is_final and migration.partner_state not in {State.CLOSED_KEPT, State.CLOSED_MOVED, *GIVEN_UP}:
        ask(migration, fence, Seen(fact=Fact.UNKNOWN), None, patience)
    leases.release(fence, due_in_s=partner.retry_s())
    return reason


@contextmanager
def giving_back(migration: Migration, fence: Fence) -> Iterator[None]:
    """A bug inside passes through, with a line in the journal and the lease free: the next worker need not wait."""
    try:
        yield
    except Fenced:
        raise
    except Exception as exc:
        with suppress(DatabaseError):
            note_once(
                migration, Sentence(_("internal error ({kind}); the log has it"), {"kind": type(exc).__name__}), fence
            )
            leases.release(fence, due_in_s=partner.retry_s())
        raise


# What comes from the other console, and from people


def told(message: Told, migration: Migration) -> Answered:
    """The partner says its state and asks for ours. Records follow at once, long work is left to the workers."""
    answer = partner.take(migration, message)
    with suppress(Fenced):
        drive(migration, None, told=answer, may_ask=False, working=is_at_work(migration))
    migration.refresh_from_db()
    return destination.answer(migration)


def told_unknown(message: Told, remote: RemoteSystem) -> Answered:
    """An id never seen here. An abort leaves a tombstone, so that a late *prepare* makes nothing (rows D1, D2)."""
    if message.role != Role.SOURCE.value or not leaves_tombstone(
        State(message.state), restored=admission.was_restored()
    ):
        raise PeerError("peer-migration-unknown", permanent=True, migration=str(message.migration_id))
    migration = destination.write_tombstone(message.migration_id, remote, message.incarnation)
    return destination.answer(migration, Fact.NONE)


def is_at_work(migration: Migration) -> bool:
    """A worker has it, or it waits for one to take it, or in the queue."""
    return leases.is_alive(migration) or bool(migration.wants) or migration.queued


def recover(migration: Migration, worker: str, patience: Patience | None = None) -> Wait | None:
    """Take a migration that nobody drives and go as far as facts allow; None when somebody is at work on it.

    One that waits in the queue is left there, unless Stop was pressed.

    The one function behind worker start, schedule, the Recover button and `migrlpar -o r`.
    """
    if migration.queued and not migration.stop_requested:
        return None
    lost_for = leases.lapsed_for_s(migration)
    previous, absent = migration.worker, absent_worker(migration)
    fence = leases.claim(migration.pk, worker)
    if fence is None:
        return None
    migration.refresh_from_db()
    if lost_for is not None:
        lost = Sentence(_("worker {worker} had stopped answering"), {"worker": previous})
        note(migration.pk, lost, fence=fence, worker=worker)
        Migration.objects.filter(pk=migration.pk).update(ended_by=worker)
        blame(migration, "worker-lost", worker=previous)
    elif absent:
        blame(migration, "worker-absent", worker=absent, seconds=f"{admission.WANTED_FOR_S:.0f}")
    if lost_for is not None or absent:
        migration.refresh_from_db()
    with giving_back(migration, fence):
        return finish(migration, fence, patience=patience)


def absent_worker(migration: Migration) -> str:
    """That was asked for, and has not come in time; empty where there is none, or it was stopped before."""
    is_late = not leases.is_ahead(migration, migration.reserved_until)
    return migration.wants if is_late and not migration.stop_requested else ""


def blame(migration: Migration, key: str, **words: str) -> None:
    """Why it does not move, where that is not known yet."""
    if migration.state in {State.TRANSFERRING, State.PREPARED} and not migration.code:
        names = {"system": settings.CONSOLE, "partition": migration.partition_name}
        Migration.objects.filter(pk=migration.pk).update(**because(key, **names, **words))
