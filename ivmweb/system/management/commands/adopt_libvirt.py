import logging
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ivmweb.common.errors import IvmError
from ivmweb.system.libvirt import adoption, xml_file
from ivmweb.system.libvirt.adoption import Choices, Plan
from ivmweb.system.libvirt.domain import Domain, understand
from ivmweb.system.libvirt.findings import Finding, Verdict
from ivmweb.system.models import LogicalPartition
from ivmweb.system.rights import Operator

ORIGIN = "manage.py"
HEADINGS = {Verdict.TAKEN: "Taken over", Verdict.LEFT: "Left out", Verdict.HARMLESS: "Without effect here"}


class Command(BaseCommand):
    help = (
        "Make a partition, Not Activated, of a libvirt domain file (virsh dumpxml --inactive DOMAIN > FILE), and "
        "list what of the file is taken over and what is not. Refused, with nothing changed, where the domain runs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="DOMAIN.xml", help="the file; - for standard input")
        parser.add_argument("--check", action="store_true", help="only list, and change nothing")
        parser.add_argument("--name", default="", help="of the partition, instead of the domain's")
        parser.add_argument("--memory-mb", type=int, metavar="MB", help="instead of the domain's")
        parser.add_argument("--vlan", type=int, metavar="ID", help="of adapters for which the file names none")

    def handle(self, *_args: Any, **options: Any) -> None:
        logging.disable(logging.INFO)  # a person reads what this prints
        choices = Choices(options["name"], options["memory_mb"], options["vlan"])
        try:
            domain = understand(xml_file.read(options["file"]), options["file"])
            planned = adoption.plan(domain, choices, user=Operator())
            self.list(planned)
            if options["check"]:
                return self.say_what_would_be(planned)
            for obstacle in planned.obstacles[1:]:
                self.stderr.write(str(obstacle))
            adoption.adopt(planned, user=Operator(), origin=ORIGIN)
        except IvmError as exc:
            raise CommandError(str(exc)) from exc
        self.say_what_is(domain, planned)

    def list(self, planned: Plan) -> None:
        for verdict, heading in HEADINGS.items():
            found = [one for one in planned.findings if one.verdict is verdict]
            self.stdout.write(f"{heading} ({len(found)}):")
            self.write_all(found)
        for note in planned.notes:
            self.stdout.write(f"Note: {note}")

    def write_all(self, found: Iterable[Finding]) -> None:
        for one in found:
            self.stdout.write(f"  line {one.line}: {one.what}\n      {one.words}")

    def say_what_would_be(self, planned: Plan) -> None:
        for obstacle in planned.obstacles:
            self.stderr.write(str(obstacle))
        if planned.obstacles:
            raise CommandError("No partition can be made of it as it is. Nothing was changed.")
        self.stdout.write("A partition can be made of it. Nothing was changed.")

    def say_what_is(self, domain: Domain, planned: Plan) -> None:
        row = LogicalPartition.objects.get(name=planned.wanted.name)
        self.stdout.write(
            f"Partition {row.name} made with ID {row.lpar_id}, Not Activated. Before it is activated, make sure that "
            f"the domain {domain.name!r} runs nowhere, and never will again: two copies destroy the disks."
        )
