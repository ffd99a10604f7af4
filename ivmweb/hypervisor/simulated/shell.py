"""What answers at a simulated partition's console: a line discipline, a log-in and a few commands. Pure."""

import time
from collections.abc import Callable

from ivmweb.hypervisor.base import Definition, PartitionFacts

MAX_LINE = 256
USER = "root"  # asked for no password: who may open the console of a simulated partition may use it
_BELL = "\a"
_CTRL_C, _CTRL_D, _ESCAPE = "\x03", "\x04", "\x1b"

_Command = Callable[[PartitionFacts, float], str]
_COMMANDS: dict[str, _Command] = {
    "date": lambda facts, now: time.strftime("%a %b %e %H:%M:%S UTC %Y", time.gmtime(now)),
    "heartbeat": lambda facts, now: str(facts.heartbeat),
    "hostname": lambda facts, now: _host_name(facts.name),
    "records": lambda facts, now: str(facts.last_record),
    "uname": lambda facts, now: "Linux",
    "uname -a": lambda facts, now: f"Linux {_host_name(facts.name)} simulated ppc64",
    "uptime": lambda facts, now: uptime_text(facts.uptime_s or 0.0),
}
_HELP = ", ".join([*_COMMANDS, "help", "exit"])


class Shell:
    """A session at the console. It takes printable ASCII; what else is typed rings the bell.

    Control characters are never echoed as they came, so nobody can write escape sequences into the output.
    """

    def __init__(self) -> None:
        self._is_logged_in = False
        self._line = ""
        self._is_after_cr = False  # an LF that follows is of the same key
        self._sequence = ""  # how far an escape sequence has come

    def prompt(self, name: str) -> str:
        return "# " if self._is_logged_in else f"{_host_name(name)} login: "

    def feed(self, keys: bytes, facts: PartitionFacts, now: float) -> str:
        """What the screen gets for these keys: their echo, and the answers to the lines that they end."""
        return "".join(self._press(key, facts, now) for key in keys.decode("latin-1"))

    def _press(self, key: str, facts: PartitionFacts, now: float) -> str:
        is_second_half = key == "\n" and self._is_after_cr
        self._is_after_cr = key == "\r"
        if is_second_half or self._is_in_sequence(key):
            return ""
        if key in "\r\n":
            line, self._line = " ".join(self._line.split()), ""
            answer = self._answer(line, facts, now) if line else ""
            return f"\r\n{answer}{self.prompt(facts.name)}"
        if key == _CTRL_C:
            self._line = ""
            return f"^C\r\n{self.prompt(facts.name)}"
        if key == _CTRL_D and not self._line:
            self._is_logged_in = False
            return f"\r\n{self.prompt(facts.name)}"
        return self._edit(key)

    def _is_in_sequence(self, key: str) -> bool:
        """Arrows and function keys send ESC, then [ or O, parameters and a last letter. They do nothing here."""
        before, self._sequence = self._sequence, ""
        if key == _ESCAPE or (before == _ESCAPE and key in "[O"):
            self._sequence = key
            return True
        if not before or key < " ":  # a control character breaks a sequence off
            return False
        if before != _ESCAPE and key < "@":
            self._sequence = before
        return True

    def _edit(self, key: str) -> str:
        if key in "\b\x7f" and self._line:
            self._line = self._line[:-1]
            return "\b \b"
        if " " <= key <= "~" and len(self._line) < MAX_LINE:
            self._line += key
            return key
        return _BELL

    def _answer(self, line: str, facts: PartitionFacts, now: float) -> str:
        if not self._is_logged_in:
            self._is_logged_in = line == USER
            return f"Commands: {_HELP}\r\n" if self._is_logged_in else "Login incorrect\r\n"
        if line == "exit":
            self._is_logged_in = False
            return ""
        return f"{_run(line, facts, now)}\r\n"


def boot_text(definition: Definition) -> str:
    return f"Simulated system: {definition.memory_mb} MB, {definition.virtual_processors} virtual processors"


def uptime_text(uptime_s: float) -> str:
    """As Linux says it: `up 5 min`, `up  3:07`, `up 24 days,  5:41`."""
    days, minutes = divmod(int(uptime_s) // 60, 24 * 60)
    since_midnight = f"{minutes // 60:2}:{minutes % 60:02}" if minutes >= 60 else f"{minutes} min"
    return f"up {days} day{'s' * (days > 1)}, {since_midnight}" if days else f"up {since_midnight}"


def _run(line: str, facts: PartitionFacts, now: float) -> str:
    if line in _COMMANDS:
        return _COMMANDS[line](facts, now)
    if line == "help":
        return f"Commands: {_HELP}"
    word = line.partition(" ")[0]
    problem = "bad arguments" if word in {*_COMMANDS, "help", "exit"} else "command not found"
    return f"sh: {word}: {problem}"


def _host_name(name: str) -> str:
    """A partition's name may be any text; none of it may steer a terminal."""
    return "".join(key if " " <= key <= "~" else "?" for key in name)
