from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ivmweb.documents import out_of_date, write


class Command(BaseCommand):
    help = "Make the parts of docs/ that come from the code: validation.md and messages.md."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail where a document is out of date"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.BASE_DIR / "docs"
        if options["check"]:
            old = out_of_date(folder)
            if old:
                raise CommandError(f"Out of date: {', '.join(old)}. Run manage.py docs.")
            return
        for name in write(folder):
            self.stdout.write(f"docs/{name} made anew")
