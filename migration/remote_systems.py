"""Make other consoles known to this one, and forget them: for the page and `manage.py remote_system` alike.

Two steps, and a person between them: `look` asks a console who it is and stores nothing; `add` and `repin` store
exactly the certificate that was shown. Nothing is fetched again in between.
"""

import re
import ssl
from dataclasses import dataclass, replace
from typing import Self

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.addresses import host_of, port_of
from ivmweb.common.certificates import fetch_certificate, fingerprint
from ivmweb.common.errors import PeerError, PrerequisiteFailed, message
from ivmweb.common.sentence import Sentence
from ivmweb.monitor import notices
from ivmweb.system.actions import action
from ivmweb.system.models import ManagedSystem
from ivmweb.system.rights import AnyUser, Right, require
from ivmweb.transactions import serialized
from migration import admission
from migration.journal import unfinished_migrations
from migration.models import RemoteSystem
from migration.peer.client import Patience, PeerClient
from migration.peer.local import own_fingerprint

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[1-9][0-9]{0,4})?")
MAX_ADDRESS = 255
CERTIFICATE_S = 5.0  # a person waits for it, and it takes no thinking there


@dataclass(frozen=True)
class Offer:
    """What a console has shown of itself, for a person to compare. Plain texts: it waits in a session."""

    name: str
    address: str
    certificate: str  # PEM
    fingerprint: str
    system_name: str
    system_identity: str
    repins: int | None = None  # the key of the remote system whose certificate it replaces

    @classmethod
    def of(cls, remote: RemoteSystem) -> Self:
        return cls(
            name=remote.name,
            address=remote.address,
            certificate=remote.certificate,
            fingerprint=remote.fingerprint,
            system_name=remote.system_name,
            system_identity=remote.system_identity,
            repins=remote.pk,
        )


@dataclass(frozen=True)
class Own:
    """What the other console's administrator compares with: this console as it shows itself."""

    address: str
    system_name: str
    fingerprint: str  # empty where there is no certificate


def own() -> Own:
    return Own(settings.PUBLIC_ADDRESS, ManagedSystem.objects.get().name, own_fingerprint())


def look(name: str, address: str, user: AnyUser) -> Offer:
    """Ask the console at that address who it is. Raises PrerequisiteFailed or PeerError; stores nothing."""
    require(user, Right.CHANGE)
    name, address = checked_name(name), checked_address(address)
    refuse_known(name, address)
    offer = Offer.of(ask(RemoteSystem(name=name, address=address)))
    refuse_known_system(offer)
    return offer


def look_again(remote: RemoteSystem, user: AnyUser) -> Offer:
    """The certificate that a known console shows now. Raises PrerequisiteFailed where it is the pinned one."""
    require(user, Right.CHANGE)
    shown = RemoteSystem(name=remote.name, address=remote.address, system_identity=remote.system_identity)
    offer = Offer.of(ask(shown))
    if offer.fingerprint == remote.fingerprint:
        raise PrerequisiteFailed("remote-certificate-same", name=remote.name, fingerprint=remote.fingerprint)
    return replace(offer, repins=remote.pk)


def ask(remote: RemoteSystem) -> RemoteSystem:
    """`remote`, which is not stored, with its certificate and, over a connection pinned to that, who it is."""
    patience = Patience()
    with patience.spending():
        remote.certificate = certificate_at(remote)
    remote.fingerprint = fingerprint(remote.certificate)
    try:
        with PeerClient(remote, patience=patience) as client:
            client.hello()
    except PeerError as exc:
        raise in_terms_of_a_first_look(exc, remote) from exc
    return remote


def certificate_at(remote: RemoteSystem) -> str:
    address = {"remote": remote.name, "address": remote.address}
    timeout_s = min(CERTIFICATE_S, settings.PEER_TIMEOUT_S)
    try:
        return fetch_certificate(host_of(remote.address), port_of(remote.address), timeout_s)
    except TimeoutError as exc:
        raise PeerError("peer-timeout", permanent=False, timeout_s=f"{timeout_s:g}", **address) from exc
    except ssl.SSLError as exc:
        raise PeerError("remote-not-a-console", permanent=True, detail="no HTTPS", **address) from exc
    except (OSError, UnicodeError) as exc:
        reason = str(getattr(exc, "strerror", None) or exc).rstrip(".")[:200]
        raise PeerError("peer-unreachable", permanent=False, reason=reason, **address) from exc


def in_terms_of_a_first_look(error: PeerError, remote: RemoteSystem) -> PeerError:
    """Messages of a known console speak of what was confirmed; here nothing is yet."""
    names = {"remote": remote.name, "address": remote.address}
    if error.key == "peer-certificate-changed":
        return PeerError("remote-certificate-unsteady", permanent=False, **names)
    if error.key in {"peer-answer-malformed", "peer-refused"}:
        detail = str(error.params.get("detail") or error.params.get("remote_message"))
        return PeerError("remote-not-a-console", permanent=True, detail=detail, **names)
    return error


