"""Ready is what the POPs' own metrics say; what may be typed then is made of real commands."""

from __future__ import annotations

import json
import re
import shlex
import stat
import sys
from pathlib import Path

import pytest

from gateway.__main__ import _parser
from gateway.demo import ready
from gateway.demo.plan import Plan


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ("gateway_pop_connectors 1\ngateway_pop_signal_standing 1\n", True),
        ("gateway_pop_connectors 0\ngateway_pop_signal_standing 1\n", False),
        ("gateway_pop_connectors 1\ngateway_pop_signal_standing 0\n", False),
        ("", False),
    ],
)
def test_a_pop_needs_its_connector_and_its_broker(metrics: str, expected: bool) -> None:
    """Either alone carries no session."""
    assert ready.carries_sessions(metrics) is expected


def test_the_greeting_is_made_of_commands(tmp_path: Path) -> None:
    """Every `itm-gateway` call in it parses with the command's own parser; paths are short."""
    state = tmp_path / "a b" / "gateway"
    text = ready.greeting(Plan(state), ".venv/bin/itm-gateway", tmp_path / "a b", "a word")
    assert "its user is demo, the password a word." in text
    calls = re.findall(r"\.venv/bin/itm-gateway ([^|\n]+)", text)
    assert [call.split()[0] for call in calls] == ["launch-file", "launch", "launch-file", "launch", "trace"]
    for call in calls:
        words = shlex.split(call)
        assert _parser(words[:1]).parse_args(words)
    assert "kill -9 $(cat gateway/pop-a.pid)" in text
    assert str(tmp_path) not in text


def test_a_parent_can_tell_whose_word_it_is(tmp_path: Path) -> None:
    """Text and pid, in one file."""
    ready.announce(Plan(tmp_path), "try this", 42)
    file = tmp_path / ready.READY_FILE
    assert json.loads(file.read_text()) == {"pid": 42, "text": "try this"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "the text has a password"


def test_the_program_is_named_as_the_reader_calls_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script of the same environment when there is one, else the module."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    assert ready.program_name(tmp_path).endswith("python -m gateway")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "itm-gateway").touch()
    assert ready.program_name(tmp_path) == ".venv/bin/itm-gateway"
    assert ready.program_name(Path("/nowhere")) == str(tmp_path / ".venv/bin/itm-gateway")
