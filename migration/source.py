"""The source role: what each record brings with it, and how each effect is carried out. Decisions: states.py."""

from collections.abc import Callable

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import Fence
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import TaskStatus
from ivmweb.system import services as system
from ivmweb.system.models import PartitionState
from migration import look, roles, turns
from migration.models import Activity, Migration
from migration.peer.local import own_identity
from migration.roles import GIVEN_UP_BY_ORDER, WENT_DOWN, Change, because, ended, hold_reason
from migration.states import Effect, Fact, Seen, State


def entering(migration: Migration, state: State, seen: Seen) -> Change:
    if state is State.SURRENDERED:
        fields = {"activity": Activity.HANDING_OVER, "wants": "", **heard_now(seen)}
        return Change(Sentence(_("given up to the destination")), fields)
    if state is State.ABORTING:
        fields = {"activity": Activity.ROLLING_BACK, "wants": "", "queued": False}
        return Change(Sentence(_("rolling back")), fields)
    if state is State.TAKEN_BACK and seen.partner and seen.partner.state is State.YIELDED:
        text = Sentence(_("the destination has yielded as well: taken back"))
        return Change(text, {"activity": Activity.ROLLING_BACK})
    if state is State.TAKEN_BACK:
        names = {**who(migration), "remote": migration.remote.name}
        key = GIVEN_UP_BY_ORDER if migration.state == State.COMPLETING else "declined-by-destination"
        cause = {} if migration.code else because(key, **names)
        return Change(
            Sentence(_("the destination declined: taken back")), {"activity": Activity.ROLLING_BACK, **cause}
        )
    if state is State.COMPLETING:
        fields = {
            "activity": Activity.CLEANING_UP,
            "percent": 100,
            "bytes_remaining": 0,
            "code": "",
            "message_key": "",
            "message_params": {},
        }
        by_order = seen.partner is not None and seen.partner.forced
        accepted = (
            _("the destination runs it, by an operator's order") if by_order else _("the destination has accepted")
        )
        return Change(Sentence(accepted), fields)
    if state is State.CLOSED_KEPT:
        by_order = migration.forced or migration.message_key == GIVEN_UP_BY_ORDER
        went_down = not migration.is_inactive and seen.fact is not Fact.RUN and not by_order
        cause = because(WENT_DOWN, **who(migration)) if went_down else {}
        return Change(Sentence(_("the partition stays here")), {**ended(), **cause}, lambda: keep(migration, seen))
    if state is State.CLOSED_MOVED:
        return Change(
            Sentence(_("the partition has moved")), {**ended(), "percent": 100}, lambda: give_away(migration)
        )
    return Change()


def heard_now(seen: Seen) -> dict[str, object]:
    """What the destination said just before, on a connection whose answers are kept in no other way."""
    if seen.partner is None:
        return {}
    heard = {"partner_state": seen.partner.state.value, "partner_fact": seen.partner.fact.value}
    return heard | {"partner_heard_at": timezone.now()}


def who(migration: Migration) -> dict[str, str]:
    return {"system": settings.CONSOLE, "partition": migration.partition_name}


def keep(migration: Migration, seen: Seen) -> None:
    """Back to an ordinary partition, in the state that the hypervisor reports."""
    state = PartitionState.RUNNING if seen.fact is Fact.RUN else PartitionState.NOT_ACTIVATED
    if migration.partition is not None:
        system.set_state(migration.partition, state)
        system.release_hold(migration.partition.pk, hold_reason(migration.pk))
    stopped = migration.stop_requested
    end_task(migration, TaskStatus.STOPPED if stopped else TaskStatus.FAILED, outcome_text(migration))


def give_away(migration: Migration) -> None:
    if migration.partition is not None:
        system.remove_partition(migration.partition)
    may_be_down = migration.is_inactive or migration.forced
    text = _("{partition} is on {remote}") if may_be_down else _("{partition} runs on {remote}")
    end_task(migration, TaskStatus.SUCCEEDED, text)


def outcome_text(migration: Migration) -> str:
    if migration.stop_requested:
        return _("Stopped; the partition stays on this system")
    return _("Rolled back; the partition stays on this system")


def end_task(migration: Migration, status: TaskStatus, text: str) -> None:
    """Also gives its turn to suspend back: the mover that took it may have died in it."""
    turns.give_back(migration)
    if migration.task is not None:
        names = {"partition": migration.partition_name, "remote": migration.remote.name}
        why = migration.cause if status is TaskStatus.FAILED and migration.message_key else Sentence(text, names)
        monitor.end_task(migration.task, status, why)


# Effects: each may be carried out twice.


def cancel(migration: Migration, fence: Fence) -> None:
    system.hypervisor().cancel_transfer(migration.lpar_id, fence)


def offer_word(migration: Migration, fence: Fence) -> None:
    take_free_words(migration, fence)
    here = own_identity()
    system.hypervisor().change_owner_words(
        migration.lpar_id, look.owned_by(here, migration), look.offered_by(here, migration), fence
    )


def reclaim_word(migration: Migration, fence: Fence) -> None:
    """Nothing changes where none was offered, but the hypervisor refuses an older offer from now on."""
    take_free_words(migration, fence)
    here = own_identity()
    system.hypervisor().change_owner_words(
        migration.lpar_id, look.offered_by(here, migration), look.owned_by(here, migration), fence
    )


def take_free_words(migration: Migration, fence: Fence) -> None:
    """Of a partition that was never activated."""
    hypervisor = system.hypervisor()
    if any(word.is_free for word in hypervisor.owner_words(migration.lpar_id)):
        owned = look.owned_by(own_identity(), migration)
        hypervisor.change_owner_words(migration.lpar_id, look.FREE, owned, fence)


EFFECTS: dict[Effect, Callable[[Migration, Fence], None]] = {
    **roles.EFFECTS,
    Effect.CANCEL: cancel,
    Effect.OFFER_WORD: offer_word,
    Effect.RECLAIM_WORD: reclaim_word,
}
