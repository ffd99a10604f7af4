"""Which remote system is meant: what a user typed, or what another console says it is."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from ivmweb.common.addresses import host_of
from ivmweb.common.errors import PeerError, PrerequisiteFailed
from ivmweb.system.models import ManagedSystem
from migration.models import RemoteSystem
from migration.peer.messages import Hello

HEARD_EVERY = timedelta(seconds=5)


def find_remote(typed: str) -> RemoteSystem:
    """The remote system that a user means by its name, its address, or the host in its address.

    Raises PrerequisiteFailed where nothing, this console, a managed system's name or something unknown was typed.
    """
    text = typed.strip()
    if not text:
        raise PrerequisiteFailed("remote-empty")
    remotes = list(RemoteSystem.objects.known().order_by("name"))
    own_host = text.lower().strip("[]") == host_of(settings.PUBLIC_ADDRESS)
    for found in (by_name(remotes, text), by_host(remotes, text)):
        if found and own_host:  # this console's own address, and another one's with another port
            raise PrerequisiteFailed("remote-ambiguous", typed=text, matches=listing(found, with_address=True))
        if len(found) == 1:
            return found[0]
        if found:
            raise PrerequisiteFailed("remote-ambiguous", typed=text, matches=listing(found, with_address=True))
    refuse_itself(text, remotes)
    refuse_system_name(text, remotes)
    raise unknown_remote(text, remotes)


def unknown_remote(typed: str, remotes: Collection[RemoteSystem]) -> PrerequisiteFailed:
    if not remotes:
        return PrerequisiteFailed("remote-none-known", typed=typed)
    return PrerequisiteFailed("remote-unknown", typed=typed, known=listing(remotes))


def by_name(remotes: Iterable[RemoteSystem], text: str) -> list[RemoteSystem]:
    return [remote for remote in remotes if text.lower() in {remote.name.lower(), remote.address.lower()}]


def by_host(remotes: Iterable[RemoteSystem], text: str) -> list[RemoteSystem]:
    return [remote for remote in remotes if text.lower().strip("[]") == host_of(remote.address)]


def is_still_known(remote: RemoteSystem) -> bool:
    """For a transaction that records a migration with it: of that and a removal at the same time, one wins.

    The update takes the row as a removal does, so that one of the two waits for the other and then sees it.
    """
    return bool(RemoteSystem.objects.known().filter(pk=remote.pk).update(removed_at=None))


def refuse_itself(text: str, remotes: Iterable[RemoteSystem]) -> None:
    system = ManagedSystem.objects.get()
    own = {system.host_name, settings.CONSOLE, settings.PUBLIC_ADDRESS, host_of(settings.PUBLIC_ADDRESS)}
    own |= {system.name, system.identity}
    if text.lower() in {name.lower() for name in own}:
        raise PrerequisiteFailed("remote-is-itself", typed=text, known=listing(remotes))


def refuse_system_name(text: str, remotes: Iterable[RemoteSystem]) -> None:
    for remote in remotes:
        if text.lower() in {remote.system_name.lower(), remote.system_identity.lower()}:
            raise PrerequisiteFailed("remote-is-system-name", typed=text, host_name=remote.name)


def listing(remotes: Iterable[RemoteSystem], *, with_address: bool = False) -> str:
    names = [f"{remote.name} ({remote.address})" if with_address else remote.name for remote in remotes]
    return ", ".join(names) or "none"


def remember(remote: RemoteSystem, hello: Hello) -> None:
    """Note who answered; raises PeerError where another system answers than the one that was confirmed."""
    if remote.system_identity and remote.system_identity != hello.system_identity:
        raise PeerError(
            "peer-identity-changed",
            permanent=True,
            remote=remote.name,
            found=hello.system_identity,
            known=remote.system_identity,
        )
    remote.system_name, remote.system_identity = hello.system_name, hello.system_identity
    remote.last_heard_at = timezone.now()
    if remote.pk is not None:  # else it is being asked before it is made known
        remote.save(update_fields=["system_name", "system_identity", "last_heard_at"])


def heard_from(remote: RemoteSystem, now: datetime) -> None:
    """For Remote Systems, which shows seconds; not at every message of a migration."""
    if remote.last_heard_at is not None and now - remote.last_heard_at < HEARD_EVERY:
        return  # no query: answers also come while a partition is suspended
    remote.last_heard_at = now
    RemoteSystem.objects.filter(pk=remote.pk).update(last_heard_at=now)


def known_by(system_identity: str) -> RemoteSystem | None:
    """The remote system of that identity. Entries that have none yet are asked once, as the lab's are at first."""
    known = RemoteSystem.objects.known().filter(system_identity=system_identity).first()
    if known is not None:
        return known
    for remote in RemoteSystem.objects.known().filter(system_identity=""):
        if answers_as(remote, system_identity):
            return remote
    return None


def answers_as(remote: RemoteSystem, system_identity: str) -> bool:
    from migration.peer.client import PeerClient  # it imports this module

    try:
        with PeerClient(remote) as client:
            return client.hello().system_identity == system_identity
    except PeerError:
        return False
