"""Syntax of a command, in words."""

from ivmweb.cli.command import Command
from ivmweb.cli.options import HELP


def usage(command: Command) -> str:
    lines = [f"Usage: {line}" if not number else f"       {line}" for number, line in enumerate(syntax(command))]
    lines += ["", f"{command.summary}."]
    described = [(option.in_words, option.help) for option in (*command.options, HELP)]
    width = max(len(words) for words, _help in described)
    width = min(width, 32)
    lines += ["", *(f"  {words:<{width}}  {text}".rstrip() for words, text in described)]
    return "".join(f"{line}\n" for line in lines)


def syntax(command: Command) -> tuple[str, ...]:
    if command.syntax:
        return command.syntax
    words = [command.name, *(f"[{option.in_words}]" for option in command.options)]
    return (" ".join([*words, command.operand_in_words] if command.operand else words),)
