"""What a mover raises beside HypervisorError. Whatever it raises, it has closed the streams before."""

from ivmweb.common.errors import OperationFailed, PeerError
from migration.mover import messages  # noqa: F401 (registers the texts)


def called(lpar_id: int) -> str:
    """As messages of the mover call a partition, of which it knows no more; who catches them may know its name."""
    return f"ID {lpar_id}"


class Stopped(OperationFailed):
    """`should_stop` said so. The caller decides what to do with the partition."""

    def __init__(self, lpar_id: int, sent_bytes: int) -> None:
        super().__init__("mover-stopped", partition=called(lpar_id), sent_mb=round(sent_bytes / 2**20, 2))


class LinkLost(PeerError):
    """The connection to the other mover broke.

    `completed` is true where the source's own hypervisor already holds a parked, complete partition.
    """

    def __init__(self, lpar_id: int, reason: str, *, completed: bool = False) -> None:
        self.completed = completed
        key = "mover-link-lost-completed" if completed else "mover-link-lost"
        super().__init__(key, permanent=False, partition=called(lpar_id), reason=reason)


class NotConverging(OperationFailed):
    """The partition writes faster than the link carries."""


class DestinationFailed(OperationFailed):
    """The destination said in words why it gave up; `remote_code` is the code it gave."""

    def __init__(self, lpar_id: int, remote_code: str, text: str) -> None:
        self.remote_code = remote_code
        super().__init__("mover-destination-failed", partition=called(lpar_id), reason=f"[{remote_code}] {text}")


class StreamFailed(OperationFailed):
    """This side's hypervisor ended the stream, with its reason."""

    def __init__(self, lpar_id: int, reason: str) -> None:
        super().__init__("mover-stream-failed", partition=called(lpar_id), reason=reason or "no reason given")


class Refused(PeerError):
    """The other end is not this migration's mover; trying again can't help."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__("mover-refused", permanent=True, host=host, port=port, reason=reason)