def checked_name(text: str) -> str:
    name = text.strip()
    if not NAME.fullmatch(name):
        raise PrerequisiteFailed("remote-name-wrong", name=name[:63])
    return name


def checked_address(text: str) -> str:
    """As `host:port`, so that one console has one spelling."""
    address = text.strip().lower()
    try:
        host, port = host_of(address), port_of(address)
    except ValueError:
        host, port = "", 0
    if not HOST.fullmatch(address) or not host or not port or len(address) > MAX_ADDRESS - 6:
        raise PrerequisiteFailed("remote-address-wrong", address=address[:MAX_ADDRESS])
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def refuse_known(name: str, address: str) -> None:
    if address == checked_address(settings.PUBLIC_ADDRESS):
        raise PrerequisiteFailed("remote-is-this-console", address=address, host=settings.CONSOLE)
    if name.lower() == settings.CONSOLE.lower():
        raise PrerequisiteFailed("remote-has-own-name", name=name)
    known = RemoteSystem.objects.known()
    if (same := known.filter(name__iexact=name).first()) is not None:
        raise PrerequisiteFailed("remote-name-known", name=same.name, address=same.address)
    if (same := known.filter(address__iexact=address).first()) is not None:
        raise PrerequisiteFailed("remote-address-known", name=same.name, address=same.address)


def refuse_known_system(offer: Offer) -> None:
    if offer.system_identity == ManagedSystem.objects.get().identity:
        raise PrerequisiteFailed("remote-is-this-console", address=offer.address, host=settings.CONSOLE)
    same = RemoteSystem.objects.known().filter(system_identity=offer.system_identity).first()
    if same is not None:
        raise PrerequisiteFailed(
            "remote-system-known",
            address=offer.address,
            system=offer.system_name,
            name=same.name,
            known_address=same.address,
        )


def add(offer: Offer, *, user: AnyUser, origin: str) -> RemoteSystem:
    """Pin what was shown. Raises PrerequisiteFailed where name, address or system have become known since."""
    with action(user, origin, Right.CHANGE, _("Add Remote System"), target_of(offer)) as task:
        fields = {
            "name": offer.name,
            "address": offer.address,
            "certificate": offer.certificate,
            "fingerprint": offer.fingerprint,
            "system_name": offer.system_name,
            "last_heard_at": timezone.now(),
            "removed_at": None,
        }
        with serialized():
            refuse_known(offer.name, offer.address)
            refuse_known_system(offer)
            # One that was removed comes back as the same row: the migrations on record are with this system.
            same = RemoteSystem.objects.filter(system_identity=offer.system_identity)
            removed = same.exclude(removed_at=None).order_by("pk").last()
            remote = removed or RemoteSystem(system_identity=offer.system_identity)
            for field, value in fields.items():
                setattr(remote, field, value)
            remote.asked = not admission.was_restored()
            remote.save()
            if not remote.asked:  # it may know what the backup of this database does not
                ManagedSystem.objects.update(held_back=True)
        task.detail = said("remote-added", remote)
    notices.publish(notices.SYSTEM)
    return remote


def repin(offer: Offer, *, user: AnyUser, origin: str) -> RemoteSystem:
    """Pin the certificate that was shown in place of the old one."""
    with action(user, origin, Right.CHANGE, _("Re-pin Remote System"), target_of(offer)) as task:
        rows = RemoteSystem.objects.known().filter(pk=offer.repins or 0, address=offer.address)
        if not rows.update(certificate=offer.certificate, fingerprint=offer.fingerprint):
            raise PrerequisiteFailed("remote-gone", name=offer.name)
        remote = rows.get()
        task.detail = said("remote-repinned", remote)
    notices.publish(notices.SYSTEM)
    return remote


def remove(remote: RemoteSystem, *, user: AnyUser, origin: str) -> None:
    """Nothing migrates to or from it any more. Refused while a migration with it is not over.

    The row goes where no migration on record names it, else it is kept as removed.
    """
    with action(user, origin, Right.CHANGE, _("Remove Remote System"), target_of(remote)) as task:
        with serialized():
            if not RemoteSystem.objects.known().filter(pk=remote.pk).update(removed_at=timezone.now()):
                raise PrerequisiteFailed("remote-gone", name=remote.name)
            # Only now: a migration that began meanwhile has its row by here (peer.remotes.is_still_known).
            open_here = [one.partition_name for one in unfinished_migrations() if one.remote_id == remote.pk]
            if open_here:
                raise PrerequisiteFailed("remote-in-use", name=remote.name, partitions=", ".join(sorted(open_here)))
            if not remote.migrations.exists():
                RemoteSystem.objects.filter(pk=remote.pk).delete()
        task.detail = said("remote-removed", remote)
    notices.publish(notices.SYSTEM)


def target_of(thing: Offer | RemoteSystem) -> str:
    return f"{thing.name} ({thing.address})"


def said(key: str, remote: RemoteSystem) -> Sentence:
    found = message(key)
    return Sentence(found.text, {"name": remote.name, "fingerprint": remote.fingerprint}, found.code)
