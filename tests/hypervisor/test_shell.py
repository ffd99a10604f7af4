import pytest

from ivmweb.hypervisor.simulated.shell import MAX_LINE, Shell, uptime_text
from tests.hypervisor.conftest import LOGIN, RUNNING_FACTS

NOW = 1480997665.0  # Tue Dec  6 04:14:25 UTC 2016


def typed(shell, keys):
    return shell.feed(keys, RUNNING_FACTS, NOW)


@pytest.fixture
def shell():
    """With root logged in."""
    shell = Shell()
    typed(shell, b"root\r")
    return shell


def test_only_root_logs_in_and_is_asked_for_no_password():
    shell = Shell()
    assert shell.prompt("uli13lp1") == LOGIN
    assert typed(shell, b"padmin\r") == f"padmin\r\nLogin incorrect\r\n{LOGIN}"
    assert typed(shell, b"root\r").startswith("root\r\nCommands: ")
    assert shell.prompt("uli13lp1") == "# "


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("hostname", "uli13lp1"),
        ("uname", "Linux"),
        ("uname  -a ", "Linux uli13lp1 simulated ppc64"),
        ("date", "Tue Dec  6 04:14:25 UTC 2016"),
        ("uptime", "up  3:07"),
        ("records", "12"),
        ("heartbeat", "4711"),
        ("uname -r", "sh: uname: bad arguments"),
        ("xyz -a", "sh: xyz: command not found"),
        ("help", "Commands: date, heartbeat, hostname, records, uname, uname -a, uptime, help, exit"),
    ],
)
def test_command_is_echoed_and_answered(shell, line, answer):
    assert typed(shell, line.encode() + b"\r") == f"{line}\r\n{answer}\r\n# "


@pytest.mark.parametrize(
    ("uptime_s", "text"),
    [
        (59, "up 0 min"),
        (60 * 59, "up 59 min"),
        (3600, "up  1:00"),
        (86400, "up 1 day, 0 min"),
        (24 * 86400 + 20460, "up 24 days,  5:41"),
    ],
)
def test_uptime_is_said_as_linux_says_it(uptime_s, text):
    assert uptime_text(uptime_s) == text


@pytest.mark.parametrize("end", [b"exit\r", b"\x04"])
def test_session_ends_with_exit_and_end_of_file(shell, end):
    assert typed(shell, end).endswith(LOGIN)
    assert "not found" not in typed(shell, b"root\r")


def test_carriage_return_line_feed_or_both_end_a_line(shell):
    assert typed(shell, b"\r") == typed(shell, b"\r\n") == typed(shell, b"\n") == "\r\n# "
    assert typed(shell, b"uname\r") + typed(shell, b"\nuname\n") == "uname\r\nLinux\r\n# " * 2


def test_backspace_takes_back_what_is_there_and_no_more(shell):
    assert typed(shell, b"x\x7f\b") == "x\b \b\a"
    assert typed(shell, b"unx\bame\r").endswith("\r\nLinux\r\n# ")


def test_control_c_drops_the_line_and_end_of_file_does_not(shell):
    assert typed(shell, b"xyz\x04") == "xyz\a"
    assert typed(shell, b"\x03\r") == "^C\r\n# \r\n# "


@pytest.mark.parametrize("key", [b"\x1b[A", b"\x1bOP", b"\x1b[15~", b"\x1b[1;5C", b"\x1bx"])
def test_arrows_and_function_keys_do_nothing(shell, key):
    assert "".join(typed(shell, bytes([part])) for part in key) == ""
    assert typed(shell, b"uname\r") == "uname\r\nLinux\r\n# "


def test_escape_sequence_without_end_is_broken_off_by_a_control_character(shell):
    assert typed(shell, b"\x1b[" + b"1" * 10_000 + b"\r") == "\r\n# "


def test_line_is_bounded_and_what_is_beyond_rings_the_bell(shell):
    assert typed(shell, b"x" * (MAX_LINE + 2)) == "x" * MAX_LINE + "\a\a"
    assert typed(shell, b"\r") == f"\r\nsh: {'x' * MAX_LINE}: command not found\r\n# "


def test_nothing_is_echoed_that_could_steer_a_terminal(shell):
    every_byte = bytes(range(256))
    shown = typed(shell, every_byte + every_byte[::-1])
    assert set(shown) <= {chr(code) for code in range(32, 127)} | set("\r\n\a\b")


def test_partition_name_can_not_steer_a_terminal():
    assert Shell().prompt("lp\x1b[2J\u202e") == "lp?[2J? login: "
