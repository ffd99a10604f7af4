"""Epochs: numbers that only rise, by which the hypervisor tells a later command from an earlier one.

One row gives them out, for operators' commands and migrations alike, since the hypervisor compares all of them.
"""

from django.db import transaction
from django.db.models import F

from ivmweb.hypervisor.base import Fence
from ivmweb.system import incarnation
from ivmweb.system.models import ManagedSystem
from ivmweb.transactions import serialized


def next_epoch() -> int:
    """A number larger than any this console has given out. Call inside a serialized transaction."""
    ManagedSystem.objects.update(epoch=F("epoch") + 1)
    epoch = ManagedSystem.objects.values_list("epoch", flat=True).get()
    transaction.on_commit(lambda: incarnation.remember(epoch))
    return epoch


def operator_fence() -> Fence:
    """For a command that belongs to no migration."""
    with serialized():
        return Fence(epoch=next_epoch())
