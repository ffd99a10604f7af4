"""What this console says of itself."""

import time
from pathlib import Path

from django.conf import settings

from ivmweb.common.certificates import fingerprint
from ivmweb.common.errors import HypervisorError
from ivmweb.system import services as system
from ivmweb.system.models import ManagedSystem
from migration.mover.listener import PortRange
from migration.peer.messages import PROTOCOL_VERSION, Hello, MoverAddress

# hello needs no log-in: whoever calls it often must not keep the hypervisor busy.
VERSION_IS_FRESH_S = 5.0
_version: tuple[float, str] = (0.0, "")


def own_hello(version: str | None = None) -> Hello:
    """`version`: of the hypervisor, where the caller has just asked for it; else what it said some seconds ago."""
    managed = ManagedSystem.objects.get()
    return Hello(
        protocol=PROTOCOL_VERSION,
        stream_version=stream_version() if version is None else version,
        host_name=managed.host_name,
        system_name=managed.name,
        system_identity=managed.identity,
        fingerprint=own_fingerprint(),
    )


def own_fingerprint() -> str:
    """Of the certificate that others have to have confirmed; empty where there is none."""
    try:
        return fingerprint(Path(settings.CERTIFICATE).read_text())
    except (OSError, ValueError):
        return ""


def own_mover() -> MoverAddress:
    """Where a mover of this console would wait for the next state stream."""
    return MoverAddress(host=settings.MOVER_HOST, port=PortRange.parse(settings.MOVER_PORTS).low)


def stream_version() -> str:
    """Of hypervisor and stream, at most VERSION_IS_FRESH_S old; empty while the hypervisor does not answer."""
    global _version
    asked_at, version = _version
    if not version or time.monotonic() - asked_at >= VERSION_IS_FRESH_S:
        _version = (time.monotonic(), version := version_now())
    return version


def version_now() -> str:
    """Asked now, for what decides whether a partition may move."""
    try:
        return system.hypervisor().describe_system().capacity.version
    except HypervisorError:
        return ""


def own_identity() -> str:
    return ManagedSystem.objects.get().identity


def own_name() -> str:
    """For messages: the name by which people know this console."""
    return ManagedSystem.objects.values_list("host_name", flat=True).get()
