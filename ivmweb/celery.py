"""The Celery application. The database owns every migration; a message is only a doorbell."""

import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import after_task_publish, beat_init, worker_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ivmweb.settings")
app = Celery("ivmweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def watch_hearing(**_: Any) -> None:
    """Only in a worker, and once Django is set up."""
    from ivmweb import hearing  # noqa: F401 (connects itself)
    from migration.restored import look_at_start

    look_at_start()  # before it takes a migration


@worker_ready.connect
def tell_ready(**_: Any) -> None:
    """Touches IVM_READY_FILE, for whoever started this process, once it takes tasks."""
    if path := os.environ.get("IVM_READY_FILE"):
        Path(path).touch()


@beat_init.connect
def tell_each_tick(**_: Any) -> None:
    """The schedule has no such moment: its file is touched at each task that it has published."""
    after_task_publish.connect(tell_ready, weak=False)
