from django.db import models


class AuditEvent(models.Model):
    """Who did what, when, from where, with which outcome. Append-only."""

    time = models.DateTimeField(auto_now_add=True, db_index=True)
    user = models.CharField(max_length=150)
    origin = models.CharField(max_length=64, blank=True, default="")  # address, "peer uli14", "schedule"
    action = models.CharField(max_length=64)
    thing = models.CharField(max_length=128)
    outcome = models.CharField(max_length=16)  # accepted, refused, failed
    code = models.CharField(max_length=32, blank=True, default="")
    text = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-time", "-pk"]

    def __str__(self) -> str:
        return f"{self.action} {self.thing}"
