"""What listings of volume groups and of logical volumes have in common."""

import uuid

from ivmweb.system.models import ManagedSystem, StoragePool
from ivmweb.system.pools import PARTITION_MB

PARTITION_SIZE = f"{PARTITION_MB} megabyte(s)"


def identifier(pool: StoragePool) -> str:
    """Stable, and another one on each server, as a volume group's is."""
    system = ManagedSystem.objects.get()
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{system.identity} {pool.name}").hex
