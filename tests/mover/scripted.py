"""A small hypervisor whose every move the test orders: real socket pairs, no pages."""

import socket
from threading import Condition

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import NextStep, Phase, TransferStatus


class ScriptedHypervisor:
    """One end of the stream is the mover's, `vasi` is the test's."""

    def __init__(self):
        mine, self.movers = socket.socketpair()
        self.vasi = mine
        self.vasi.settimeout(5)
        self.steps = []
        self.suspends_at = []  # beside them
        self.slowed = []  # percents that were ordered
        self.opened = False
        self.unreachable = False
        self._status = TransferStatus(Phase.SETUP, bytes_total=100_000_000)
        self._changed = Condition()

    def open_state_out(self, lpar_id, fence, may_throttle=False):
        self.opened, self.may_throttle = True, may_throttle
        return self.movers

    open_state_in = open_state_out

    def wait_transfer(self, lpar_id, after_sequence, timeout_s):
        with self._changed:
            self._changed.wait_for(lambda: self._status.sequence > after_sequence or self.unreachable, timeout_s)
            if self.unreachable:
                raise HypervisorError("mover-stream-failed", partition=lpar_id, reason="unreachable")
            return self._status

    def continue_transfer(self, lpar_id, step, fence, suspend_at_bytes=0):
        with self._changed:
            self.steps.append(step)
            self.suspends_at.append(suspend_at_bytes)
            self._changed.notify_all()

    def throttle(self, lpar_id, percent, fence):
        assert self.may_throttle
        self.slowed.append(percent)

    def says(self, phase, **values):
        with self._changed:
            values = {"bytes_total": 100_000_000, "pass_number": 1} | values
            self._status = TransferStatus(phase, sequence=self._status.sequence + 1, **values)
            self._changed.notify_all()

    def dies(self):
        self.vasi.close()
        with self._changed:
            self.unreachable = True
            self._changed.notify_all()

    def ends_pass(self, number, *, sent, rest, seconds=1.0, dirty=1_000_000, **values):
        self.says(
            Phase.PASS_END,
            pass_number=number,
            bytes_sent=sent,
            bytes_remaining=rest,
            pass_seconds=seconds,
            dirty_bytes_per_s=dirty,
            **values,
        )

    def wait_for_steps(self, count, timeout_s=5):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.steps) >= count, timeout_s), self.steps

    def suspends(self):
        """A first pass that leaves next to nothing, and the mover's order to suspend."""
        self.ends_pass(1, sent=100_000_000, rest=1000)
        self.wait_for_steps(1)
        assert self.steps == [NextStep.SUSPEND]
        self.says(Phase.DEVICE)

    def reads(self, count):
        data = b""
        while len(data) < count:
            received = self.vasi.recv(count - len(data))
            assert received, "the stream ended"
            data += received
        return data

    def sees_its_stream_end(self):
        """Within a second, by an end or an error."""
        self.vasi.settimeout(1)
        try:
            while self.vasi.recv(65536):
                pass
        except ConnectionError:
            pass

    def close(self):
        self.vasi.close()
        self.movers.close()
