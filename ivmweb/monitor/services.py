"""The only writer of Monitor Tasks."""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone

from ivmweb.common.sentence import NOTHING_SAID, Sentence
from ivmweb.monitor import notices
from ivmweb.monitor.models import MonitorTask, TaskLine, TaskStatus
from ivmweb.transactions import serialized

KEPT_TASKS = 10_000
MAX_TEXT = 512
MAX_NAME = 64


def newest_task() -> int:
    """Its number; 0 where there is none."""
    return MonitorTask.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def start_task(name: str, target: str, user: str) -> MonitorTask:
    """A running task; older ones beyond the latest ten thousand go, running ones excepted."""
    task = MonitorTask.objects.create(name=name, target=target[:MAX_NAME], user=user)
    _forget_old()
    notices.publish(notices.TASKS)
    return task


def add_ended(
    name: str,
    target: str,
    user: str,
    *,
    started_at: datetime,
    status: TaskStatus,
    detail: Sentence = NOTHING_SAID,
    lines: Iterable[Sentence] = (),
) -> MonitorTask:
    """A task that was over within its request: no row of it is left running by a process that dies in the middle."""
    with serialized():
        task = start_task(name, target, user)
        MonitorTask.objects.filter(pk=task.pk).update(started_at=started_at)
        for line in lines:
            add_line(task, line)
        end_task(task, status, detail)
    return task


def update_task(task: MonitorTask, *, percent: int | None = None, detail: Sentence | None = None) -> None:
    """Progress of a running task; one that has ended is left alone, and percent never runs backwards."""
    rows = MonitorTask.objects.filter(pk=task.pk, ended_at=None)
    if detail is not None:
        rows.update(**detail_fields(detail))
    if percent is not None:
        rows.exclude(percent__gte=percent).update(percent=percent)
    task.refresh_from_db()
    notices.publish(notices.TASKS)


def mark_interrupted(task_id: int, *, interrupted: bool) -> None:
    """A running task whose worker is lost says so, and runs again once another one has it."""
    _mark(task_id, TaskStatus.ATTENTION, is_so=interrupted)


def mark_queued(task_id: int, *, queued: bool) -> None:
    """A task that was begun and has to wait for its turn says so, and runs once it is its turn."""
    _mark(task_id, TaskStatus.QUEUED, is_so=queued)


def _mark(task_id: int, status: TaskStatus, *, is_so: bool) -> None:
    """From running to that status, or back from it; an ended task is left alone."""
    before, after = (TaskStatus.RUNNING, status) if is_so else (status, TaskStatus.RUNNING)
    if MonitorTask.objects.filter(pk=task_id, ended_at=None, status=before).update(status=after):
        notices.publish(notices.TASKS)


def end_task(task: MonitorTask, status: TaskStatus, detail: Sentence = NOTHING_SAID) -> bool:
    """End it once; false when it had ended before, with nothing changed."""
    fields: dict[str, object] = {"status": status, "code": detail.code, "ended_at": timezone.now()}
    if status == TaskStatus.SUCCEEDED:
        fields["percent"] = 100
    ended = MonitorTask.objects.filter(pk=task.pk, ended_at=None).update(**detail_fields(detail), **fields)
    if ended:
        notices.publish(notices.TASKS)
    task.refresh_from_db()
    return bool(ended)


def detail_fields(detail: Sentence) -> dict[str, object]:
    return {"detail": detail.text[:MAX_TEXT], "detail_params": detail.params}


def add_line(task: MonitorTask, line: Sentence) -> None:
    TaskLine.objects.create(task=task, text=line.text[:MAX_TEXT], params=line.params, code=line.code)
    notices.publish(notices.TASKS)


def _forget_old() -> None:
    kept = MonitorTask.objects.order_by("-pk").values("pk")[KEPT_TASKS - 1 : KEPT_TASKS]
    MonitorTask.objects.filter(pk__lt=kept, ended_at__isnull=False).delete()
