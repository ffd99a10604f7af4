"""Virtual terminals of partitions: who may open one, who may end another's, and what is recorded of it.

Begin and end are in the audit trail; what is typed and shown is recorded nowhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import TaskStatus
from ivmweb.system import audit, services
from ivmweb.system.actions import action
from ivmweb.system.models import LogicalPartition
from ivmweb.system.rights import AnyUser, Right, can, require
from ivmweb.system.sections import who

TERMINAL = _("Virtual Terminal")
CLOSE = _("Close Virtual Terminal")
OPENED, ENDED = "open terminal", "end terminal"  # in the audit trail


@contextmanager
def connected(partition: LogicalPartition, user: AnyUser, origin: str) -> Iterator[socket]:
    """The partition's console as raw bytes both ways, for as long as the block lasts.

    Raises PrerequisiteFailed, or HypervisorError `terminal-connected` where somebody has it, `unknown-partition`, ...
    A migration does not keep anybody from looking: nothing durable changes by it.
    """
    began = timezone.now()
    with audit.attempt(user, origin, OPENED, partition.audit_thing):
        require(user, Right.CHANGE)
        check(partition)
        console = services.hypervisor().open_console(partition.lpar_id)
    let_go_of_database()
    try:
        with console:
            yield console
    finally:
        name = user.get_username()
        audit.record(user=name, action=ENDED, thing=partition.audit_thing, outcome=audit.ACCEPTED, origin=origin)
        monitor.add_ended(TERMINAL, partition.task_target, name, started_at=began, status=TaskStatus.SUCCEEDED)


def let_go_of_database() -> None:
    """A terminal may stay open for days, and a connection to the database does not last so long."""
    if not connection.in_atomic_block:
        connection.close()


def may_go_on(user: AnyUser) -> bool:
    """Whether the account is still there, with the right and the password with which it came."""
    if not isinstance(user, User):
        return can(user, Right.CHANGE)
    now = User.objects.filter(pk=user.pk, is_active=True, password=user.password).first()
    let_go_of_database()
    return now is not None and can(now, Right.CHANGE)


def end(partition: LogicalPartition, user: AnyUser, origin: str) -> bool:
    """End the terminal that is open, whoever has it and wherever; false where there is none, which is no failure.

    Raises PrerequisiteFailed or HypervisorError.
    """
    with action(user, origin, Right.CHANGE, CLOSE, partition.task_target):
        check(partition)
        return services.hypervisor().close_console(partition.lpar_id)


def check(partition: LogicalPartition) -> None:
    """Raises PrerequisiteFailed where the partition has no terminal here."""
    if partition.is_management:
        raise PrerequisiteFailed("terminal-of-management", **who(partition))
    if partition.moved_to:
        raise services.held(partition)
