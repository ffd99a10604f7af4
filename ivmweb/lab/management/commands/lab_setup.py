from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ivmweb.common.errors import IvmError
from ivmweb.lab.data import SYSTEMS
from ivmweb.lab.options import LabOptions
from ivmweb.lab.setup import SetupFailed, set_up


class Command(BaseCommand):
    help = "Set up this console of the lab at its first start, and start again what ran at a later one."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        system = SYSTEMS.get(settings.CONSOLE)
        if system is None:
            raise CommandError(f"IVM_CONSOLE is {settings.CONSOLE!r}; the lab has {' and '.join(SYSTEMS)}.")
        try:
            set_up(system, LabOptions.from_environment(), self.stdout.write)
        except (SetupFailed, IvmError) as exc:
            raise CommandError(str(exc)) from exc
