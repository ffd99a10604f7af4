"""Optical drives of a partition as QEMU has them. What is loaded changes while it runs; drives only where disks do.

A medium is read only for the guest, whatever it is on record: QEMU's drive is a DVD-ROM.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import DriveReference
from ivmweb.hypervisor.qemu.qmp import Monitor, QmpClosed, QmpError

LOCKED = "is locked"  # in QEMU's answer, where the guest keeps the tray closed


def drive_arguments(drive: DriveReference, boot_index: int | None = None) -> list[str]:
    """Of QEMU's command line. A medium is a -drive, which goes by itself when another one comes into its place."""
    device = device_of(drive)
    if boot_index is not None:
        device["bootindex"] = boot_index
    if not drive.path:
        return ["-device", json.dumps(device)]
    file = drive.path.replace(",", ",,")
    medium = f"if=none,id=medium{name_of(drive)},media=cdrom,readonly=on,format=raw,file={file}"
    return ["-drive", medium, "-device", json.dumps({**device, "drive": f"medium{name_of(drive)}"})]


def device_of(drive: DriveReference) -> dict[str, Any]:
    place = {"bus": f"vscsi{drive.slot}.0", "channel": 0, "scsi-id": drive.target, "lun": 0}
    return {"driver": "scsi-cd", "id": f"cd{name_of(drive)}", **place}


def name_of(drive: DriveReference) -> str:
    return f"{drive.slot}-{drive.target}"


def change(
    monitor: Monitor,
    before: Iterable[DriveReference],
    after: Iterable[DriveReference],
    *,
    force: bool,
    refusal_of: Callable[..., HypervisorError],
) -> None:
    """Drives that go, drives that come, then media. Raises HypervisorError; what was done before stays done."""
    old, new = ({name_of(drive): drive for drive in drives} for drives in (before, after))
    for name in old.keys() - new.keys():
        _execute(monitor, "device_del", {"id": f"cd{name}"})
    for name in new.keys() - old.keys():
        _execute(monitor, "device_add", device_of(new[name]))
    for name, drive in sorted(new.items()):
        if drive.path != (old[name].path if name in old else ""):
            _change_medium(monitor, drive, force=force, refusal_of=refusal_of)


def _change_medium(
    monitor: Monitor, drive: DriveReference, *, force: bool, refusal_of: Callable[..., HypervisorError]
) -> None:
    command, arguments = "eject", {"id": f"cd{name_of(drive)}", "force": force}
    if drive.path:
        command = "blockdev-change-medium"
        arguments |= {"filename": drive.path, "format": "raw", "read-only-mode": "read-only"}
    try:
        monitor.execute(command, arguments)
    except QmpError as exc:
        if LOCKED in str(exc):
            raise refusal_of("drive-locked", slot=drive.slot, target=drive.target) from exc
        raise HypervisorError("hypervisor-refused", command=command, reason=str(exc)) from exc
    except QmpClosed as exc:
        raise HypervisorError("hypervisor-refused", command=command, reason=str(exc)) from exc


def _execute(monitor: Monitor, command: str, arguments: dict[str, Any]) -> None:
    try:
        monitor.execute(command, arguments)
    except (QmpError, QmpClosed) as exc:
        raise HypervisorError("hypervisor-refused", command=command, reason=str(exc)) from exc
