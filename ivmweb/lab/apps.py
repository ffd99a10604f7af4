from django.apps import AppConfig
from django.conf import settings

from ivmweb.common import fault_points


class LabConfig(AppConfig):
    """The laboratory of two servers on one machine; installed only with IVM_LAB."""

    name = "ivmweb.lab"
    label = "lab"

    def ready(self) -> None:
        fault_points.watch(settings.STATE_DIR / "fault-points")
