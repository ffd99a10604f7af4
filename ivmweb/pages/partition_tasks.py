"""The task bar of the partition list: which tasks there are, and which choice of partitions each one takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import LogicalPartition
from ivmweb.system.services import held


@dataclass(frozen=True)
class Task:
    title: str | Promise
    url_name: str
    takes_several: bool = False
    needs_it_here: bool = False  # not for a partition that another console has since a restore

    def address(self, partitions: Sequence[LogicalPartition]) -> str:
        if self.takes_several:
            return f"{reverse(self.url_name)}?{urlencode([('partition', p.lpar_id) for p in partitions])}"
        return reverse(self.url_name, args=[partitions[0].lpar_id])


TASKS = {
    "activate": Task(_("Activate"), "activate", takes_several=True, needs_it_here=True),
    "shutdown": Task(_("Shutdown"), "shutdown", takes_several=True, needs_it_here=True),
    "delete": Task(_("Delete"), "partition-delete", takes_several=True),
    "terminal": Task(_("Open terminal window"), "terminal", needs_it_here=True),
    "reference-codes": Task(_("Reference Codes"), "reference-codes"),
    "migrate": Task(_("Migrate"), "migrate", needs_it_here=True),
    "status": Task(_("Status"), "partition-status"),
    "properties": Task(_("Properties"), "partition-properties"),
}


def check_choice(task: Task | None, partitions: Sequence[LogicalPartition]) -> Task:
    """Raises PrerequisiteFailed where the task cannot begin with these partitions."""
    if task is None:
        raise PrerequisiteFailed("choose-task")
    if not partitions:
        raise PrerequisiteFailed("choose-partition", task=str(task.title))
    if len(partitions) > 1 and not task.takes_several:
        names = ", ".join(partition.name for partition in partitions)
        raise PrerequisiteFailed("choose-one-partition", task=str(task.title), count=len(partitions), names=names)
    if task.needs_it_here and (moved := [partition for partition in partitions if partition.moved_to]):
        raise held(moved[0])
    return task
