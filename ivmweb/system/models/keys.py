from django.contrib.auth.models import User
from django.db import models


class AuthorizedKey(models.Model):
    """A public key that logs a user in over SSH, as mkauthkeys has added it."""

    user = models.ForeignKey(User, models.CASCADE, related_name="ssh_keys")
    algorithm = models.CharField(max_length=64)  # ssh-ed25519, ...
    data = models.TextField()  # base64, as in an OpenSSH key file
    comment = models.CharField(max_length=128, blank=True, default="")
    fingerprint = models.CharField(max_length=64)  # SHA256:...
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["user", "fingerprint"], name="ssh_key_of_a_user_once")]

    def __str__(self) -> str:
        return f"{self.user} {self.fingerprint}"
