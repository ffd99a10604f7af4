import logging
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ivmweb.common.errors import IvmError
from ivmweb.lab.scenarios import SCENARIOS, NotPossible, Where, run, undo, undo_all

RESET = "reset-scenarios"
HEADINGS = {
    Where.SOURCE: "On the console that has the partition (uli13)",
    Where.DESTINATION: "On the console that it should move to (uli14)",
    Where.EITHER: "On either console",
}


class Command(BaseCommand):
    help = "Make a situation on this console of the lab, or list the situations there are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", choices=[*SCENARIOS, RESET], metavar="NAME")
        parser.add_argument("value", nargs="?", type=float, metavar="NUMBER")
        parser.add_argument("--undo", action="store_true", help="end the situation")

    def run_from_argv(self, argv: list[str]) -> None:
        logging.disable(logging.INFO)  # a person reads what this prints
        if len(argv) == 2:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the list may be read by `head`
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        if name is None:
            return self.list_scenarios()
        try:
            self.stdout.write(self.carry_out(name, options["value"], ends=options["undo"]))
        except (NotPossible, IvmError) as exc:
            raise CommandError(str(exc)) from exc

    def carry_out(self, name: str, value: float | None, *, ends: bool) -> str:
        if name == RESET:
            undo_all()
            return "All situations are ended."
        if ends:
            undo(name)
            return f"{name} is ended."
        run(name, value)
        return SCENARIOS[name].help if value is None else f"{value:g}: {SCENARIOS[name].help}"

    def list_scenarios(self) -> None:
        """In groups, by the console to run each on."""
        width = max(len(f"{name} {made.value}") for name, made in SCENARIOS.items())
        for where in Where:
            self.stdout.write(f"{HEADINGS[where]}:")
            for name, made in SCENARIOS.items():
                if made.where is where:
                    self.stdout.write(f"  {f'{name} {made.value}'.strip():<{width}}  {made.help}")
        self.stdout.write("To end them:")
        self.stdout.write(f"  {'NAME --undo':<{width}}  End that situation.")
        self.stdout.write(f"  {RESET:<{width}}  End all situations on this console:")
        self.stdout.write(f"  {'':<{width}}  ./ivm manage {settings.CONSOLE} lab-scenario {RESET}")
