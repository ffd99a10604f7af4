"""Which database this is: an id in the database, and again in a file that no backup of the database contains.

Where the two differ the database was restored from a backup, and its records may be behind what really happened. The
file also remembers the epoch from which a restored database counts on, above all that was given out before.
"""

import json
import os
from dataclasses import dataclass

from django.conf import settings

EPOCHS_PER_LIFE = 2**32  # more than one database gives out between two restores


@dataclass(frozen=True)
class Known:
    """What the file says."""

    incarnation: str
    epoch: int  # from which that database began to count


def read() -> Known | None:
    """None where there is no file yet. A damaged one raises ValueError: nobody may guess which database this is."""
    try:
        said = json.loads(settings.INCARNATION_FILE.read_text())
        return Known(str(said["incarnation"]), int(said["epoch"]))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError) as exc:
        raise ValueError(f"{settings.INCARNATION_FILE} is damaged") from exc


def write(known: Known) -> None:
    """On the disk before it counts; the old content or the new one, whatever happens meanwhile."""
    path = settings.INCARNATION_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with open(temporary, "w") as file:
        json.dump({"incarnation": known.incarnation, "epoch": known.epoch}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
