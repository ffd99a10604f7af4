"""What the hypervisor says of itself and the records keep, so that the pages and the checks need not ask it."""

from math import lcm

from ivmweb.hypervisor.base import Capacity
from ivmweb.monitor import notices
from ivmweb.system.models import ManagedSystem


def follow(capacity: Capacity) -> bool:
    """False where the records say the same already. It may run twice, or twice at once.

    The memory region size is a multiple of the blocks in which memory is given to partitions.
    """
    row = ManagedSystem.objects.first()
    if row is None:
        return False
    read = {"memory_region_mb": row.memory_region_mb, "boot_devices": row.boot_devices}
    fitting = {
        "memory_region_mb": lcm(row.memory_region_mb, capacity.memory_block_mb),
        "boot_devices": [device.value for device in capacity.boots_from] if len(capacity.boots_from) > 1 else [],
    }
    if fitting == read:
        return False
    changed = ManagedSystem.objects.filter(memory_region_mb=row.memory_region_mb).update(**fitting)
    notices.publish(notices.SYSTEM)
    return bool(changed)
