"""Which definitions a hypervisor takes. Pure."""

import os
import re
import uuid
from dataclasses import replace

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import Definition

MAX_LUNS = 64
MAX_ADAPTERS = 64
ADAPTER_SLOTS = range(2, 256)  # 0 and 1 are serial; the slot is the last byte of a MAC address
VLANS = range(1, 4095)
MAC_ADDRESS = re.compile(r"[0-9A-F][02468ACE][0-9A-F]{10}", re.ASCII)  # of one adapter, not of a group


def definition_problem(definition: Definition) -> str:
    """Why no partition can be made of it; empty where one can."""
    d = definition
    problems = {
        f"memory of {d.memory_mb} MB": d.memory_mb < 1,
        f"{d.processing_units} processing units": not 0 < d.processing_units <= 1024,
        f"{d.virtual_processors} virtual processors": not 0 < d.virtual_processors <= 1024,
        f"a name of {len(d.name)} characters": not 0 < len(d.name) <= 64,
        f"{len(d.luns)} LUNs": len(d.luns) > MAX_LUNS,
        "a LUN path that is not absolute": not all(os.path.isabs(reference.path) for reference in d.luns),
        f"{len(d.drives)} optical drives": len(d.drives) > MAX_LUNS,
        "a medium's path that is not absolute": not all(os.path.isabs(one.path) for one in d.drives if one.path),
        f"a workload of {d.workload_bytes_per_s} bytes/s": not 0 <= d.workload_bytes_per_s <= 10**11,
        f"a working set of {d.workload_set_mb} MB": d.workload_set_mb < 0,
        f"the UUID {d.uuid[:40]!r}": not _is_uuid(d.uuid),
    }
    return next((problem for problem, there in problems.items() if there), "") or _adapter_problem(definition)


def _adapter_problem(definition: Definition) -> str:
    adapters = definition.adapters
    if len(adapters) > MAX_ADAPTERS:
        return f"{len(adapters)} Ethernet adapters"
    taken = {reference.slot for reference in definition.luns}
    for adapter in adapters:
        if adapter.slot not in ADAPTER_SLOTS or adapter.slot in taken:
            return f"an Ethernet adapter in slot {adapter.slot}, taken or not from 2 to 255,"
        taken.add(adapter.slot)
        if adapter.vlan_id not in VLANS:
            return f"VLAN {adapter.vlan_id}"
        if not MAC_ADDRESS.fullmatch(adapter.mac_address):
            return f"the MAC address {adapter.mac_address[:40]!r}"
    addresses = {adapter.mac_address for adapter in adapters}
    return "" if len(addresses) == len(adapters) else "a MAC address twice"


def check_definition(definition: Definition) -> None:
    if problem := definition_problem(definition):
        raise HypervisorError("hypervisor-refused", command="the definition", reason=f"{problem} can't be used")


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def same_definition(one: Definition, other: Definition) -> bool:
    """The workload may have been changed since; all else may not."""
    return replace(one, workload_bytes_per_s=0) == replace(other, workload_bytes_per_s=0)
