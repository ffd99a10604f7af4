"""What the API keeps: tokens of users, and answers to requests that carry an Idempotency-Key."""

from django.contrib.auth.models import User
from django.db import models


class ApiToken(models.Model):
    """A user's log-in over the API. The token itself is not kept, its hash is."""

    hash = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    password_stamp = models.CharField(max_length=128)  # of the user's password then: another one ends the token
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField()  # to within a minute
    expires_at = models.DateTimeField()
    kept = models.JSONField(default=dict)  # as a browser's session: the mobility token, encrypted

    def __str__(self) -> str:
        return f"{self.user} {self.created_at}"


class KeptAnswer(models.Model):
    """One request with an Idempotency-Key, and its answer once there is one."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)
    request = models.CharField(max_length=64)  # keyed hash of method, address and body: the body may hold a password
    created_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)  # HTTP; none: being carried out, or interrupted
    location = models.CharField(max_length=255, blank=True, default="")
    body = models.TextField(blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return f"{self.user} {self.key}"
