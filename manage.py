#!/usr/bin/env python3
import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ivmweb.settings")
    import ivmweb.celery  # noqa: F401 (without it doorbells go to Celery's own default broker)

    execute_from_command_line(sys.argv)
