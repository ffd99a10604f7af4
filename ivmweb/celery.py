"""The Celery application. The database owns every migration; a message is only a doorbell."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ivmweb.settings")
app = Celery("ivmweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
