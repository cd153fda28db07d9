"""`itm export` on a journal that a writer left."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pytest

from collectors.journal import JournalWriter
from collectors.segments import segment_path
from itm.__main__ import main
from itm.cli.export import moment
from tests.collectors.observed import observed

HEADER = "time,network,pop,metric,value,source,coarse"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with a measurement of a second ago, and one that is eight days old."""
    writer = JournalWriter(tmp_path / "journal", segment_bytes=1)
    for pop, age in (("old", 8 * 86_400), ("new", 1), ("other", 1)):
        writer.append(observed([7], pop=pop, time=time.time() - age))
        writer.flush()
    writer.close()
    return tmp_path


def export(state: Path, *words: str) -> int:
    return main(["export", "--set", f"state={state}", *words])


def pops(text: str) -> list[str]:
    lines = text.splitlines()
    assert lines.pop(0) == HEADER
    return [line.split(",")[2] for line in lines]


def test_the_last_seven_days_are_written(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To standard output if no file is named; how many there were goes to stderr."""
    assert export(state) == 0
    told = capsys.readouterr()
    assert pops(told.out) == ["new", "other"]
    assert told.err == "2 measurements\n"


def test_what_is_meant_can_be_chosen(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By time, as a duration ago or ISO 8601, and by POP."""
    for words, expected in (
        (("--since", "9d"), ["old", "new", "other"]),
        (("--since", "9d", "--until", "1d"), ["old"]),
        (("--since", "2001-01-01T00:00:00Z", "--pop", "old", "--pop", "new"), ["old", "new"]),
        (("--until", "2001-01-01T00:00:00Z"), []),
    ):
        assert export(state, *words) == 0
        assert pops(capsys.readouterr().out) == expected


def test_a_file_is_whole_or_not_there(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It takes the place of the one before at the end; nothing else is left beside it."""
    folder = state / "out"
    folder.mkdir()
    assert export(state, "-o", str(folder / "x.csv")) == 0
    assert pops((folder / "x.csv").read_text()) == ["new", "other"]
    assert [path.name for path in folder.iterdir()] == ["x.csv"]
    assert export(state, "-o", str(state / "gone" / "x.csv")) == 2
    assert "itm: --output: " in capsys.readouterr().err


def test_damage_is_told(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What can be read is exported, and the status is 1."""
    segment_path(state / "journal", 2).write_bytes(b"broken" * 9)
    assert export(state) == 1
    told = capsys.readouterr()
    assert pops(told.out) == ["other"]
    assert told.err.splitlines()[-1] == (
        "1 journal files are damaged, 0 were pruned meanwhile; the rest is exported"
    )


def test_mistakes_are_named(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No journal, Parquet to a terminal, a time without its offset."""
    assert export(state / "gone") == 2
    assert f"itm: {state}/gone/journal: no journal there" in capsys.readouterr().err
    assert export(state, "--format", "parquet") == 2
    assert capsys.readouterr().err == "itm: --output: Parquet needs a file\n"
    with pytest.raises(argparse.ArgumentTypeError, match="expected an offset, as in 2026-01-01T00:00Z"):
        moment("2026-01-01T00:00")
    with pytest.raises(argparse.ArgumentTypeError, match="expected a duration"):
        moment("yesterday")
