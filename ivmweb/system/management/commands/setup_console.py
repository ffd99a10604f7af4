from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from ivmweb.common.errors import IvmError
from ivmweb.system import first_records, services
from ivmweb.system.certificate import ensure_own_certificate


class Command(BaseCommand):
    help = "Bring the database up to date and, the first time, record this server as its hypervisor reports it."

    def handle(self, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        ensure_own_certificate()
        try:
            capacity = services.hypervisor().describe_system().capacity
            made = first_records.make(settings.CONSOLE, settings.SYSTEM, capacity)
        except IvmError as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{settings.CONSOLE}: " + ("recorded for the first time." if made else "up to date."))
