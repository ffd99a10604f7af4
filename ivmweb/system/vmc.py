"""The hypervisor of this console's server."""

from django.conf import settings

from ivmweb.hypervisor import connect
from ivmweb.hypervisor.base import Hypervisor


def hypervisor() -> Hypervisor:
    return connect(settings.HYPERVISOR, settings.HYPERVISOR_SOCKET, settings.CONSOLE)
