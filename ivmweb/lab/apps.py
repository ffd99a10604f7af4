from typing import Any

from django.apps import AppConfig
from django.conf import settings

from ivmweb.common import fault_points
from ivmweb.lab import changed_settings, clock


class LabConfig(AppConfig):
    """The laboratory of two servers on one machine; installed only with IVM_LAB."""

    name = "ivmweb.lab"
    label = "lab"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        clock.shift(settings.STATE_DIR)  # before any model takes the clock as a default

    def ready(self) -> None:
        changed_settings.follow(settings.STATE_DIR)
        fault_points.watch(settings.STATE_DIR / "fault-points")
