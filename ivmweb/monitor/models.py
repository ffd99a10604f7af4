from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ivmweb.common.sentence import Sentence


class TaskStatus(models.TextChoices):
    RUNNING = "running", _("Running")
    QUEUED = "queued", _("Waiting in the queue")
    SUCCEEDED = "succeeded", _("Completed successfully")
    FAILED = "failed", _("Failed")
    STOPPED = "stopped", _("Stopped")
    ATTENTION = "attention", _("Interrupted")


class MonitorTask(models.Model):
    """One row of Monitor Tasks: an action a user began, updated in place until it ends."""

    name = models.CharField(max_length=64)  # English; shown translated: "Migrate Partition"
    target = models.CharField(max_length=64)  # the partition's name and ID, as they were
    user = models.CharField(max_length=150)
    status = models.CharField(max_length=16, choices=TaskStatus, default=TaskStatus.RUNNING)
    percent = models.PositiveSmallIntegerField(null=True, blank=True)
    detail = models.CharField(max_length=512, blank=True, default="")  # a Sentence, with its params and code
    detail_params = models.JSONField(default=dict)
    code = models.CharField(max_length=32, blank=True, default="")
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]  # newest first; a clock that is set back changes no order
        # What Monitor Tasks filters by, each in the order of its pages.
        indexes = [
            models.Index(fields=["status", "id"], name="tasks_by_status"),
            models.Index(fields=["name", "id"], name="tasks_by_name"),
            models.Index(fields=["user", "id"], name="tasks_by_user"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.target}"

    @property
    def is_active(self) -> bool:
        return self.ended_at is None

    @property
    def sentence(self) -> Sentence:
        return Sentence(self.detail, self.detail_params, self.code)


class TaskLine(models.Model):
    """A subtask or message of a task, in order."""

    task = models.ForeignKey(MonitorTask, models.CASCADE, related_name="lines")
    time = models.DateTimeField(auto_now_add=True)
    text = models.CharField(max_length=512)  # a Sentence, with its params and code
    params = models.JSONField(default=dict)
    code = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return str(self.sentence)

    @property
    def sentence(self) -> Sentence:
        return Sentence(self.text, self.params, self.code)
