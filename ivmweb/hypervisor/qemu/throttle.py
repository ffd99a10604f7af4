"""Slowing a guest down while its state is sent: QEMU's auto-converge, with the mover deciding how far.

QEMU slows a guest down by itself, once pages were written faster than a share of what was sent in two spans of at
least a second each. A stream that may be throttled is begun with that, at its least. What the mover orders then is
both the first step and the last one, and the share is as small as can be, so that QEMU does it within two spans.
QEMU lets go of the guest when the stream ends, whoever lives then.

It also looks for written pages every 5 s in such a stream (from 9.2 on), and so makes passes of at most 5 s.
"""

from typing import Any

LEAST = 1  # percent; QEMU knows no 0 for it


def capability(*, may_throttle: bool) -> dict[str, Any]:
    """Said in both cases, since QEMU keeps it from an earlier stream. It can't be changed while one is open."""
    return {"capability": "auto-converge", "state": may_throttle}


def parameters(percent: int, *, sent_share: int = 1) -> dict[str, Any]:
    """`sent_share`: how much has to be written, in percent of what was sent meanwhile, before QEMU does it."""
    step = max(percent, LEAST)
    return {
        "cpu-throttle-initial": step,
        "cpu-throttle-increment": 99,
        "max-cpu-throttle": step,
        "throttle-trigger-threshold": sent_share,
    }


UNTIL_ORDERED = parameters(0, sent_share=100)
