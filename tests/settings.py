"""Settings of the unit tests: a throw-away database, cheap passwords, no broker."""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("IVM_CONSOLE", "uli13")
os.environ.setdefault("IVM_SECRET_KEY", "a key for tests only")
if "IVM_STATE_DIR" not in os.environ:
    os.environ["IVM_STATE_DIR"] = tempfile.mkdtemp(prefix="ivm-test-")
    atexit.register(shutil.rmtree, os.environ["IVM_STATE_DIR"], ignore_errors=True)
os.environ.setdefault("IVM_LAB", "true")

from ivmweb.settings import *  # noqa: F403

if "options" in (told := DATABASES["default"]["OPTIONS"]):  # noqa: F405
    # PostgreSQL: each test is one transaction, and may take its time.
    told["options"] += " -c idle_in_transaction_session_timeout=0"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_TASK_ALWAYS_EAGER = False
CELERY_BROKER_URL = "memory://"
AXES_ENABLED = True
