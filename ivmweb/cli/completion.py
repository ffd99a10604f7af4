"""What Tab makes of a line: commands, options, their values, partitions, devices, consoles and their systems."""

from collections.abc import Iterable

from ivmweb.cli.command import Command, Option
from ivmweb.cli.devices import device_names, natural
from ivmweb.cli.grammar import quoted, unfinished
from ivmweb.cli.options import HELP
from ivmweb.cli.shell import PREFIX, PREFIXES, commands
from ivmweb.system.models import LogicalPartition, ManagedSystem
from migration.models import RemoteSystem

PARTITION_NAMES, PARTITION_IDS = frozenset({"partition-name", "name"}), "partition-ID"  # what options call values
DEVICES = frozenset({"device", "adapter", "backing-device", "physical-volume"})
HOST, SYSTEM, OTHER_SYSTEM = "host", "managed-system", "-t"
MOST_LISTED = 200
USUAL_WIDTH, GAP = 80, 2  # characters


def shared_beginning(first: str, second: str) -> str:
    """Of the first and the last of a sorted list it is that of all."""
    same = next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), None)
    return first[: len(second) if same is None else same]


def in_columns(names: list[str], width: int) -> str:
    """Lines of at most `width` characters (0: not known); the first MOST_LISTED of them."""
    shown, left = names[:MOST_LISTED], len(names) - MOST_LISTED
    column = max(map(len, shown)) + GAP
    each = max(1, ((width or USUAL_WIDTH) + GAP) // column)
    rows = [shown[at : at + each] for at in range(0, len(shown), each)]
    lines = ["".join(name.ljust(column) for name in row).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in [*lines, *([f"and {left} more"] if left > 0 else [])])


class Completion:
    """Names are learned between two commands, so that a key is answered at once."""

    def __init__(self) -> None:
        self.partitions: list[tuple[str, int]] = []  # name, ID
        self.remotes: list[tuple[str, str]] = []  # name, its managed system
        self.devices: list[str] = []
        self.systems: list[str] = []  # this console's

    def learn(self) -> None:
        self.partitions = list(LogicalPartition.objects.values_list("name", "lpar_id"))
        self.remotes = list(RemoteSystem.objects.known().values_list("name", "system_name"))
        self.devices = device_names()
        self.systems = list(ManagedSystem.objects.values_list("name", flat=True))

    def complete(self, line: str, position: int) -> tuple[str, int] | bool:
        """The line with as much more as is certain, and where the cursor is then; False: the bell."""
        before, after = line[:position], line[position:]
        fitting = sorted(self.fitting(line, position))
        parts = unfinished(before)
        if not fitting or parts is None:
            return False
        common = shared_beginning(fitting[0], fitting[-1])
        is_whole = len(fitting) == 1
        if common == parts[1].text and not is_whole:
            return False
        made = before[: parts[1].at] + quoted(common, parts[1].mark, is_whole=is_whole) + " " * is_whole
        return made + after, len(made)

    def fitting(self, line: str, position: int) -> list[str]:
        """All that may stand where the cursor is."""
        parts = unfinished(line[:position])
        if parts is None:
            return []
        words, started = parts
        return sorted({one for one in self.candidates(words) if one.startswith(started.text)}, key=natural)

    def candidates(self, words: list[str]) -> Iterable[str]:
        """What may come after these words."""
        own = list(words)
        if own and own[0] in PREFIXES:
            own.pop(0)
        if not own:
            return [*commands(), PREFIX]
        command = commands().get(own[0])
        return [] if command is None else self.of_command(command, own[-1])

    def of_command(self, command: Command, last: str) -> Iterable[str]:
        option = command.option(last)
        if option is not None and option.choices:
            return option.choices
        if option is not None and option.value:
            return self.values(option)
        return [*(option.name for option in command.options), HELP.name, *self.operands(command)]

    def values(self, option: Option) -> list[str]:
        if option.value in PARTITION_NAMES:
            return [name for name, _lpar_id in self.partitions]
        if option.value == PARTITION_IDS:
            return [str(lpar_id) for _name, lpar_id in self.partitions]
        if option.value == HOST:
            return [name for name, _system in self.remotes]
        if option.value == SYSTEM and option.name == OTHER_SYSTEM:
            return [system for _name, system in self.remotes if system]
        if option.value == SYSTEM:
            return self.systems
        return self.devices if option.value in DEVICES else []

    def operands(self, command: Command) -> list[str]:
        if command.name == "help":
            return list(commands())
        return self.devices if command.operand == "physical-volume" else []
