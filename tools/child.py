"""Becomes the program given, which then dies with its parent: `python -I -S child.py PARENT_PID PROGRAM ARGS...`.

The kernel keeps the promise even when the parent is killed with SIGKILL. It counts the parent's *thread*: the thread
that starts this must live as long as the child. Where there is no prctl (macOS) the child merely runs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that asked for this is gone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
