"""Removing a partition: not while a migration of it is not over, on whichever side of it this console is."""

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import removal
from ivmweb.system.models import LogicalPartition
from ivmweb.system.rights import AnyUser
from migration.journal import unfinished_migrations


def remove(partition: LogicalPartition, *, user: AnyUser, origin: str) -> None:
    """Raises PrerequisiteFailed or HypervisorError, and the partition is there as before."""
    removal.remove(partition, check_no_migration, user=user, origin=origin)


def check_no_migration(partition: LogicalPartition) -> None:
    """One that has come here is free before its migration is over, and its source may yet ask for it."""
    if any(row.partition_uuid == partition.uuid for row in unfinished_migrations()):
        raise PrerequisiteFailed("partition-is-migrating", partition=partition.name)
