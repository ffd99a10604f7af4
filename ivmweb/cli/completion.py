"""What Tab makes of a line: commands, their options, values that an option takes, partitions and devices."""

from collections.abc import Iterable

from ivmweb.cli.command import Command
from ivmweb.cli.devices import device_names
from ivmweb.cli.options import HELP
from ivmweb.cli.shell import PREFIX, PREFIXES, commands
from ivmweb.system.models import LogicalPartition

SEPARATORS = frozenset({";", "&&", "||", "|"})
OF_PARTITIONS, OF_DEVICES = frozenset({"-p", "-n"}), frozenset({"-dev", "-vadapter", "-vdev", "-vtd", "-parent"})


def shared_beginning(first: str, second: str) -> str:
    """Of the first and the last of a sorted list it is that of all."""
    same = next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), None)
    return first[: len(second) if same is None else same]


class Completion:
    """Names are learned between two commands, so that a key is answered at once."""

    def __init__(self) -> None:
        self.partitions: list[str] = []
        self.devices: list[str] = []

    def learn(self) -> None:
        self.partitions = list(LogicalPartition.objects.values_list("name", flat=True))
        self.devices = device_names()

    def complete(self, line: str, position: int) -> tuple[str, int] | bool:
        """The line with as much more as is certain, and where the cursor is then; False: the bell."""
        before, after = line[:position], line[position:]
        words = before.split()
        started = words.pop() if words and not before.endswith((" ", "\t")) else ""
        fitting = sorted(one for one in set(self.candidates(words)) if one.startswith(started))
        if not fitting:
            return False
        common = shared_beginning(fitting[0], fitting[-1])
        ending = " " if len(fitting) == 1 else ""
        if common == started and not ending:
            return False
        made = before[: len(before) - len(started)] + common + ending
        return made + after, len(made)

    def candidates(self, words: list[str]) -> Iterable[str]:
        """What may come after these words."""
        own: list[str] = []
        for word in words:
            own = [] if word in SEPARATORS else [*own, word]
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
            return self.values(last)
        return [*(option.name for option in command.options), HELP.name, *self.operands(command)]

    def values(self, option: str) -> list[str]:
        if option in OF_PARTITIONS:
            return self.partitions
        return self.devices if option in OF_DEVICES else []

    def operands(self, command: Command) -> list[str]:
        if command.name == "help":
            return list(commands())
        return self.devices if command.operand == "physical-volume" else []
