"""The lab's guest: a kernel and busybox from Debian's packages, and an initramfs made of them and of tools/guest.

Needs apt-get and dpkg-deb (Debian), and a C compiler for ppc64le; no root. The result is cached.
"""

import fcntl
import gzip
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.paths import ROOT, ToolError

SOURCES = ROOT / "tools" / "guest"
KERNEL = "linux-image-powerpc64le"
COMPILERS = ("powerpc64le-linux-gnu-gcc",) if platform.machine() != "ppc64le" else ("gcc",)
# In this order; what each needs comes before it. Debian builds none of them into the kernel.
MODULES = ("sd_mod", "ibmvscsi", "virtio_pci", "virtio_console", "virtio_scsi", "virtio_net", "ibmveth", "sr_mod")


@dataclass(frozen=True)
class GuestKit:
    kernel: Path
    initrd: Path


def missing_programs() -> list[str]:
    """Those without which no kit can be made."""
    return [name for name in ("apt-get", "dpkg-deb", *COMPILERS) if not shutil.which(name)]


def guest_kit(cache: Path) -> GuestKit:
    """Made where it is not in the cache yet; raises ToolError with what is missing."""
    folder = cache / _key()
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two that want it at once, one makes it
        if not folder.exists():
            if missing := missing_programs():
                raise ToolError(f"The guest cannot be built without {', '.join(missing)}.")
            with tempfile.TemporaryDirectory(dir=cache, prefix="making.") as place:
                _make(Path(place))
                os.replace(Path(place) / "kit", folder)
    return GuestKit(folder / "vmlinux", folder / "initrd.gz")


def _key() -> str:
    """Of all that we write ourselves; Debian's packages stay as they were when the kit was made."""
    sources = [*sorted(SOURCES.iterdir()), Path(__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def _make(place: Path) -> None:
    kit = place / "kit"
    kit.mkdir()
    packages = _download(place)
    modules: dict[str, bytes] = {}
    for name, data in _files(packages["linux-image"], r"\./(boot/vmlinu[xz]-|lib/modules/.*\.ko(\.xz)?$)"):
        if name.startswith("./boot/"):
            (kit / "vmlinux").write_bytes(data)
        else:
            modules[Path(name).name.split(".")[0].replace("-", "_")] = _unpacked(name, data)
    busybox = dict(_files(packages["busybox-static"], r"\./(usr/)?bin/busybox$")).popitem()[1]
    _compile(place / "workload")
    entries = [
        ("bin/busybox", 0o755, busybox),
        ("workload", 0o755, (place / "workload").read_bytes()),
        *((name, 0o755, (SOURCES / name).read_bytes()) for name in ("init", "login")),
        ("sbin/poweroff", 0o755, (SOURCES / "poweroff").read_bytes()),
    ]
    order = _in_order(modules)
    entries += [(f"modules/{name}.ko", 0o644, modules[name]) for name in order]
    entries.append(("modules/order", 0o644, "".join(f"{name}.ko\n" for name in order).encode()))
    (kit / "initrd.gz").write_bytes(gzip.compress(_cpio(entries), 6, mtime=0))


def _download(place: Path) -> dict[str, Path]:
    """The packages by their name's beginning. Everything that apt keeps lies in `place`."""
    for name in ("lists/partial", "cache/archives/partial", "packages"):
        (place / name).mkdir(parents=True)
    options = [
        *("-o", f"Dir::State::lists={place / 'lists'}", "-o", f"Dir::Cache={place / 'cache'}"),
        *("-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=", "-o", "Acquire::Languages=none"),
        *("-o", "APT::Architecture=ppc64el", "-o", "APT::Architectures=ppc64el"),
    ]
    # One source that fails is no matter while another one has the packages.
    updated = subprocess.run(["apt-get", "-qq", *options, "update"], capture_output=True, text=True, check=False)
    shown = _run(["apt-cache", *options, "show", "--no-all-versions", KERNEL], place)
    found = re.search(r"^Depends: (linux-image-\S+)", shown, re.MULTILINE)
    if not found:
        raise ToolError(f"The package sources of this machine have no {KERNEL} for ppc64el. {_last(updated.stderr)}")
    _run(["apt-get", "-qq", *options, "download", found[1], "busybox-static"], place / "packages")
    return {re.split(r"-\d|_", path.name)[0]: path for path in (place / "packages").iterdir()}


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"{command[0]} ended with status {done.returncode}. {_last(done.stderr)}")
    return done.stdout


def _last(words: str) -> str:
    return (words.strip().splitlines() or ["It said nothing."])[-1]


def _files(package: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of the package's files whose name matches; nothing is unpacked on the disk."""
    wanted = re.compile(pattern)
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as tar,
        tarfile.open(fileobj=tar.stdout, mode="r|") as archive,
    ):
        for member in archive:
            if member.isfile() and wanted.match(member.name) and (file := archive.extractfile(member)):
                yield member.name, file.read()


def _unpacked(name: str, data: bytes) -> bytes:
    import lzma

    return lzma.decompress(data) if name.endswith(".xz") else data


def _in_order(modules: dict[str, bytes]) -> list[str]:
    ordered: list[str] = []

    def add(name: str) -> None:
        if name in ordered or name not in modules:
            return
        found = re.search(rb"\0depends=([^\0]*)\0", modules[name])
        for needed in found[1].decode().split(",") if found else []:
            add(needed.replace("-", "_"))
        ordered.append(name)

    for name in MODULES:
        add(name)
    return ordered


def _compile(target: Path) -> None:
    source = SOURCES / "workload.c"
    _run([COMPILERS[0], "-static", "-O2", "-Wall", "-Wextra", "-Werror", str(source), "-o", str(target)], ROOT)


def _cpio(entries: list[tuple[str, int, bytes]]) -> bytes:
    """An archive in the "newc" format, with the folders that the files need."""
    folders = sorted({str(parent) for name, _, _ in entries for parent in Path(name).parents if str(parent) != "."})
    everything = [(name, 0o040755, b"") for name in [*folders, "dev"]]
    everything += [(name, 0o100000 | mode, data) for name, mode, data in entries]
    parts = [_cpio_entry(number, *entry) for number, entry in enumerate(everything, 1)]
    return b"".join([*parts, _cpio_entry(0, "TRAILER!!!", 0, b"")])


def _cpio_entry(number: int, name: str, mode: int, data: bytes) -> bytes:
    links = 1
    numbers = (number, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % value for value in numbers) + name.encode() + b"\0"
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
