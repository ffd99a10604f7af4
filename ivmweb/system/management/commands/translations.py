from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ivmweb.translations import LANGUAGES, update


class Command(BaseCommand):
    help = "Give locale/*/LC_MESSAGES/django.po all texts that are marked, and make django.mo from it. Needs Babel."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        for language in LANGUAGES:
            try:
                missing = update(language)
            except ModuleNotFoundError as exc:
                raise CommandError("Babel is not installed; it is one of requirements/dev.lock.") from exc
            for text in missing:
                self.stderr.write(f"{language}: not translated: {text}")
            self.stdout.write(f"locale/{language} made anew")
