"""The console's end of VMC, VASI and VT: one connection for each call."""

import contextlib
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

from ivmweb.common.errors import HypervisorError, catalogue
from ivmweb.common.fault_points import reached
from ivmweb.hypervisor import messages  # noqa: F401  (registers the texts of our errors)
from ivmweb.hypervisor.base import (
    Definition,
    Digest,
    Fence,
    FoundLun,
    LunFacts,
    LunList,
    LunReference,
    NextStep,
    OwnerWord,
    PartitionFacts,
    ReferenceCode,
    ShutdownKind,
    SystemFacts,
    TransferStatus,
)
from ivmweb.hypervisor.vmc.codec import MAX_ANSWER_BYTES, Malformed, from_json, read_line, send_line, to_json

ANSWER_TIMEOUT_S = 20.0
IN_A_TRANSACTION_S = 3.0  # asked in one: others wait for it, and a database ends one that stands still (database.py)
STREAM_TIMEOUT_S = 60.0
LUNS_IN_A_REQUEST = 64
LIST_S = 8.0  # for a portion; who looks for LUNs every half minute must not wait for longer


class VmcClient:
    """docs/hypervisor.md; `Hypervisor` in base.py is the contract."""

    def __init__(self, socket_path: Path, host: str = "this system") -> None:
        self._path, self._host = socket_path, host

    def describe_system(self) -> SystemFacts:
        answer: SystemFacts = self._ask(SystemFacts, "describe_system")
        return answer

    def bridge(self, vlan_ids: tuple[int, ...]) -> None:
        self.tell("bridge", vlan_ids=vlan_ids)

    def describe(self, lpar_id: int) -> PartitionFacts | None:
        answer: PartitionFacts | None = self._ask(PartitionFacts | None, "describe", lpar_id=lpar_id)
        return answer

    def create(self, definition: Definition, fence: Fence) -> None:
        self.tell("create", definition=definition, fence=fence)

    def change_luns(self, definition: Definition, dropped: tuple[LunReference, ...], fence: Fence) -> None:
        extra_s = IN_A_TRANSACTION_S - ANSWER_TIMEOUT_S
        self.tell("change_luns", extra_s, definition=definition, dropped=dropped, fence=fence)

    def change_drives(self, definition: Definition, fence: Fence, *, force: bool) -> None:
        extra_s = IN_A_TRANSACTION_S - ANSWER_TIMEOUT_S
        self.tell("change_drives", extra_s, definition=definition, force=force, fence=fence)

    def create_incoming(self, definition: Definition, fence: Fence) -> None:
        self.tell("create_incoming", definition=definition, fence=fence)

    def remove(self, lpar_id: int, fence: Fence) -> None:
        self.tell("remove", lpar_id=lpar_id, fence=fence)

    def activate(self, lpar_id: int, fence: Fence) -> None:
        self.tell("activate", lpar_id=lpar_id, fence=fence)

    def shut_down(self, lpar_id: int, kind: ShutdownKind, fence: Fence, *, restart: bool = False) -> None:
        self.tell("shut_down", lpar_id=lpar_id, kind=kind, fence=fence, restart=restart)

    def resume(self, lpar_id: int, fence: Fence) -> None:
        self.tell("resume", lpar_id=lpar_id, fence=fence)

    def discard(self, lpar_id: int, fence: Fence) -> None:
        self.tell("discard", lpar_id=lpar_id, fence=fence)

    def set_workload(self, lpar_id: int, bytes_per_s: int, fence: Fence) -> None:
        self.tell("set_workload", lpar_id=lpar_id, bytes_per_s=bytes_per_s, fence=fence)

    def reset_heartbeat_gap(self, lpar_id: int) -> None:
        self.tell("reset_heartbeat_gap", lpar_id=lpar_id)

    def prepare_for_migration(self, lpar_id: int, timeout_s: float) -> None:
        self.tell("prepare_for_migration", timeout_s, lpar_id=lpar_id, timeout_s=float(timeout_s))

    def reference_codes(self, lpar_id: int, count: int) -> list[ReferenceCode]:
        answer: list[ReferenceCode] = self._ask(list[ReferenceCode], "reference_codes", lpar_id=lpar_id, count=count)
        return answer

    def open_state_out(self, lpar_id: int, fence: Fence, *, may_throttle: bool = False) -> socket.socket:
        return self._open("open_state_out", lpar_id=lpar_id, fence=fence, may_throttle=may_throttle)

    def open_state_in(self, lpar_id: int, fence: Fence) -> socket.socket:
        return self._open("open_state_in", lpar_id=lpar_id, fence=fence)

    def wait_transfer(self, lpar_id: int, after_sequence: int, timeout_s: float) -> TransferStatus:
        arguments = {"lpar_id": lpar_id, "after_sequence": after_sequence, "timeout_s": float(timeout_s)}
        answer: TransferStatus = self._ask(TransferStatus, "wait_transfer", timeout_s, **arguments)
        return answer

    def continue_transfer(self, lpar_id: int, step: NextStep, fence: Fence, suspend_at_bytes: int = 0) -> None:
        arguments = {"lpar_id": lpar_id, "step": step, "fence": fence, "suspend_at_bytes": suspend_at_bytes}
        self.tell("continue_transfer", **arguments)

    def throttle(self, lpar_id: int, percent: int, fence: Fence) -> None:
        self.tell("throttle", lpar_id=lpar_id, percent=percent, fence=fence)

    def cancel_transfer(self, lpar_id: int, fence: Fence) -> None:
        self.tell("cancel_transfer", lpar_id=lpar_id, fence=fence)

    def digest(self, lpar_id: int, migration_id: str) -> Digest | None:
        answer: Digest | None = self._ask(Digest | None, "digest", lpar_id=lpar_id, migration_id=migration_id)
        return answer

    def owner_words(self, lpar_id: int) -> tuple[OwnerWord, ...]:
        answer: tuple[OwnerWord, ...] = self._ask(tuple[OwnerWord, ...], "owner_words", lpar_id=lpar_id)
        return answer

    def look_at_luns(self, luns: tuple[LunReference, ...]) -> tuple[LunFacts, ...]:
        """In portions, since a request is one line of bounded length."""
        found: list[LunFacts] = []
        for begin in range(0, len(luns), LUNS_IN_A_REQUEST):
            portion = luns[begin : begin + LUNS_IN_A_REQUEST]
            found += self._ask(tuple[LunFacts, ...], "look_at_luns", luns=portion)
        return tuple(found)

    def list_luns(self) -> LunList:
        found = LunList()
        while True:
            more: LunList = self._ask(LunList, "list_luns", LIST_S - ANSWER_TIMEOUT_S, after=found.next)
            found = replace(more, luns=found.luns + more.luns)
            if not found.next:
                return found

    def init_lun(self, path: str, *, force: bool = False) -> FoundLun:
        answer: FoundLun = self._ask(FoundLun, "init_lun", path=path, force=force)
        return answer

    def mark_luns(self, lpar_id: int, fence: Fence) -> None:
        self.tell("mark_luns", lpar_id=lpar_id, fence=fence)

    def change_owner_words(self, lpar_id: int, expected: OwnerWord, new: OwnerWord, fence: Fence) -> None:
        self.tell("change_owner_words", lpar_id=lpar_id, expected=expected, new=new, fence=fence)

    def create_volume(self, name: str, unique_id: str, size_mb: int) -> str:
        extra_s = IN_A_TRANSACTION_S - ANSWER_TIMEOUT_S
        answer: str = self._ask(str, "create_volume", extra_s, name=name, unique_id=unique_id, size_mb=size_mb)
        return answer

    def remove_volume(self, unique_id: str, path: str) -> None:
        self.tell("remove_volume", unique_id=unique_id, path=path)

    def open_console(self, lpar_id: int) -> socket.socket:
        connection = self._open("open_console", lpar_id=lpar_id)
        connection.settimeout(None)  # a console may be silent for days
        return connection

    def close_console(self, lpar_id: int) -> bool:
        answer: bool = self._ask(bool, "close_console", lpar_id=lpar_id)
        return answer

    def tell(self, command: str, extra_s: float = 0, /, **arguments: Any) -> None:
        self._ask(None, command, extra_s, **arguments)

    def _ask(self, expected: Any, command: str, extra_s: float = 0, /, **arguments: Any) -> Any:
        """The answer; `extra_s` is how long the command itself may take, beyond the usual time-out."""
        try:
            with self._connect(ANSWER_TIMEOUT_S + extra_s) as connection:
                answer = self._converse(connection, command, arguments)
            return None if expected is None else from_json(expected, answer, "answer")
        except (OSError, Malformed) as exc:
            raise self._unreachable(exc) from exc

    def _open(self, command: str, /, **arguments: Any) -> socket.socket:
        connection = None
        try:
            connection = self._connect(ANSWER_TIMEOUT_S)
            self._converse(connection, command, arguments)
        except (OSError, Malformed) as exc:
            if connection:
                connection.close()
            raise self._unreachable(exc) from exc
        except HypervisorError:
            if connection:
                connection.close()
            raise
        connection.settimeout(STREAM_TIMEOUT_S)
        return connection

    def _connect(self, timeout_s: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        return connection

    def _converse(self, connection: socket.socket, command: str, arguments: dict[str, Any]) -> Any:
        """Between two fault points where it is a migration's command that changes something."""
        fence = arguments.get("fence")
        if fence is None or not fence.migration_id:
            return self._exchange(connection, command, arguments)
        reached("command", command, "before")
        answer = self._exchange(connection, command, arguments)
        reached("command", command, "after")
        return answer

    def _exchange(self, connection: socket.socket, command: str, arguments: dict[str, Any]) -> Any:
        request = {key: to_json(value) for key, value in arguments.items()}
        with contextlib.suppress(BrokenPipeError):  # a busy hypervisor answers and hangs up before it has read
            send_line(connection, {"command": command, **request})
        answer = read_line(connection, MAX_ANSWER_BYTES)
        if not isinstance(answer, dict):
            raise Malformed("no answer came")
        if "error" in answer:
            raise _error(command, answer["error"])
        return answer.get("ok")

    def _unreachable(self, exc: Exception) -> HypervisorError:
        reason = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
        return HypervisorError("hypervisor-unreachable", host=self._host, socket=str(self._path), reason=reason)


def _error(command: str, error: Any) -> HypervisorError:
    key, params = error.get("key"), error.get("params")
    if key not in catalogue() or not isinstance(params, dict):
        return HypervisorError("hypervisor-refused", command=command, reason=str(error)[:200])
    return HypervisorError(key, **params)
