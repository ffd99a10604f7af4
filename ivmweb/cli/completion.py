"""What Tab makes of a line: commands, options, their values, partitions, devices, consoles and their systems."""

from collections.abc import Iterable

from ivmweb.cli.command import Command, Option
from ivmweb.cli.devices import device_names, natural
from ivmweb.cli.options import HELP
from ivmweb.cli.shell import PREFIX, PREFIXES, commands
from ivmweb.system.models import LogicalPartition
from migration.models import RemoteSystem

SEPARATORS = frozenset({";", "&&", "||", "|"})
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

    def learn(self) -> None:
        self.partitions = list(LogicalPartition.objects.values_list("name", "lpar_id"))
        self.remotes = list(RemoteSystem.objects.known().values_list("name", "system_name"))
        self.devices = device_names()

    def complete(self, line: str, position: int) -> tuple[str, int] | bool:
        """The line with as much more as is certain, and where the cursor is then; False: the bell."""
        before, after = line[:position], line[position:]
        started = self.parts(before)[1]
        fitting = sorted(self.fitting(line, position))
        if not fitting:
            return False
        common = shared_beginning(fitting[0], fitting[-1])
        ending = " " if len(fitting) == 1 else ""
        if common == started and not ending:
            return False
        made = before[: len(before) - len(started)] + common + ending
        return made + after, len(made)

    def parts(self, before: str) -> tuple[list[str], str]:
        """The words before the cursor, and the one that it is in."""
        words = before.split()
        started = words.pop() if words and not before.endswith((" ", "\t")) else ""
        return words, started

    def fitting(self, line: str, position: int) -> list[str]:
        """All that may stand where the cursor is."""
        words, started = self.parts(line[:position])
        return sorted({one for one in self.candidates(words) if one.startswith(started)}, key=natural)

    def candidates(self, words: list[str]) -> Iterable[str]:
        """What may come after these words."""
        own: list[str] = []
        for word in words:
            own = [] if word in SEPARATORS or word.endswith(";") else [*own, word]
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
        return self.devices if option.value in DEVICES else []

    def operands(self, command: Command) -> list[str]:
        if command.name == "help":
            return list(commands())
        return self.devices if command.operand == "physical-volume" else []
