"""The kit of the lab's real guests, for tests that need one."""

import pytest

from tools import qemu
from tools.guest_kit import GuestKit


def kit_or_skip() -> GuestKit:
    """Skips, so that it is counted, where QEMU or the guest's compiler is missing; a kit that can't be made fails."""
    if not qemu.is_here():
        pytest.skip(f"there is no {qemu.NAME}")
    return qemu.kit()
