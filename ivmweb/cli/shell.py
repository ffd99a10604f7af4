"""Runs a line: finds its commands, passes output on through pipes, tells the status of the last one."""

import logging
from collections.abc import Callable
from functools import cache

from ivmweb.cli import grep, options
from ivmweb.cli.command import FAILURE, SUCCESS, Arguments, Caller, Command, Commands, Interrupted, Io, Leave
from ivmweb.cli.grammar import After, Pipeline, parse, with_status
from ivmweb.cli.help import usage
from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.common.printable import printable

logger = logging.getLogger(__name__)

NOT_FOUND, USAGE, INTERRUPTED = 127, 2, 130
PREFIX = "ioscli"
PREFIXES = frozenset({PREFIX, f"/usr/ios/cli/{PREFIX}"})  # programs that log in as root give the whole path
Write = Callable[[str], None]


@cache
def commands() -> Commands:
    """All by name. Imported here, since help and the shell's own commands want to see them as well."""
    from ivmweb.cli.commands import ALL

    return {command.name: command for command in ALL}


def run_line(line: str, caller: Caller, out: Write, err: Write, status: int = SUCCESS) -> int:
    """The exit status of what ran last. `status`: of the line before, for `$?`."""
    err = in_lines(err)
    try:
        pipelines = parse(line)
    except IvmError as error:
        err(f"{error}\n")
        return USAGE
    for pipeline in pipelines:
        if caller.interrupted.is_set():
            return INTERRUPTED
        if pipeline.when is After.ALWAYS or (status == SUCCESS) is (pipeline.when is After.SUCCESS):
            status = run_pipeline(pipeline, caller, out, err, status)
    return status


def run_pipeline(pipeline: Pipeline, caller: Caller, out: Write, err: Write, status: int) -> int:
    first, *filters = (with_status(words, status) for words in pipeline.commands)
    try:
        if filters:
            check_pipe(first)
        for words in filters:
            check_filter(words)
    except IvmError as error:
        err(f"{error}\n")
        return USAGE
    if not filters:
        return run_command(first, Io(caller, out, err))
    printed: list[str] = []
    status = run_command(first, Io(caller, printed.append, err))
    text = "".join(printed)
    for words in filters:
        try:
            text, status = grep.select(words, text)
        except IvmError as error:
            err(f"{error}\n")
            return USAGE
    out(text)
    return status


def check_pipe(words: list[str]) -> None:
    command = find(words)[0]
    if command is not None and command.converses:
        raise PrerequisiteFailed("cli-not-piped", command=command.name)


def check_filter(words: list[str]) -> None:
    if words[0] not in grep.COMMANDS:
        raise PrerequisiteFailed("cli-into-what", command=words[0][:64], filters=", ".join(grep.COMMANDS))
    grep.read(words)


def run_words(words: list[str], caller: Caller, out: Write, err: Write) -> int:
    """One command, its words apart already, as a program's arguments come."""
    return run_command(words, Io(caller, out, in_lines(err)))


def in_lines(err: Write) -> Write:
    """Whatever a message repeats of what was typed or kept, it is one line, and steers no terminal."""
    return lambda text: err(f"{printable(text.removesuffix(chr(10)))}\n")


def without_settings(words: list[str]) -> list[str]:
    """The command behind `LANG=en_US LC_ALL=en_US`, which have no effect. Raises PrerequisiteFailed for others."""
    for at, word in enumerate(words):
        name, equals, _value = word.partition("=")
        if not equals or not name.isidentifier():
            return words[at:]
        if not is_language(name):
            raise PrerequisiteFailed("cli-not-allowed", what=f"A variable ({name[:64]})")
    return []


def is_language(name: str) -> bool:
    """Old programs set one first. Commands speak English, whatever it says."""
    return name in {"LANG", "LANGUAGE", "TERM", "TZ"} or name.startswith("LC_")


def find(words: list[str]) -> tuple[Command | None, str, list[str]]:
    """The command, what it was called, and the words after that. Raises PrerequisiteFailed for a variable."""
    name, *rest = without_settings(words) or [""]
    if name in PREFIXES and rest:
        name, *rest = rest
    return commands().get(name), name, rest


def run_command(words: list[str], io: Io) -> int:
    try:
        command, name, rest = find(words)
    except IvmError as error:
        io.complain(error)
        return USAGE
    if not name:
        return SUCCESS
    if command is None:
        io.err(f"rksh: {name[:64]}:  not found.\n")
        return NOT_FOUND
    try:
        arguments = options.parse(command, rest)
        if arguments.has(options.HELP.name):
            io.out(usage(command))
            return SUCCESS
    except IvmError as error:
        io.complain(error)
        return FAILURE
    return carry_out(command, arguments, io)


def carry_out(command: Command, arguments: Arguments, io: Io) -> int:
    try:
        return command.run(arguments, io)
    except IvmError as error:
        io.complain(error)
        return FAILURE
    except Interrupted:
        return INTERRUPTED
    except Leave:
        raise
    except Exception:
        logger.exception("command %s of %s", command.name, io.caller.user.get_username())
        io.complain(PrerequisiteFailed("cli-unexpected", command=command.name))
        return FAILURE
