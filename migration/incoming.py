"""The row of Monitor Tasks for a migration that comes in: one for each, made and ended with the migration's records.

Each function is called in the transaction of the write that it follows, so that no row is left running by a process
that dies in between. Lines and progress come as for the source's row: journal.py, progress.py.
"""

from django.utils.translation import gettext_noop as _

from ivmweb.common.sentence import Sentence
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.system.models import LogicalPartition
from ivmweb.system.words import in_english
from migration.models import Activity, Migration, RemoteSystem
from migration.peer.messages import PrepareRequest
from migration.states import State

INCOMING_TASK = _("Migrate Partition (incoming)")
LONGEST_USER = MonitorTask._meta.get_field("user").max_length or 0
STOPPED = _("Stopped; the partition stays on {remote}")


def begin(shell: LogicalPartition, request: PrepareRequest, remote: RemoteSystem, local_user: str) -> MonitorTask:
    """For who pressed Migrate; where the source does not tell that, for the user here whose password was typed."""
    user = user_there(request.user, remote) if request.user else local_user
    return monitor.start_task(INCOMING_TASK, f"{shell.name} ({shell.lpar_id})", user)


def user_there(user: str, remote: RemoteSystem) -> str:
    """padmin@uli13: the source says it, so it must not look like a user here. The console's part is our own word."""
    console = f"@{remote.name}"
    return user[: LONGEST_USER - len(console)] + console


def started(migration: Migration) -> None:
    """The partition is here, and the source has yet to let go: it is not over."""
    if migration.task is not None:
        monitor.update_task(migration.task, detail=Sentence(in_english(Activity.CLEANING_UP.label)))


def arrived(migration: Migration) -> None:
    end(migration, TaskStatus.SUCCEEDED, _("{partition} has come from {remote}"))


def given_up(migration: Migration) -> None:
    """Declined, or given back. Why, and whether it was stopped, is as in the row now: others write it too."""
    row = Migration.objects.get(pk=migration.pk)
    if row.state == State.YIELDED:
        end(migration, TaskStatus.FAILED, _("Given back; the partition is on {remote}"), row.code)
    elif row.stop_requested:
        end(migration, TaskStatus.STOPPED, STOPPED)
    else:
        end(migration, TaskStatus.FAILED, _("Rolled back; the partition stays on {remote}"), row.code)


def stopped_after_all(migration: Migration) -> None:
    """Stop was heard of after its link had been lost by it, and had ended the migration here."""
    if migration.task_id is not None and Migration.objects.filter(pk=migration.pk, state=State.DECLINED).exists():
        monitor.correct_to_stopped(migration.task_id, Sentence(STOPPED, names(migration)))


def end(migration: Migration, status: TaskStatus, text: str, code: str = "") -> None:
    if migration.task is not None:
        monitor.end_task(migration.task, status, Sentence(text, names(migration), code))


def names(migration: Migration) -> dict[str, str]:
    return {"partition": migration.partition_name, "remote": migration.remote.name}
