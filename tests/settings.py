"""Settings of the unit tests: a throw-away database, cheap passwords, no broker."""

import os
import tempfile

os.environ.setdefault("IVM_CONSOLE", "uli13")
os.environ.setdefault("IVM_SECRET_KEY", "a key for tests only")
os.environ.setdefault("IVM_STATE_DIR", tempfile.mkdtemp(prefix="ivm-test-"))
os.environ.setdefault("IVM_LAB", "true")

from ivmweb.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_TASK_ALWAYS_EAGER = False
CELERY_BROKER_URL = "memory://"
AXES_ENABLED = True
