from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from ivmweb.common.addresses import host_of, port_of
from ivmweb.common.certificates import fetch_certificate, fingerprint
from ivmweb.common.errors import IvmError
from migration.models import RemoteSystem
from migration.peer.client import PeerClient


class Command(BaseCommand):
    help = "Remote systems: the other consoles that this one connects to, each with a certificate that you confirm."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="name, address and fingerprint of each")
        add = actions.add_parser("add", help="make another console known")
        add.add_argument("name", help="host name, as it will be typed into Remote IVM or HMC")
        add.add_argument("address", help="host:port of its HTTPS")
        add.add_argument("--fingerprint", help="SHA-256 that its administrator told you; without it you are asked")
        remove = actions.add_parser("remove", help="forget it; refused while a migration of it is recorded")
        remove.add_argument("name")

    def handle(self, action: str, **options: Any) -> None:
        {"list": self.list, "add": self.add, "remove": self.remove}[action](options)

    def list(self, options: dict[str, Any]) -> None:
        for remote in RemoteSystem.objects.order_by("name"):
            self.stdout.write(f"{remote.name} {remote.address} {remote.fingerprint}")

    def add(self, options: dict[str, Any]) -> None:
        name, address = options["name"], options["address"]
        try:
            certificate = fetch_certificate(host_of(address), port_of(address), settings.PEER_TIMEOUT_S)
        except OSError as exc:
            raise CommandError(f"{address} does not answer: {exc}. Check that the console runs there.") from exc
        found = fingerprint(certificate)
        self.confirm(address, found, options["fingerprint"])
        remote = RemoteSystem(name=name, address=address, certificate=certificate, fingerprint=found)
        try:
            with PeerClient(remote) as client:
                client.hello()  # fills in which system it is
            with transaction.atomic():
                remote.save(force_insert=True)
        except IvmError as exc:
            raise CommandError(str(exc)) from exc
        except IntegrityError as exc:
            raise CommandError(f"{name} or {address} is known already; remove it first.") from exc
        self.stdout.write(f"{name} is known now: {remote.system_name}.")

    def confirm(self, address: str, found: str, expected: str | None) -> None:
        if expected is None:
            self.stdout.write(f"{address} shows the certificate {found}.")
            if input("Is that what its administrator told you? [yes/no] ").strip().lower() != "yes":
                raise CommandError("Nothing was changed.")
        elif expected.strip().upper() != found:
            raise CommandError(f"{address} shows {found}, not {expected}. Nothing was changed.")

    def remove(self, options: dict[str, Any]) -> None:
        remote = RemoteSystem.objects.filter(name=options["name"]).first()
        if remote is None:
            raise CommandError(f"{options['name']} is not known; `remote_system list` shows who is.")
        try:
            remote.delete()
        except ProtectedError as exc:
            raise CommandError(f"{options['name']} has migrations on record here.") from exc
        self.stdout.write(f"{options['name']} is forgotten.")
