"""Notes "declined" for migrations that this console has never seen, which a token may leave (docs/peer-api.md, 3).

Few are needed: one for each migration whose *prepare* was lost on the way, or that was stopped in its queue. So their
number is bounded, for a token that got into other hands and for a system that was taken over.
"""

from uuid import UUID

from migration.models import Migration, MobilityToken, RemoteSystem
from migration.peer.auth import Refusal
from migration.peer.local import own_name

MOST_OF_TOKEN = 100  # one log-in starts migrations for a quarter of an hour
MOST_OF_SYSTEM = 1000  # in the 30 days that they are kept
LEFT_BY = "left_by"  # in the row's configuration, which is empty else


def refuse_too_many(token: MobilityToken, remote: RemoteSystem) -> None:
    left = Migration.objects.tombstones().filter(remote=remote)
    of_token = left.filter(**{f"configuration__{LEFT_BY}": token.hash})
    for rows, most in ((left, MOST_OF_SYSTEM), (of_token, MOST_OF_TOKEN)):
        if rows.count() >= most:
            names = {"system_identity": token.system_identity, "remote": own_name(), "user": token.user}
            raise Refusal("peer-too-many-notes", status=429, most=most, **names)


def sign(migration_id: UUID, token: MobilityToken) -> None:
    """Note which token left it; only its hash is known here."""
    Migration.objects.tombstones().filter(pk=migration_id).update(configuration={LEFT_BY: token.hash})
