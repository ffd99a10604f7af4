"""Restoring partitions from a backup: not those that another system has by now, as the migrations on record tell."""

from collections.abc import Sequence
from uuid import UUID

from ivmweb.common.sentence import Sentence
from ivmweb.system import profile_restore
from ivmweb.system.profile_restore import Moves
from ivmweb.system.rights import AnyUser
from migration import whereabouts


def restore(name: str, *, changes_present: bool, user: AnyUser, origin: str) -> list[Sentence]:
    """Answers and raises as profile_restore.restore."""
    return profile_restore.restore(name, moves_of, changes_present=changes_present, user=user, origin=origin)


def moves_of(uuids: Sequence[UUID]) -> Moves:
    """Two queries, however many partitions."""
    away = whereabouts.away_by_record(uuids)
    told = whereabouts.away_by_word(set(uuids) - away.keys())
    return Moves(away=away, told=told, remembered_since=whereabouts.remembered_since())
