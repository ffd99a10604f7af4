"""The host key of the SSH server: made once, in the console's folder, and the same at every start."""

import os
from pathlib import Path

import asyncssh

ALGORITHM = "ssh-ed25519"


def host_key(path: Path) -> asyncssh.SSHKey:
    """Raises OSError or asyncssh.KeyImportError; two that start at once have the same one."""
    if not path.exists():
        make(path)
    return asyncssh.read_private_key(str(path))


def make(path: Path) -> None:
    new = path.with_suffix(f".{os.getpid()}")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(asyncssh.generate_private_key(ALGORITHM).export_private_key())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(new, path)  # the first one wins
    except FileExistsError:
        pass
    finally:
        new.unlink()
