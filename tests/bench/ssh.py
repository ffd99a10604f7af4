"""OpenSSH's programs: a server of its own at a loopback port, and a client that runs a command on either server."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

from tests.bench.figures import Missing
from tools.console import LOOPBACK

ADMINISTRATORS_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/sbin")  # of sshd; few users have them on their path
SEPARATION_FOLDER = Path("/run/sshd")  # sshd that root starts wants it; a system's service makes it at boot
DEADLINE_S = 120  # of a busy machine
PROGRAMS = ("ssh", "ssh-keygen", "sshd")
INSTALL = (
    "apt-get install openssh-server openssh-client (Debian), dnf install openssh-server openssh-clients (Fedora)"
)


def program(name: str) -> str:
    """Its whole path, which sshd wants to be started by. Raises Missing."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *ADMINISTRATORS_FOLDERS])
    found = shutil.which(name, path=path)
    if found is None:
        raise Missing(f"OpenSSH's {name} is not on this machine; install it: {INSTALL}")
    return found


def make_key(path: Path) -> str:
    """Its public half."""
    subprocess.run(
        [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", str(path)], check=True
    )
    return path.with_suffix(".pub").read_text().strip()


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_it_greets(port: int) -> None:
    """An SSH server says its version first."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=DEADLINE_S) as link:
                if link.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing greets at port {port} after {DEADLINE_S} s")
        time.sleep(0.02)


@contextmanager
def openssh_server(folder: Path, public_key: str) -> Iterator[int]:
    """Its port. With a host key and a configuration for this once; it lets in who runs this, by that key alone."""
    port = free_port()
    make_key(folder / "host_key")
    (folder / "authorized_keys").write_text(f"{public_key}\n")
    options = {
        "ListenAddress": LOOPBACK,
        "Port": port,
        "HostKey": folder / "host_key",
        "AuthorizedKeysFile": folder / "authorized_keys",
        "StrictModes": "no",  # the folder is below /tmp
        "PidFile": "none",
        "UsePAM": "no",
        "UseDNS": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "AllowUsers": getuser(),
        # Else bash, which sshd starts, reads ~/.bashrc: whatever somebody's has in it would be measured with it.
        "SetEnv": "SHLVL=2",
    }
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    if os.geteuid() == 0:
        SEPARATION_FOLDER.mkdir(mode=0o755, exist_ok=True)
    with (folder / "sshd.log").open("w") as log:
        server = subprocess.Popen(
            [program("sshd"), "-D", "-e", "-f", str(folder / "sshd_config")], stdout=log, stderr=log
        )
        try:
            wait_until_it_greets(port)
            yield port
        finally:
            server.terminate()
            server.wait(DEADLINE_S)


@dataclass(frozen=True)
class Client:
    """`ssh` to one server. With `shared`, a socket, its connection stays open for the commands to come."""

    port: int
    user: str
    key: Path
    shared: Path | None = None

    def command(self, *words: str) -> list[str]:
        options = {
            "IdentityFile": self.key,
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "BatchMode": "yes",
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": self.key.with_name("known_hosts"),
            "LogLevel": "ERROR",
            # What both servers have: OpenSSH would choose a dearer one with its own, and be compared by that.
            "KexAlgorithms": "curve25519-sha256",
            "ControlMaster": "auto" if self.shared else "no",
            "ControlPath": self.shared or "none",
            "ControlPersist": "yes" if self.shared else "no",
        }
        given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return [program("ssh"), "-F", "none", *given, "-p", str(self.port), f"{self.user}@{LOOPBACK}", *words]

    def run(self, line: str) -> float:
        """Milliseconds until it has ended. Raises RuntimeError where it fails."""
        command = self.command(line)
        began = time.perf_counter()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        took = 1000 * (time.perf_counter() - began)
        if done.returncode or done.stderr:
            raise RuntimeError(f"{line!r} ended with {done.returncode}: {done.stderr.strip()}")
        return took

    @contextmanager
    def opened(self) -> Iterator["Client"]:
        """Its connection is there from the first command on, and closed at the end."""
        # The one that stays holds its standard error open, so nobody may read that to its end.
        subprocess.run(self.command("hostname"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        try:
            yield self
        finally:
            target = self.command()
            subprocess.run([target[0], "-O", "exit", *target[1:]], capture_output=True, check=False)
