"""Which database this is: an id in the database, and again in a file that no backup of the database contains.

The file also follows the epochs, which rise with every claim, command and record of a migration. A database with
another id, or with a smaller epoch than the file's, was restored from a backup, and its records may be behind what
really happened. Written after the commit: a crash in between leaves the file behind, which accuses nobody. For that
reason an epoch need not be on the disk at once either: it is written while a partition is suspended, which would feel
an fsync.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings

logger = logging.getLogger(__name__)

EPOCHS_PER_LIFE = 2**32  # more than one database gives out between two restores
LENGTH = 120  # bytes of the file; always the same, so that one may be written over the other


@dataclass(frozen=True)
class Known:
    """What the file says."""

    incarnation: str
    epoch: int  # the newest that it gave out


def read() -> Known | None:
    """None where there is no file yet. A damaged one raises ValueError: nobody may guess which database this is."""
    try:
        said = json.loads(settings.INCARNATION_FILE.read_text())
        return Known(str(said["incarnation"]), int(said["epoch"]))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError) as exc:
        raise ValueError(f"{settings.INCARNATION_FILE} is damaged") from exc


def remember(epoch: int) -> None:
    """The newest epoch that was committed. Before the first look there is no file, and nothing to remember."""
    try:
        with alone():
            known = read()
            if known is not None and known.epoch < epoch:
                is_whole = settings.INCARNATION_FILE.stat().st_size == LENGTH  # one of an earlier version is shorter
                (write_over if is_whole else write)(Known(known.incarnation, epoch))
    except (OSError, ValueError) as exc:  # what was committed stays so
        logger.warning("%s does not follow: %s", settings.INCARNATION_FILE, exc)


@contextmanager
def alone() -> Iterator[None]:
    """Of all processes of this console: else an older epoch could be written over a newer one."""
    path = settings.INCARNATION_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f"{path.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write(known: Known) -> None:
    """On the disk before it counts; the old content or the new one, whatever happens meanwhile."""
    path = settings.INCARNATION_FILE
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with open(temporary, "w") as file:
        file.write(text_of(known))
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def write_over(known: Known) -> None:
    """In place, within one block, not synced: after a loss of power the file has the old content or the new one."""
    descriptor = os.open(settings.INCARNATION_FILE, os.O_WRONLY)
    try:
        os.pwrite(descriptor, text_of(known).encode(), 0)
    finally:
        os.close(descriptor)


def text_of(known: Known) -> str:
    return json.dumps({"incarnation": known.incarnation, "epoch": known.epoch}).ljust(LENGTH - 1) + "\n"
