"""Whether a domain runs on this machine, as far as somebody can say: libvirt itself, and the processes there are."""

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

VIRSH = "virsh"
CONNECTIONS = ("qemu:///system", "qemu:///session")
ANSWER_S = 15.0
OFF = ("shut off", "crashed")
PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Told:
    """`state`: of a domain that runs, or might go on, and who says so; empty: nobody does."""

    state: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()  # what else is to be known before the partition is activated


def ask(uuid: str) -> Told:
    """Never raises: who can't be asked is a note. It is by the UUID that a renamed domain is found."""
    if pid := _process_of(uuid):
        return Told("running", f"its process {pid}")
    notes: list[str] = []
    for connection in CONNECTIONS:
        said = _ask_libvirt(connection, uuid, notes)
        state = said.get("State", "")
        if state and state not in OFF:
            return Told(state, f"virsh ({connection})")
        if said:
            notes += _notes_of(said, connection)
    return Told(notes=tuple(notes))


def _process_of(uuid: str) -> int | None:
    """Of a QEMU that was started with this UUID, whoever did so; arguments of others can be read unless hidden."""
    wanted = [b"-uuid", uuid.encode()]
    for folder in PROCESSES.glob("[0-9]*"):
        with suppress(OSError):
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
            if wanted in (arguments[index : index + 2] for index in range(len(arguments))):
                return int(folder.name)
    return None


def _ask_libvirt(connection: str, uuid: str, notes: list[str]) -> dict[str, str]:
    """What `virsh dominfo` says, by its labels; nothing of a domain that is not there, or where nobody answers."""
    command = [VIRSH, "--connect", connection, "dominfo", uuid]
    english = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ANSWER_S, check=False, env=english, errors="replace"
        )
    except FileNotFoundError:
        note = f"There is no {VIRSH} here, so libvirt was not asked whether the domain runs."
        notes += [] if note in notes else [note]
        return {}
    except (OSError, subprocess.TimeoutExpired) as exc:
        notes.append(f"{VIRSH} ({connection}) could not be asked whether the domain runs: {exc}.")
        return {}
    if done.returncode:
        if "failed to get domain" not in done.stderr:
            reason = done.stderr.strip().partition("\n")[0][:200] or f"it ended with {done.returncode}"
            notes.append(f"{VIRSH} ({connection}) could not say whether the domain runs: {reason}.")
        return {}
    pairs = (line.partition(":") for line in done.stdout.splitlines())
    return {name.strip(): value.strip() for name, _colon, value in pairs}


def _notes_of(said: dict[str, str], connection: str) -> list[str]:
    notes = [
        f"libvirt ({connection}) still has the domain, and nothing here keeps it from being started there: take it "
        "away by `virsh undefine --keep-nvram` before the partition is activated."
    ]
    if said.get("Autostart") == "enable":
        notes.append("libvirt starts it by itself with the server: `virsh autostart --disable`.")
    if said.get("Managed save") == "yes":
        notes.append(
            "libvirt keeps a saved memory image of it, which would go on with disks that have changed since: start "
            "it there and shut it down properly, or give the image up by `virsh managedsave-remove`."
        )
    return notes
