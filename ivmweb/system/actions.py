"""An action of a user that is over within its request: right, audit trail and row of Monitor Tasks in one place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from ivmweb.common.errors import IvmError
from ivmweb.common.sentence import NOTHING_SAID, Sentence
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.system import audit
from ivmweb.system.rights import AnyUser, Right, require

MAX_THING = 128  # of the audit trail's column


@dataclass
class Report:
    """What the action has to say; it fills this in as it goes.

    `goes_on`: it began a task of its own, which tells the rest. `recorded` is called with the row that was made.
    `refusal`: why it was not done, for the audit trail, where that is an answer and no error.
    """

    status: TaskStatus = TaskStatus.SUCCEEDED
    detail: Sentence = NOTHING_SAID
    lines: list[Sentence] = field(default_factory=list)
    goes_on: bool = False
    recorded: Callable[[MonitorTask], object] | None = None
    refusal: Sentence | None = None


@contextmanager
def action(user: AnyUser, origin: str, right: Right, name: str, target: str) -> Iterator[Report]:
    """Raises PrerequisiteFailed `no-right`, which is audited and makes no row; errors of the action pass through.

    `name` is the task's, in English, marked for translation.
    """
    report, started_at = Report(), timezone.now()
    with audit.attempt(user, origin, name, target[:MAX_THING]) as attempt:
        require(user, right)
        try:
            yield report
        except IvmError as error:
            report.status, report.detail = TaskStatus.FAILED, Sentence.of(error)
            _record(report, name, target, user.get_username(), started_at)
            raise
        attempt.refusal = report.refusal
        if not report.goes_on:
            _record(report, name, target, user.get_username(), started_at)


def _record(report: Report, name: str, target: str, user: str, started_at: datetime) -> None:
    task = monitor.add_ended(
        name,
        target,
        user,
        started_at=started_at,
        status=report.status,
        detail=report.detail,
        lines=report.lines,
    )
    if report.recorded:
        report.recorded(task)
