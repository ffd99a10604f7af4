"""Named places at which a test of the laboratory may kill, freeze or hold this process.

A point is armed by a file of its name in the folder that is watched; what the file says is done by the first process
that reaches it, once. The file is then called `<name>.reached`.

    kill        this process ends at once (SIGKILL)
    freeze      this process stops (SIGSTOP) until somebody continues it
    hold        the caller waits until `<name>.reached` is removed, a minute at most
    delay 2.5   the caller waits so many seconds, a minute at most
    again       `reached` answers true: whoever asks may do the step a second time

Nothing is watched unless `watch` was called, which only the laboratory does; then `reached` does nothing at all.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

LONGEST_S = 60.0
LOOK_EVERY_S = 0.01
REACHED = ".reached"

_folder = ""  # none: nothing is watched


def watch(folder: Path | None) -> None:
    """From now on points are armed by files in that folder, which need not exist; None: by nothing."""
    global _folder
    _folder = str(folder) if folder is not None else ""


def reached(*words: str) -> bool:
    """Say that this step is reached, e.g. `source`, `write`, `surrendered`, `before`; true for `again`."""
    return bool(_folder) and _take(" ".join(words))


def _take(name: str) -> bool:
    """Whoever renames the file has the action; everybody else passes."""
    armed = f"{_folder}/{name}"
    if "/" in name or not os.path.exists(armed):
        return False
    try:
        action, _, number = Path(armed).read_text().partition(" ")
        os.rename(armed, armed + REACHED)
    except OSError:  # another one was faster
        return False
    _act(action.strip(), number, armed + REACHED)
    return action.strip() == "again"


def _act(action: str, number: str, mark: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action == "hold":
        _wait_until_gone(mark)
    elif action == "delay":
        with suppress(ValueError):
            time.sleep(min(max(float(number), 0.0), LONGEST_S))


def _wait_until_gone(mark: str) -> None:
    deadline = time.monotonic() + LONGEST_S
    while os.path.exists(mark) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
