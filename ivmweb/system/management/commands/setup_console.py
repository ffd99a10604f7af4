from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from ivmweb.common.certificates import ensure_certificate
from ivmweb.common.errors import IvmError
from ivmweb.system import first_records, services


class Command(BaseCommand):
    help = "Bring the database up to date and, the first time, record this server as its hypervisor reports it."

    def handle(self, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        host = settings.PUBLIC_ADDRESS.rpartition(":")[0]
        ensure_certificate(settings.CERTIFICATE, settings.CERTIFICATE_KEY, settings.CONSOLE, [host])
        try:
            capacity = services.hypervisor().describe_system().capacity
            made = first_records.make(settings.CONSOLE, settings.SYSTEM, capacity)
        except IvmError as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{settings.CONSOLE}: " + ("recorded for the first time." if made else "up to date."))
