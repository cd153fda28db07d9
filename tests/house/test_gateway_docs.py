"""docs/gateway-cli.md is true: every command of `itm-gateway`, every option, every default."""

from __future__ import annotations

import argparse
import re

import pytest

from gateway import __main__ as program
from tests.house.test_docs import PAGES, options, page, subparsers

PAGE = "docs/gateway-cli.md"
OF_THE_BROKER = {"state", "set", "tenant"}
"""Options of every command on the broker's state, described once, above all commands."""
OWN_STATE = ("demo", "pop", "connector", "launch", "echo-vda", "trace")


def parser_of(command: str) -> argparse.ArgumentParser:
    return subparsers(program._parser([command]))[command]


def section(command: str) -> str:
    """Return what the page says under one command's heading."""
    found = re.search(rf"^## itm-gateway {re.escape(command)}$(.*?)(?=^## |\Z)", page(PAGE), re.M | re.S)
    assert found, f"{PAGE} has no section for `itm-gateway {command}`"
    return found[1]


def test_no_command_is_made_up() -> None:
    """The page has a section for each command and for nothing else."""
    assert sorted(re.findall(r"^## itm-gateway (.+)$", page(PAGE), re.M)) == sorted(program.COMMANDS)


@pytest.mark.parametrize("command", program.COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    """Each of its actions, each of their options; and no option that it does not have."""
    text, parser = section(command), parser_of(command)
    actions = subparsers(parser)
    assert [name for name in actions if f"`itm-gateway {command} {name}" not in text] == []
    has = options(parser).union(*(options(action) for action in actions.values()))
    wanted = has if command in OWN_STATE else has - OF_THE_BROKER
    assert sorted(option for option in wanted if not re.search(rf"`--{option}\b", text)) == []
    assert set(re.findall(r"^\| (?:`-\w`, )?`--([\w-]+)", text, re.M)) <= has


def test_common_options_are_documented() -> None:
    """The options of the broker's commands stand above the commands."""
    head = page(PAGE).partition("\n## ")[0]
    assert sorted(option for option in OF_THE_BROKER if f"`--{option}" not in head) == []


@pytest.mark.parametrize("command", program.COMMANDS)
def test_defaults_are_the_real_ones(command: str) -> None:
    """A default that an option has stands in its row."""
    parsers = [parser_of(command), *subparsers(parser_of(command)).values()]
    for action in (action for parser in parsers for action in parser._actions):
        long = [option.removeprefix("--") for option in action.option_strings if option.startswith("--")]
        if not long or not shown(action.default) or (command not in OWN_STATE and long[0] in OF_THE_BROKER):
            continue
        row = re.search(rf"^\| .*`--{long[0]}\b.*$", section(command), re.M)
        assert row, long[0]
        assert re.search(rf"(?<![\w.:]){re.escape(shown(action.default))}(?!\w)", row[0]), row[0]


def shown(default: object) -> str:
    """Return a default as the page writes it, "" for none worth a word."""
    if default in (None, False, "", argparse.SUPPRESS) or isinstance(default, list):
        return ""
    text = f"{default:g}" if isinstance(default, float) else str(default)
    return text.replace("|", "\\|")  # as a table's cell has it


@pytest.mark.parametrize("name", PAGES)
def test_commands_in_the_text_exist(name: str) -> None:
    """Whatever a page tells the reader to type is a command."""
    typed = r"(?:^ +|`|\$ |\| )(?:\.venv/bin/)?itm-gateway ([a-z][a-z-]*)(?: ([a-z]+))?"
    for first, second in re.findall(typed, page(name), re.M):
        pair = f"{first} {second}"
        assert pair in program.COMMANDS or first in program.COMMANDS, f"{name}: itm-gateway {first}"
        actions = subparsers(parser_of(first)) if first in program.COMMANDS else {}
        is_action = not (actions and second) or second in actions or pair in program.COMMANDS
        assert is_action, f"{name}: itm-gateway {pair}"
