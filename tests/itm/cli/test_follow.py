"""Following a file: what is sent, kept and told when the server comes and goes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from itm.__main__ import main
from itm.cli.follow import FIRST_PAUSE_SECONDS, POLL_SECONDS, Follower, Pace
from itm.errors import Refused
from tests.itm.cli.ops_server import serving

AWAY = Refused(503, "no answer")


class FakeOps:
    """Takes feeds, or raises what stands in `faults` first."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.bodies: list[bytes] = []
        self.paths: list[str] = []

    def send(self, method: str, path: str, body: bytes, content_type: str) -> Any:
        self.paths.append(path)
        if self.faults:
            raise self.faults.pop(0)
        self.bodies.append(body)
        refused = [n for n, line in enumerate(body.splitlines(), start=1) if line == b"bad"]
        reasons = [{"line": n, "code": "not_csv", "text": "1 field"} for n in refused]
        lines = len(body.splitlines()) - len(refused)
        return {"accepted": lines, "loads": 0, "refused": len(refused), "reasons": reasons}


class Bench:
    """A follower with a clock that its waits move; it stops after `turns` waits."""

    def __init__(self, folder: Path, *faults: Exception) -> None:
        self.path, self.position = folder / "rows", folder / "rows.position"
        self.ops, self.now, self.told = FakeOps(*faults), 0.0, list[str]()
        self.waits: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def run(self, turns: int, rows: int = 10, seconds: float = 1.0) -> Follower:
        def wait(pause: float) -> bool:
            if pause:
                self.waits.append(pause)
                self.now += pause
                self.meanwhile()
            return len(self.waits) >= turns

        self.waits.clear()
        follower = Follower(
            self.path, self.position, self.ops, Pace(rows, seconds),
            wait=wait, tell=self.told.append, clock=lambda: self.now,
        )  # fmt: skip
        follower.run()
        return follower

    def add(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)


def test_a_batch_waits_for_others_but_not_for_long(tmp_path: Path) -> None:
    """A full one goes at once, one that is not after `seconds`."""
    bench = Bench(tmp_path)
    bench.add(b"1\n2\n3\n")
    bench.run(turns=3, rows=2)
    assert bench.ops.bodies == [b"1\n2\n"]
    bench.run(turns=5, rows=2)
    assert bench.ops.bodies == [b"1\n2\n", b"3\n"]
    assert set(bench.waits) == {POLL_SECONDS}


def test_a_server_that_is_away_is_waited_for(tmp_path: Path) -> None:
    """Longer each time, told once; then the same batch goes, under the same name."""
    bench = Bench(tmp_path, AWAY, Refused(502, "?"), Refused(429, "slow down"))
    bench.add(b"1\n2\n")
    totals = bench.run(turns=4, rows=1).totals
    first = FIRST_PAUSE_SECONDS
    assert bench.waits[:3] == [first, 2 * first, 4 * first]
    assert bench.told == ["waiting for the server: no answer", "the server is back"]
    assert bench.ops.bodies == [b"1\n", b"2\n"]
    assert len(set(bench.ops.paths[:4])) == 1
    assert totals == {"accepted": 2, "loads": 0, "refused": 0}


def test_a_server_that_wants_no_feed_ends_it(tmp_path: Path) -> None:
    """A wrong token is for people; nothing is lost, and the next run sends the same."""
    bench = Bench(tmp_path, Refused(401, "no such token"))
    bench.add(b"1\n")
    with pytest.raises(Refused, match="no such token"):
        bench.run(turns=9, rows=1)
    bench.run(turns=1, rows=1)
    assert bench.ops.bodies == [b"1\n"]
    assert bench.ops.paths[0] == bench.ops.paths[1]


def test_told_to_stop_it_ends_in_a_pause(tmp_path: Path) -> None:
    """What is not taken stays for the next run."""
    bench = Bench(tmp_path, *[AWAY] * 9)
    bench.add(b"1\n")
    bench.run(turns=2, rows=1)
    bench.ops.faults.clear()
    bench.run(turns=1, rows=1)
    assert bench.ops.bodies == [b"1\n"]


def test_the_position_is_kept_before_and_after(tmp_path: Path) -> None:
    """Before a batch goes: what was begun; after: what is done."""
    bench, seen = Bench(tmp_path), []
    bench.add(b"1\n22\n")
    send = bench.ops.send

    def look(*words: Any) -> Any:
        seen.append(json.loads(bench.position.read_text()))
        return send(*words)

    bench.ops.send = look  # type: ignore[method-assign]
    bench.run(turns=1, rows=1)
    seen.append(json.loads(bench.position.read_text()))
    assert [(mark["offset"], mark["until"]) for mark in seen] == [(0, 2), (2, 5), (5, 0)]


def test_refused_rows_are_told_with_their_line(tmp_path: Path) -> None:
    """The file's line, in whatever batch it was."""
    bench = Bench(tmp_path)
    bench.add(b"pop,metric\n1\nbad\n3\nbad\n")
    totals = bench.run(turns=1, rows=2).totals
    bench.run(turns=9, rows=2)
    assert bench.told == [f"{bench.path}:3: 1 field", f"{bench.path}:5: 1 field"]
    assert totals["refused"] == 1


def test_the_command_follows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its answers are of the server, its options are checked."""
    path = tmp_path / "rows"
    path.write_bytes(b"1\n")
    (tmp_path / "ops.token").write_text("itm_t")
    before = set(threading.enumerate())  # other tests of this process may have left some
    with serving({}) as ops:  # 404: a server that is not ours
        words = ["feed", str(path), "--follow", "--server", ops.url, "--set", f"state={tmp_path}"]
        assert main([*words, "--batch-rows", "1"]) == 2
        assert capsys.readouterr().err == "itm: no such thing\n"
        assert ops.asked[0].path.startswith("/api/v1/feed?batch=")
    assert main([*words, "--shift-to-now"]) == 2
    assert "--follow: takes a file by its name" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*words, "--batch-rows", "0"])
    assert set(threading.enumerate()) <= before
