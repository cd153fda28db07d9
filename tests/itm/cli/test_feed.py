import argparse
import io
from pathlib import Path
from typing import Any

import pytest

from itm.__main__ import main
from itm.cli import feed
from itm.cli.client import OpsClient
from itm.errors import ConfigError
from tests.itm.cli.ops_server import serving


def run(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], *words: str
) -> tuple[int, list[tuple[str, bytes]]]:
    """Run the command against a server that gives `answer`; return its status and what was sent."""
    sent: list[tuple[str, bytes]] = []

    def send(self: OpsClient, method: str, path: str, body: bytes, content_type: str) -> dict[str, Any]:
        sent.append((f"{method} {path}", body))
        return answer

    monkeypatch.setattr(OpsClient, "send", send)
    parser = argparse.ArgumentParser()
    feed.configure(parser)
    return feed.run(parser.parse_args(words)), sent


GOOD = {"accepted": 2, "refused": 0, "reasons": [], "shifted_seconds": 0.0}


def test_a_file_is_sent_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server parses; status 0 when it took every row."""
    file = tmp_path / "rows.csv"
    file.write_bytes(b"1.2.3.0/24,tokyo,rtt_ms,9,1\n")
    assert run(monkeypatch, GOOD, str(file)) == (0, [("POST /api/v1/feed", file.read_bytes())])
    assert capsys.readouterr().out == "2 measurements accepted, 0 refused\n"


def test_refused_rows_are_shown_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a compiler shows errors; status 1."""
    file = tmp_path / "rows.csv"
    file.write_bytes(b"x")
    reasons = [{"line": n, "code": "bad_value", "text": f"wrong {n}"} for n in range(1, 31)]
    answer = {"accepted": 0, "refused": 40, "reasons": reasons, "shifted_seconds": 60.0}
    status, sent = run(monkeypatch, answer, str(file), "--shift-to-now")
    assert (status, sent[0][0]) == (1, "POST /api/v1/feed?shift_to_now=1")
    captured = capsys.readouterr()
    assert captured.err.splitlines()[0] == f"{file}:1: wrong 1"
    assert captured.err.splitlines()[-1] == "... and 20 more"
    assert captured.out == "0 measurements accepted, 40 refused, shifted by 60 s\n"


def test_a_feed_of_which_no_row_is_taken_is_told_line_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server answers 400 then: the same lines and status 1; any other 400 stays one line and status 2."""
    file = tmp_path / "rows.csv"
    file.write_bytes(b"x")
    (tmp_path / "ops.token").write_text("itm_t")
    reasons = [{"line": 3, "code": "unknown_pop", "text": "pop: no POP 'nope'"}]
    answer = {"accepted": 0, "refused": 1, "reasons": reasons, "shifted_seconds": 0.0}
    refusals = [(400, answer), (400, {"error": "shift_to_now: expected 0 or 1, got '2'"})]
    with serving({"POST /api/v1/feed": refusals}) as ops:
        words = ["feed", str(file), "--server", ops.url, "--set", f"state={tmp_path}"]
        assert main(words) == 1
        told = capsys.readouterr()
        assert told.err == f"{file}:3: pop: no POP 'nope'\n"
        assert told.out == "0 measurements accepted, 1 refused\n"
        assert main(words) == 2
        assert capsys.readouterr().err == "itm: shift_to_now: expected 0 or 1, got '2'\n"


def test_standard_input_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads what is piped in."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    assert run(monkeypatch, GOOD, "-")[1] == [("POST /api/v1/feed", b"piped")]


def test_a_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that names it."""
    with pytest.raises(ConfigError, match=r"^/nowhere/rows\.csv: No such file"):
        run(monkeypatch, GOOD, "/nowhere/rows.csv")
