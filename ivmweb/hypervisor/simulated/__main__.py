"""`python -m ivmweb.hypervisor.simulated`: the simulated hypervisor of one server, as a process of its own."""

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from ivmweb.hypervisor import messages  # noqa: F401  (registers the texts of our errors)
from ivmweb.hypervisor.simulated.machine import SimulatedMachine, SimulatedOptions
from ivmweb.hypervisor.vmc.server import AlreadyRunning, Server

logger = logging.getLogger("ivmweb.hypervisor.simulated")


def main() -> int:
    arguments = _parse()
    os.umask(0o077)  # socket, folders and definitions are for this user only
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if sys.byteorder != "little":
        logger.error("the state stream is little-endian, and this machine is not")
        return 1
    # A state stream's thread gives the interpreter up at each frame; a heartbeat should not wait 5 ms for a busy one.
    sys.setswitchinterval(0.001)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    options = SimulatedOptions(
        system=arguments.system,
        state_dir=arguments.state_dir,
        memory_mb=arguments.memory_mb,
        processing_units=arguments.units,
        boot_step_s=arguments.boot_step_ms / 1000,
    )
    return _serve(options, arguments.socket, ended)


def _serve(options: SimulatedOptions, path: Path, ended: threading.Event) -> int:
    try:
        server = Server(SimulatedMachine(options), path)
        server.start()
    except (AlreadyRunning, OSError) as exc:
        logger.error("the hypervisor does not start: %s", exc)
        return 1
    logger.info("%s listens at %s", options.system, path)
    ended.wait()
    server.stop()
    logger.info("%s has ended", options.system)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ivmweb.hypervisor.simulated", description=__doc__)
    parser.add_argument("--system", required=True, help="type-model*serial, as in 7998-61X*100390A")
    parser.add_argument("--socket", required=True, type=Path)
    parser.add_argument("--state-dir", required=True, type=Path)
    parser.add_argument("--memory-mb", type=int, default=8192)
    parser.add_argument("--units", type=float, default=4.0)
    parser.add_argument("--boot-step-ms", type=float, default=80.0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
