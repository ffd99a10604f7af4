from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ivmweb.common.errors import IvmError
from ivmweb.system.rights import Operator
from migration import remote_systems
from migration.models import RemoteSystem
from migration.remote_systems import Offer

ORIGIN = "manage.py"


class Command(BaseCommand):
    help = "Remote systems: the other consoles that this one connects to, each with a certificate that you confirm."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="name, address and fingerprint of each")
        add = actions.add_parser("add", help="make another console known")
        add.add_argument("name", help="host name, as it will be typed into Remote IVM or HMC")
        add.add_argument("address", help="host:port of its HTTPS")
        repin = actions.add_parser("repin", help="confirm another certificate of a known console")
        repin.add_argument("name")
        for action in (add, repin):
            action.add_argument("--fingerprint", help="SHA-256 that its administrator told you; else you are asked")
        remove = actions.add_parser("remove", help="forget it; refused while a migration with it is not over")
        remove.add_argument("name")

    def handle(self, action: str, **options: Any) -> None:
        try:
            {"list": self.list, "add": self.add, "repin": self.repin, "remove": self.remove}[action](options)
        except IvmError as exc:
            raise CommandError(str(exc)) from exc

    def list(self, options: dict[str, Any]) -> None:
        for remote in RemoteSystem.objects.known().order_by("name"):
            self.stdout.write(f"{remote.name} {remote.address} {remote.fingerprint}")

    def add(self, options: dict[str, Any]) -> None:
        offer = remote_systems.look(options["name"], options["address"], Operator())
        self.confirm(offer, options["fingerprint"])
        remote = remote_systems.add(offer, user=Operator(), origin=ORIGIN)
        self.stdout.write(f"{remote.name} is known now: {remote.system_name}.")

    def repin(self, options: dict[str, Any]) -> None:
        remote = self.known(options["name"])
        offer = remote_systems.look_again(remote, Operator())
        self.stdout.write(f"Confirmed for {remote.name} is {remote.fingerprint}.")
        self.confirm(offer, options["fingerprint"])
        remote_systems.repin(offer, user=Operator(), origin=ORIGIN)
        self.stdout.write(f"The certificate of {remote.name} is {offer.fingerprint} now.")

    def confirm(self, offer: Offer, expected: str | None) -> None:
        if expected is None:
            self.stdout.write(f"{offer.address} ({offer.system_name}) shows the certificate {offer.fingerprint}.")
            if input("Is that what its administrator told you? [yes/no] ").strip().lower() != "yes":
                raise CommandError("Nothing was changed.")
        elif expected.strip().upper() != offer.fingerprint:
            raise CommandError(f"{offer.address} shows {offer.fingerprint}, not {expected}. Nothing was changed.")

    def remove(self, options: dict[str, Any]) -> None:
        remote = self.known(options["name"])
        remote_systems.remove(remote, user=Operator(), origin=ORIGIN)
        self.stdout.write(f"{remote.name} is removed.")

    def known(self, name: str) -> RemoteSystem:
        remote = RemoteSystem.objects.known().filter(name=name).first()
        if remote is None:
            raise CommandError(f"{name} is not known; `remote_system list` shows who is.")
        return remote
