"""What both roles share: how a change of the record is described, and the effects that are alike."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import message
from ivmweb.common.sentence import NOTHING_SAID, Sentence
from ivmweb.hypervisor.base import Fence
from ivmweb.system import services as system
from migration.models import Activity, Migration
from migration.states import Effect


@dataclass(frozen=True)
class Change:
    """What goes with a new state into one transaction: a line for the journal, columns, and other records."""

    text: Sentence = NOTHING_SAID
    fields: dict[str, Any] = field(default_factory=dict)
    also: Callable[[], None] | None = None


ALL_ARRIVED = Change(
    Sentence(_("the whole state has arrived")),
    {"activity": Activity.HANDING_OVER, "bytes_remaining": 0, "seconds_left": None},
)


def hold_reason(migration_id: object) -> str:
    """What the partition's hold says while this migration is open."""
    return f"migration {migration_id}"


def migration_of_hold(hold: str) -> UUID | None:
    """The open migration that a partition's hold names; None where something else holds it, or nothing."""
    kind, _separator, text = hold.partition(" ")
    try:
        return UUID(text) if kind == "migration" else None
    except ValueError:
        return None


def ended() -> dict[str, object]:
    return {"activity": Activity.ENDED, "ended_at": timezone.now(), "seconds_left": None, "local_error": ""}


LINK_LOST = "mover-link-lost"
WENT_DOWN = "partition-went-down"
GIVEN_UP_BY_ORDER = "given-up-by-order"
FORCED_BACK_THERE = "forced-back-there"


def because(key: str, **params: str) -> dict[str, object]:
    """Columns that say why it did not move."""
    return {"code": message(key).code, "message_key": key, "message_params": params}


def rolled_back_there(migration: Migration, cause: str) -> dict[str, object]:
    """The same at a destination whose source ended it; `cause`: in the source's words."""
    names = {"remote": migration.remote.name, "partition": migration.partition_name}
    return because("rolled-back-by-source", cause=cause, **names)


def forced_back_there(migration: Migration) -> dict[str, object]:
    """The same at a destination whose source an operator ordered to run it again."""
    names = {"remote": migration.remote.name, "partition": migration.partition_name}
    return because(FORCED_BACK_THERE, system=settings.CONSOLE, **names)


# Effects: each may be carried out twice.


def resume(migration: Migration, fence: Fence) -> None:
    system.hypervisor().resume(migration.lpar_id, fence)


def drop(migration: Migration, fence: Fence) -> None:
    system.hypervisor().discard(migration.lpar_id, fence)


def define(migration: Migration, fence: Fence) -> None:
    """Nothing where the partition's records are gone: the hypervisor then says that it has no such partition."""
    if migration.partition is not None:
        system.hypervisor().create(system.definition_of(migration.partition), fence)


def start(migration: Migration, fence: Fence) -> None:
    system.hypervisor().activate(migration.lpar_id, fence)


def quit_hypervisor(migration: Migration, fence: Fence) -> None:
    hypervisor = system.hypervisor()
    hypervisor.discard(migration.lpar_id, fence)
    hypervisor.remove(migration.lpar_id, fence)


EFFECTS: dict[Effect, Callable[[Migration, Fence], None]] = {
    Effect.RESUME: resume,
    Effect.QUIT: quit_hypervisor,
    Effect.DROP: drop,
    Effect.DEFINE: define,
    Effect.START: start,
}
