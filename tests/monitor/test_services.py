import pytest

from ivmweb.common.sentence import Sentence
from ivmweb.monitor import services
from ivmweb.monitor.models import MonitorTask, TaskLine, TaskStatus

pytestmark = pytest.mark.django_db


@pytest.fixture
def task():
    return services.start_task("Migrate Partition", "uli13lp1 (2)", "padmin")


def test_a_task_whose_worker_is_lost_says_so_until_another_one_has_it(task):
    services.mark_interrupted(task.pk, interrupted=True)
    task.refresh_from_db()
    assert (task.status, task.is_active) == (TaskStatus.ATTENTION, True)
    services.mark_interrupted(task.pk, interrupted=False)
    task.refresh_from_db()
    assert task.status == TaskStatus.RUNNING
    services.mark_queued(task.pk, queued=True)
    task.refresh_from_db()
    assert (task.get_status_display(), task.is_active) == ("Waiting in the queue", True)
    services.mark_interrupted(task.pk, interrupted=True)
    services.mark_queued(task.pk, queued=False)
    task.refresh_from_db()
    assert task.status == TaskStatus.RUNNING
    services.end_task(task, TaskStatus.STOPPED)
    services.mark_interrupted(task.pk, interrupted=True)
    services.mark_queued(task.pk, queued=True)
    task.refresh_from_db()
    assert task.status == TaskStatus.STOPPED


def test_a_task_ends_once(task):
    assert services.end_task(task, TaskStatus.FAILED, Sentence("It failed.", code="VIOSE01049000-9200"))
    assert not services.end_task(task, TaskStatus.SUCCEEDED)
    assert (task.status, str(task.sentence)) == (TaskStatus.FAILED, "[VIOSE01049000-9200] It failed.")


def test_percent_never_runs_backwards(task):
    for percent in (10, 40, 30):
        services.update_task(task, percent=percent)
    assert task.percent == 40


def test_a_task_that_has_ended_takes_no_more_progress(task):
    services.end_task(task, TaskStatus.STOPPED, detail=Sentence("Stopped."))
    services.update_task(task, percent=90, detail=Sentence("sending"))
    assert (task.percent, task.detail) == (None, "Stopped.")


def test_long_texts_are_cut_to_their_columns(task):
    services.update_task(task, detail=Sentence("x" * 600))
    services.add_line(task, Sentence("y" * 600))
    assert len(task.detail) == 512
    assert len(TaskLine.objects.get().text) == 512


def test_the_latest_tasks_are_kept_and_running_ones_always(task, monkeypatch):
    monkeypatch.setattr(services, "KEPT_TASKS", 3)
    for _ in range(5):
        services.end_task(services.start_task("Activate Partition", "x", "padmin"), TaskStatus.SUCCEEDED)
    assert MonitorTask.objects.count() == 4
    assert task in MonitorTask.objects.all()
