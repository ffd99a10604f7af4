from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ivmweb.common.errors import IvmError
from ivmweb.system import volumes
from ivmweb.system.models import PhysicalVolume
from ivmweb.system.rights import Operator


class Command(BaseCommand):
    help = (
        "Make a LUN of an image file or a block device: write an identity at its end, by which all consoles know it. "
        "The hypervisor does it, where it looks for LUNs (--luns, --lun-devices)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", help="on the hypervisor's server; a file has its size already (truncate -s)")
        parser.add_argument(
            "--force",
            action="store_true",
            help="also where data or another identity is found: a file keeps its data, a device loses its last block",
        )

    def handle(self, path: str, force: bool, **options: Any) -> None:
        try:
            lun = volumes.initialize(path, force=force, user=Operator(), origin="manage.py")
        except IvmError as exc:
            raise CommandError(str(exc)) from exc
        volume = PhysicalVolume.objects.filter(unique_id=lun.unique_id).first()
        name = volume.name if volume else "found at the next look"
        self.stdout.write(f"{lun.path}: LUN {lun.unique_id}, {lun.size_bytes // volumes.MB} MB, {name}")
