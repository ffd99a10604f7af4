"""docs/cli.md says what there is, and what it names beside each command is there."""

import re

import pytest

from ivmweb.api.urls import api
from ivmweb.cli.commands import ALL
from ivmweb.cli.help import usage
from ivmweb.documents import COMMANDS, WITHOUT_COMMAND
from tools.paths import ROOT


def test_a_command_has_one_name():
    assert len({command.name for command in ALL}) == len(ALL)
    assert COMMANDS is ALL


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.name)
def test_the_api_calls_beside_a_command_exist(command):
    paths = api.get_openapi_schema()["paths"]
    for call in filter(None, command.api.split("; ")):
        method, path = call.split()
        assert method.lower() in paths[path]


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.name)
def test_every_option_is_in_the_usage(command):
    text = usage(command)
    assert text.startswith(f"Usage: {command.name}")
    assert all(option.name in text and option.help for option in command.options)


def test_every_call_of_the_api_stands_beside_a_command_or_is_told_to_have_none():
    table = re.findall(
        r"^\| `((?:GET|POST|PATCH|DELETE)) ([^`]*)` \|", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE
    )
    calls = {f"{method} /api/v1/{path}" for method, path in table}
    beside = {call for command in ALL for call in command.api.split("; ") if call}
    assert calls - beside == WITHOUT_COMMAND.keys()
    assert len(calls) > 20
