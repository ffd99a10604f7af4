"""Becomes the program given, which then dies with its parent:

    python -I -S child.py [--signal=NAME] [--user=NAME] PARENT_PID PROGRAM ARGS...

The kernel keeps the promise even when the parent is killed with SIGKILL. It counts the parent's *thread*: the thread
that starts this must live as long as the child. Where there is no prctl (macOS) the child merely runs.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Mapping
from itertools import takewhile

PR_SET_PDEATHSIG = 1


def main(options: Mapping[str, str], parent: int, command: list[str]) -> None:
    if "user" in options:
        become(pwd.getpwnam(options["user"]))
    if sys.platform == "linux":  # after the change of user, which takes the promise back
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.Signals[options.get("signal", "SIGKILL")])
    if os.getppid() != parent:
        sys.exit("the process that asked for this is gone")
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored in what a shell runs with &, and by all that comes of it
    os.execvp(command[0], command)


def become(user: pwd.struct_passwd) -> None:
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


if __name__ == "__main__":
    given = list(takewhile(lambda arg: arg.startswith("--"), sys.argv[1:]))
    plain = sys.argv[1 + len(given) :]
    main(dict(option[2:].split("=", 1) for option in given), int(plain[0]), plain[1:])
