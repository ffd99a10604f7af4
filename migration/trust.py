"""Trust between two consoles: a user there lets a user of this console in by the key of the latter (mkauthkeys)."""

from contextlib import suppress

from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PeerError, PrerequisiteFailed
from ivmweb.system.actions import action
from ivmweb.system.keys import own_public_line
from ivmweb.system.models import ManagedSystem
from ivmweb.system.rights import AnyUser, Right, require
from migration.credentials import token_by_key
from migration.models import RemoteSystem
from migration.peer.client import Patience, PeerClient


def establish(remote: RemoteSystem, remote_user: str, password: str, *, user: AnyUser, origin: str) -> None:
    """With the password of the user there, once; the same again changes nothing. Raises IvmError."""
    with action(user, origin, Right.MIGRATE, _("Exchange Keys"), f"{remote_user}@{remote.name}"):
        line = own_public_line(user)
        with PeerClient(remote, patience=Patience()) as client:
            client.add_key(remote_user, password, line)


def check(remote: RemoteSystem, remote_user: str, *, user: AnyUser) -> None:
    """Raises PrerequisiteFailed where the user there does not let this one in, or PeerError."""
    require(user, Right.MIGRATE)
    with PeerClient(remote, patience=Patience()) as client:
        answer = token_by_key(client, remote_user, user)
        if answer is None:
            host = ManagedSystem.objects.get().host_name
            names = {"user": remote_user, "own_user": user.get_username(), "remote": remote.name, "host": host}
            raise PrerequisiteFailed("keys-not-trusted", **names)
        with suppress(PeerError):  # it expires by itself
            client.log_out(answer.token)
