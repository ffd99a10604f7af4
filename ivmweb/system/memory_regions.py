"""The memory region size on record: a multiple of the blocks in which the hypervisor gives memory to partitions."""

from math import lcm

from ivmweb.hypervisor.base import Capacity
from ivmweb.monitor import notices
from ivmweb.system.models import ManagedSystem


def follow(capacity: Capacity) -> bool:
    """Record a region size that fits; false where the recorded one does. It may run twice, or twice at once."""
    recorded = ManagedSystem.objects.values_list("memory_region_mb", flat=True).first()
    if recorded is None or recorded % capacity.memory_block_mb == 0:
        return False
    fitting = lcm(recorded, capacity.memory_block_mb)
    changed = ManagedSystem.objects.filter(memory_region_mb=recorded).update(memory_region_mb=fitting)
    notices.publish(notices.SYSTEM)
    return bool(changed)
