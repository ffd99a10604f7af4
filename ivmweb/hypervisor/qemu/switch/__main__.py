"""`python -m ivmweb.hypervisor.qemu.switch`: the virtual Ethernet of one server with real guests."""

import argparse
import json
import logging
import os
import signal
import sys
from pathlib import Path

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import messages  # noqa: F401  (registers the texts of our errors)
from ivmweb.hypervisor.qemu.switch.options import Cabling, cabling
from ivmweb.hypervisor.qemu.switch.serve import Switch, ask

logger = logging.getLogger("ivmweb.hypervisor.qemu.switch")


def main() -> int:
    arguments = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        if arguments.show:
            print(json.dumps(ask(arguments.folder), indent=1))
            return 0
        return _serve(arguments.folder, cabling(arguments.uplink, arguments.peer, arguments.tap))
    except (HypervisorError, OSError) as exc:
        logger.error("%s", exc)
        return 1


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m ivmweb.hypervisor.qemu.switch", description=__doc__)
    made.add_argument("--folder", required=True, type=Path, help="that of the hypervisor's socket")
    made.add_argument("--uplink", default="", metavar="ADDRESS:PORT", help="where other servers' switches send to")
    made.add_argument(
        "--peer", action="append", default=[], metavar="ADDRESS:PORT", help="--uplink of another server"
    )
    made.add_argument("--tap", action="append", default=[], metavar="VLAN:DEVICE", help="carries this VLAN, untagged")
    made.add_argument("--show", action="store_true", help="what the switch that runs knows, as JSON, and no more")
    return made


def _serve(folder: Path, cables: Cabling) -> int:
    """Until SIGTERM or SIGINT; the exit status."""
    os.umask(0o077)
    switch = Switch(folder, cables)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: switch.stop())
    switch.start()
    logger.info("serves %s; uplinks: %s", folder, ", ".join(one.uplink.name for one in cables.cables) or "none")
    switch.run()
    switch.close()
    logger.info("has ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
