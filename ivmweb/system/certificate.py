"""The certificate by which browsers and other consoles know this one."""

from django.conf import settings

from ivmweb.common.addresses import host_of
from ivmweb.common.certificates import ensure_certificate


def ensure_own_certificate() -> None:
    """Makes it at the first start, for the address by which others reach this console; one that is there stays."""
    hosts = [host_of(settings.PUBLIC_ADDRESS)]
    ensure_certificate(settings.CERTIFICATE, settings.CERTIFICATE_KEY, settings.CONSOLE, hosts)
