"""Runs commands in this process against a state directory of their own."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.__main__ import main


class Done(NamedTuple):
    """Exit status, product and what people were told."""

    status: int
    out: str
    err: str


Gateway = Callable[..., Done]


@pytest.fixture
def gateway(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """`gateway("location", "create", "x", stdin="…")`."""
    monkeypatch.setenv("ITM_BROKER_STATE", str(tmp_path / "broker"))

    def run(*words: str, stdin: str = "") -> Done:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        status = main(words)
        out, err = capsys.readouterr()
        return Done(status, out, err)

    return run
