"""What LUNs there are where this server was told to look, and which of them are there twice."""

import glob
import os
import stat
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun
from ivmweb.hypervisor.base import FoundLun, LunList, LunReference

PORTION = 400  # of a list that travels as one line of bounded length
PATIENCE_S = 2.5  # with another look: one that hangs must not hang those that follow, and callers wait 3 s
LONGEST_UNIQUE_ID, LONGEST_PATH = 64, 512  # that a console can record
WILD = frozenset("*?[")


@dataclass(frozen=True)
class Places:
    """Where LUNs may be: image files in these folders, and these block devices (names or patterns of them)."""

    folders: tuple[Path, ...] = ()
    devices: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.folders or self.devices)

    def __str__(self) -> str:
        return ", ".join([*map(str, self.folders), *self.devices]) or "no place was named"


@dataclass(frozen=True)
class Candidate:
    """A file or device that may be a LUN. Of several names of one thing the first."""

    path: Path
    thing: tuple[int, ...]  # equal for all names of one file or device
    is_device: bool
    state: tuple[int, ...] = ()  # of a file: another one once it was written to; of a device nothing says that


class Discovery:
    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._began = 0.0  # of the look that holds the lock; monotonic
        self._known: dict[tuple[int, ...], tuple[tuple[int, ...], str]] = {}  # of files: state and unique id

    def listing(self, after: str) -> LunList:
        """The portion that follows that path; the first one for an empty one."""
        with self._looking():
            candidates, errors = self._candidates()
            rest = [one for one in candidates if str(one.path) > after]
            found = tuple(look_at(one) for one in rest[:PORTION])
        last = str(rest[PORTION - 1].path) if len(rest) > PORTION else ""
        return LunList(found, tuple(errors), has_places=bool(self._places), next=last)

    def check_single(self, references: Iterable[LunReference]) -> None:
        """Raises HypervisorError `lun-copied` where one of these identities is on more than one file or device.

        Nothing of a LUN that is not there, or is another one: who reads its owner word says so.
        """
        wanted = {reference.unique_id: Path(reference.path) for reference in references}
        if not (wanted and self._places):
            return
        found: defaultdict[str, list[str]] = defaultdict(list)
        with self._looking():
            candidates = {one.thing: one for one in self._candidates()[0]}
            add_all(candidates, wanted.values())  # one may be known by its path alone
            for candidate in candidates.values():
                found[self._unique_id(candidate)].append(str(candidate.path))
            self._known = {thing: known for thing, known in self._known.items() if thing in candidates}
        for unique_id in wanted:
            if len(found[unique_id]) > 1:
                raise HypervisorError("lun-copied", unique_id=unique_id, paths=", ".join(sorted(found[unique_id])))

    def find(self, path: str) -> Candidate:
        """What may be a LUN under that name, or another name of it. Raises HypervisorError `lun-elsewhere`."""
        thing = thing_at(Path(path))
        with self._looking():
            for candidate in self._candidates()[0]:
                if candidate.thing == thing:
                    return candidate
        raise HypervisorError("lun-elsewhere", path=path, places=str(self._places))

    def _unique_id(self, candidate: Candidate) -> str:
        """Read again where the file was written to since; empty where there is none that can be read."""
        known = self._known.get(candidate.thing)
        if known and candidate.state and known[0] == candidate.state:
            return known[1]
        unique_id = look_at(candidate).unique_id
        self._known[candidate.thing] = (candidate.state, unique_id)
        return unique_id

    @contextmanager
    def _looking(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=PATIENCE_S):
            raise HypervisorError("luns-stand-still", seconds=round(time.monotonic() - self._began))
        self._began = time.monotonic()
        try:
            yield
        finally:
            self._lock.release()

    def _candidates(self) -> tuple[list[Candidate], list[str]]:
        """By path, each file or device once; and what can't be looked at, in words."""
        found: dict[tuple[int, ...], Candidate] = {}
        errors: list[str] = []
        for folder in self._places.folders:
            try:
                names = sorted(os.listdir(folder))
            except OSError as exc:
                errors.append(unreadable(folder, exc))
                continue
            add_all(found, (folder / name for name in names if is_candidate_name(name)))
        for device in self._places.devices:
            paths = matching(device) if WILD & set(device) else [Path(device)]
            missing = add_all(found, paths)
            errors += [unreadable(path, exc) for path, exc in missing]
        return sorted(found.values(), key=lambda one: str(one.path)), errors


def matching(pattern: str) -> list[Path]:
    """Whole devices: what a partition table on a guest's disk makes of it matches most patterns, too."""
    return [Path(name) for name in sorted(glob.glob(pattern)) if not is_part_of_device(name)]


def is_part_of_device(name: str) -> bool:
    try:
        number = os.stat(name).st_rdev
    except OSError:
        return False
    return os.path.exists(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/partition")


def is_candidate_name(name: str) -> bool:
    return not (name.startswith(".") or name.endswith(lun.LOCK_SUFFIX))


def add_all(found: dict[tuple[int, ...], Candidate], paths: Iterable[Path]) -> list[tuple[Path, OSError]]:
    """Those that are files or block devices; the others that can't even be asked."""
    missing = []
    for path in paths:
        try:
            candidate = candidate_at(path)
        except OSError as exc:
            missing.append((path, exc))
            continue
        if candidate:
            found.setdefault(candidate.thing, candidate)
    return missing


def candidate_at(path: Path) -> Candidate | None:
    """None: it is a folder, a pipe or the like. Raises OSError."""
    about = os.stat(path)
    if stat.S_ISBLK(about.st_mode):
        return Candidate(path, (about.st_rdev,), is_device=True)
    if not stat.S_ISREG(about.st_mode):
        return None
    state = (about.st_size, about.st_mtime_ns, about.st_ctime_ns)
    return Candidate(path, (about.st_dev, about.st_ino), is_device=False, state=state)


def thing_at(path: Path) -> tuple[int, ...]:
    """Empty where nothing is there that could be a LUN."""
    try:
        candidate = candidate_at(path)
    except OSError:
        return ()
    return candidate.thing if candidate else ()


def look_at(candidate: Candidate) -> FoundLun:
    path = str(candidate.path)
    try:
        there = lun.peek(candidate.path)
        if there is None:
            raise HypervisorError("lun-without-identity", path=path)
        check_recordable(path, there.identity.unique_id)
    except HypervisorError as exc:
        return FoundLun(path, is_device=candidate.is_device, error=exc.text)
    return FoundLun(path, there.identity.unique_id, there.identity.size_bytes, there.word, candidate.is_device)


def check_recordable(path: str, unique_id: str) -> None:
    if not (0 < len(unique_id) <= LONGEST_UNIQUE_ID and unique_id.isprintable()):
        reason = f"its unique ID has {len(unique_id)} characters, or some that can't be printed"
        raise HypervisorError("lun-damaged", path=path, reason=reason)
    if len(path) > LONGEST_PATH:
        raise HypervisorError("lun-damaged", path=path, reason=f"its path has over {LONGEST_PATH} characters")


def unreadable(path: Path, exc: OSError) -> str:
    return HypervisorError("lun-place-unreadable", path=str(path), reason=exc.strerror or str(exc)).text
