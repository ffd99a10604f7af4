import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Thread
from uuid import UUID

import pytest

from ivmweb.hypervisor.base import Fence
from migration.mover import receiver, sender
from migration.mover.convergence import Limits
from migration.mover.link import MoverAddress
from migration.mover.listener import Listener, PortRange
from tests.mover.scripted import ScriptedHypervisor

MIGRATION = UUID("6f0c5a3e-9d0e-4f0e-8a53-0d5d4f2b7c11")
KEY = bytes(range(32))
FENCE = Fence(1, str(MIGRATION))


class Cable:
    """A TCP forwarder between two movers that can be cut: connection by connection, in the order they were made."""

    def __init__(self, port):
        self._address = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.pairs = []
        Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._address)
                self.pairs.append((near, far))
                for source, sink in ((near, far), (far, near)):
                    Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def cut(self, *numbers):
        for number in numbers or range(len(self.pairs)):
            for end in self.pairs[number]:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listener.close()
        self.cut()


class Lab:
    """Two movers and their scripted hypervisors, each mover in a thread of its own."""

    def __init__(self):
        self.source, self.destination = ScriptedHypervisor(), ScriptedHypervisor()
        self.listener = Listener("127.0.0.1", PortRange(0, 0), KEY, MIGRATION)
        self.cable = Cable(self.listener.port)
        self.limits = Limits()
        self.progress, self.received_progress = [], []
        self.stop_source, self.stop_destination = Event(), Event()
        self.on_progress = self.progress.append
        self.may_suspend = lambda: True
        self.on_loaded = lambda: None
        self.threads = ThreadPoolExecutor(2)
        self.sending = self.receiving = None

    def address(self, **changes):
        values = {"host": "127.0.0.1", "port": self.cable.port, "fingerprint": self.listener.fingerprint}
        return MoverAddress(**(values | {"key": KEY, "migration_id": MIGRATION} | changes))

    def send(self, **changes):
        hooks = sender.Hooks(
            lambda progress: self.on_progress(progress), self.stop_source.is_set, lambda: self.may_suspend()
        )
        address = self.address(**changes)
        self.sending = self.threads.submit(
            sender.send_state, self.source, 2, FENCE, address, lambda: self.limits, hooks
        )
        return self.sending

    def receive(self, timeout_s=5.0):
        hooks = receiver.Hooks(self.received_progress.append, lambda: self.on_loaded(), self.stop_destination.is_set)
        self.receiving = self.threads.submit(
            receiver.receive_state, self.destination, 2, FENCE, self.listener, hooks, source_timeout_s=timeout_s
        )
        return self.receiving

    def start(self):
        """Both movers, with the first bytes through."""
        self.receive()
        self.send()
        self.source.vasi.sendall(b"first")
        assert self.destination.reads(5) == b"first"
        return self

    def close(self):
        self.stop_source.set()
        self.stop_destination.set()
        self.cable.close()
        for running in (self.sending, self.receiving):
            if running is not None and running.exception(timeout=10) is None and running is self.sending:
                running.result().close()
        self.threads.shutdown()
        self.listener.close()
        self.source.close()
        self.destination.close()


@pytest.fixture
def lab():
    lab = Lab()
    yield lab
    lab.close()
