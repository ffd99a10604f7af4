"""A lab whose supervisor was killed leaves real guests; whoever removes its run folder ends them."""

import sys
import time

from ivmweb.hypervisor.qemu import process
from ivmweb.hypervisor.qemu.command_line import Places, monitor_argument
from tools import run_folder

STAND_IN = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_guests_of_the_folder_are_ended_with_it_and_others_live(tmp_path):
    mine, other = tmp_path / "mine", tmp_path / "other"
    guests = {}
    for folder in (mine, other):
        place = folder / "uli13" / "q2"
        place.mkdir(parents=True)
        folder.chmod(0o700)
        guests[folder] = process.start([*STAND_IN, monitor_argument(Places(place))], tmp_path / "log")
    time.sleep(0.1)
    try:
        run_folder.remove(mine)
        assert not process.is_alive(guests[mine])
        assert process.is_alive(guests[other])
        assert not mine.exists()
    finally:
        process.kill(guests[other])
