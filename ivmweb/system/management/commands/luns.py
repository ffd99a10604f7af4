from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ivmweb.common.errors import IvmError
from ivmweb.hypervisor.base import FoundLun
from ivmweb.hypervisor.lun import describe_word
from ivmweb.system import services
from ivmweb.system.models import PhysicalVolume
from ivmweb.system.volumes import MB


class Command(BaseCommand):
    help = "What there is where the hypervisor looks for LUNs: those of this console, free ones, and what is none."

    def handle(self, **options: Any) -> None:
        try:
            found = services.hypervisor().list_luns()
        except IvmError as exc:
            raise CommandError(str(exc)) from exc
        if not found.has_places:
            raise CommandError("The hypervisor was not told where LUNs are: start it with --luns or --lun-devices.")
        names = dict(PhysicalVolume.objects.values_list("unique_id", "name"))
        for lun in found.luns:
            self.stdout.write(f"{lun.path}: {described(lun, names)}")
        for error in found.errors:
            self.stderr.write(error)


def described(lun: FoundLun, names: dict[str, str]) -> str:
    if lun.owner is None:
        return lun.error
    name = names.get(lun.unique_id, "not recorded yet")
    kind = "block device" if lun.is_device else "file"
    return f"{name}, LUN {lun.unique_id}, {lun.size_bytes // MB} MB, {kind}, {describe_word(lun.owner)}"
