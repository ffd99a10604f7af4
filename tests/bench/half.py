"""One end of a transfer as a process of its own, so that its processor time and memory can be told.

`python -m tests.bench.half mover-in SOCKET MIGRATION EPOCH`, `mover-out SOCKET MIGRATION EPOCH PORT FINGERPRINT`: the
movers between two hypervisors. `bare-in MB`, `bare-out MB PORT`: as much, from memory to fresh memory, over a Python
TLS 1.3 socket with the movers' settings.
Each prints JSON lines: what the other end must know, then what it has measured.
"""

import json
import mmap
import resource
import socket
import sys
import time
from pathlib import Path
from uuid import UUID

from ivmweb.hypervisor.base import Fence
from ivmweb.hypervisor.simulated.client import SimulatedHypervisor
from migration.mover import receiver, sender
from migration.mover.certificate import make_certificate
from migration.mover.convergence import Limits
from migration.mover.link import MoverAddress, client_context, server_context
from migration.mover.listener import Listener, PortRange

KEY = bytes(range(32))
LPAR_ID = 2
CHUNK = 1 << 20


def tell(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


def used_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident_kb(field: str = "VmRSS", pid: int | str = "self") -> int:
    """`VmRSS` now, `VmHWM` at most so far."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1])


def mover_in(path: str, migration: str, epoch: str) -> None:
    fence = Fence(int(epoch), migration)
    idle_kb = resident_kb()
    listener = Listener("127.0.0.1", PortRange(0, 0), KEY, UUID(migration))
    tell(port=listener.port, fingerprint=listener.fingerprint)
    before = used_cpu_s()
    hooks = receiver.Hooks(lambda progress: None, lambda: None, lambda: False)
    receiver.receive_state(SimulatedHypervisor(Path(path)), LPAR_ID, fence, listener, hooks)
    tell(cpu_s=used_cpu_s() - before, grown_kb=resident_kb("VmHWM") - idle_kb)


def mover_out(path: str, migration: str, epoch: str, port: str, fingerprint: str) -> None:
    fence = Fence(int(epoch), migration)
    idle_kb = resident_kb()
    address = MoverAddress("127.0.0.1", int(port), fingerprint, KEY, UUID(migration))
    before, began = used_cpu_s(), time.monotonic()
    hooks = sender.Hooks(lambda progress: None, lambda: False)
    with sender.send_state(SimulatedHypervisor(Path(path)), LPAR_ID, fence, address, Limits, hooks) as loaded:
        ended = time.monotonic()
    tell(
        seconds=ended - began,
        suspended_ms=(ended - (loaded.progress.suspended_at or ended)) * 1000,
        bytes=loaded.progress.bytes_transmitted,
        cpu_s=used_cpu_s() - before,
        grown_kb=resident_kb("VmHWM") - idle_kb,
    )


def bare_in(size_mb: str) -> None:
    memory = memoryview(mmap.mmap(-1, int(size_mb) << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
    context = server_context(make_certificate())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tell(port=listener.getsockname()[1])
        with context.wrap_socket(listener.accept()[0], server_side=True) as link:
            before, filled = used_cpu_s(), 0
            while filled < len(memory):
                filled += link.recv_into(memory[filled : filled + CHUNK])
            link.sendall(b"!")
            tell(cpu_s=used_cpu_s() - before)


def bare_out(size_mb: str, port: str) -> None:
    memory = memoryview(mmap.mmap(-1, int(size_mb) << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
    for start in range(0, len(memory), CHUNK):
        memory[start : start + CHUNK] = CONTENT  # as the partition's pages: there, and not all alike
    with client_context().wrap_socket(socket.create_connection(("127.0.0.1", int(port)))) as link:
        before, began = used_cpu_s(), time.monotonic()
        for start in range(0, len(memory), CHUNK):
            link.sendall(memory[start : start + CHUNK])
        link.recv(1)
        tell(seconds=time.monotonic() - began, bytes=len(memory), cpu_s=used_cpu_s() - before)


CONTENT = bytes(range(256)) * (CHUNK // 256)
PARTS = {"mover-in": mover_in, "mover-out": mover_out, "bare-in": bare_in, "bare-out": bare_out}

if __name__ == "__main__":
    PARTS[sys.argv[1]](*sys.argv[2:])
