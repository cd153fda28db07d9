import asyncio
import json
from pathlib import Path

import pytest

from collectors.journal import JournalReader, JournalWriter
from itm.ops.api import feed
from tests.itm.ops.harness import Answer, Served, play

FEED = "/api/v1/feed"


def journaled(state: Path) -> list[tuple[bytes, float]]:
    records = JournalReader(state / "journal").read()
    return [(row["pop"], round(float(row["value"]), 3)) for row in records]


def test_a_feed_is_on_disk_when_it_is_answered(tmp_path: Path) -> None:
    """200 means that another process reads the rows from the journal now; refused rows have their lines."""

    async def scenario(served: Served) -> None:
        now = served.clock.now
        body = f"133.11.0.1,tokyo,rtt_ms,12.5,{now - 60}\n133.11.0.0/24,oslo,rtt_ms,9,{now}\nrubbish\n"
        answer = await served.ops("POST", FEED, scope="feed", data=body)
        assert journaled(tmp_path) == [(b"tokyo", 12.5)]
        assert (answer.status, answer.json["accepted"], answer.json["refused"]) == (200, 1, 2)
        assert [(r["line"], r["code"]) for r in answer.json["reasons"]] == [
            (2, "unknown_pop"),
            (3, "not_csv"),
        ]
        counters = served.now.edge.counters
        assert counters.accepted.value(source="feed") == 1
        assert counters.refused.value(source="feed", reason="unknown_pop") == 1

    play(tmp_path, scenario)


def test_old_rows_are_refused_unless_shifted(tmp_path: Path) -> None:
    """A recording from last year feeds a test bench with ?shift_to_now=1."""

    async def scenario(served: Served) -> None:
        row = {
            "network": "133.11.0.0/24",
            "pop": "paris",
            "metric": "rtt_ms",
            "value": 210,
            "time": 1_600_000_000,
        }
        body = json.dumps(row)
        answer = await served.ops("POST", FEED, scope="feed", data=body)
        assert (answer.status, answer.json["reasons"][0]["code"]) == (400, "too_old")
        shifted = await served.ops("POST", FEED + "?shift_to_now=1", scope="feed", data=body)
        assert (shifted.status, shifted.json["shifted_seconds"]) == (200, 100_000_000)
        assert (await served.ops("POST", FEED + "?shift_to_now=yes", scope="feed", data=body)).status == 400

    play(tmp_path, scenario)
    assert journaled(tmp_path) == [(b"paris", 210)]


def test_an_empty_feed_is_no_error(tmp_path: Path) -> None:
    """Nothing sent, nothing refused."""

    async def scenario(served: Served) -> None:
        answer = await served.ops("POST", FEED, scope="feed", data=b"")
        assert (answer.status, answer.json["accepted"], answer.json["refused"]) == (200, 0, 0)

    play(tmp_path, scenario)


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_LINES"])
def test_a_feed_over_a_limit_is_refused_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """413, and nothing of it was taken."""
    monkeypatch.setattr(feed, limit, 99)

    async def scenario(served: Served) -> None:
        body = f"133.11.0.0/24,tokyo,rtt_ms,9,{served.clock.now}\n" * 100
        assert (await served.ops("POST", FEED, scope="feed", data=body)).status == 413

    play(tmp_path, scenario)
    assert journaled(tmp_path) == []


def test_what_a_pop_reports_of_its_sessions(tmp_path: Path) -> None:
    """Its measurements are counted by their source; its load is shown with its age until it is too old."""

    async def scenario(served: Served) -> None:
        now = served.clock.now
        common = {"pop": "tokyo", "time": now - 2, "source": "session", "network": "133.11.0.0/24"}
        rows = [
            {**common, "metric": "rtt_ms", "value": 12.5},
            {**common, "metric": "availability", "value": 1},
            {**common, "metric": "rtt_ms", "value": 1, "source": "gossip"},
            {
                "pop": "tokyo",
                "metric": "load",
                "host": "h1",
                "sessions": 30,
                "capacity": 100,
                "time": now - 2,
            },
            {"pop": "tokyo", "metric": "load", "host": "h2", "sessions": 10, "capacity": 100, "time": now},
        ]
        answer = await served.ops("POST", FEED, scope="feed", data="\n".join(map(json.dumps, rows)))
        assert (answer.json["accepted"], answer.json["loads"], answer.json["refused"]) == (2, 2, 1)
        assert answer.json["reasons"][0]["code"] == "unknown_source"
        assert served.now.edge.counters.accepted.value(source="session") == 2
        listed = {pop["id"]: pop["load"] for pop in (await served.ops("GET", "/api/v1/pops")).json["pops"]}
        tokyo = {"sessions": 40, "capacity": 200, "share": 0.2, "hosts": 2, "age_seconds": 2.0}
        assert listed == {"tokyo": tokyo, "paris": None}
        metrics = (await served.ops("GET", "/metrics")).text
        assert 'itm_pop_sessions{pop="tokyo"} 40\n' in metrics
        assert 'itm_pop_capacity{pop="tokyo"} 200\n' in metrics
        served.clock.now += 61
        assert all(pop["load"] is None for pop in (await served.ops("GET", "/api/v1/pops")).json["pops"])
        assert "itm_pop_sessions{" not in (await served.ops("GET", "/metrics")).text

    play(tmp_path, scenario)


def test_a_named_batch_counts_once(tmp_path: Path) -> None:
    """Sent again it gets the same answer, also while the first is on its way; another name is another."""

    async def scenario(served: Served) -> None:
        body = f"133.11.0.0/24,tokyo,rtt_ms,12.5,{served.clock.now}\nrubbish\n"

        async def send(name: str) -> Answer:
            return await served.ops("POST", f"{FEED}?batch={name}", scope="feed", data=body)

        first, *again = await asyncio.gather(*(send("a") for _ in range(3)))
        assert {answer.text for answer in again} == {first.text}
        assert (first.status, first.json["accepted"], first.json["refused"]) == (200, 1, 1)
        assert len(journaled(tmp_path)) == 1
        assert served.now.edge.counters.accepted.value(source="feed") == 1
        await send("b")
        assert len(journaled(tmp_path)) == 2
        assert (await send("x" * 65)).status == 400

    play(tmp_path, scenario)


def test_a_batch_that_is_not_durable_yet_is_not_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 while the disk refuses, with the rows waiting for it; sent again they are only waited for."""

    async def scenario(served: Served) -> None:
        body = f"133.11.0.0/24,tokyo,rtt_ms,12.5,{served.clock.now}\n"
        monkeypatch.setattr(JournalWriter, "_write", full)
        answer = await served.ops("POST", f"{FEED}?batch=a", scope="feed", data=body)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        monkeypatch.undo()
        assert (await served.ops("POST", f"{FEED}?batch=a", scope="feed", data=body)).status == 200
        assert len(journaled(tmp_path)) == 1

    def full(self: JournalWriter, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    play(tmp_path, scenario)


def test_the_media_type_says_what_a_feed_is(tmp_path: Path) -> None:
    """Also where its first line is neither; without one that is known, the first character does."""

    async def scenario(served: Served) -> None:
        row = {"network": "133.11.0.0/24", "pop": "paris", "metric": "rtt_ms", "value": 2}
        body = "rubbish\n" + json.dumps(row | {"time": served.clock.now})
        for kind, accepted in (("application/x-ndjson", 1), ("text/csv", 0), ("text/plain", 0)):
            headers = {"Content-Type": kind, "Authorization": f"Bearer {served.secrets['feed']}"}
            answer = await served.ops("POST", FEED, headers=headers, data=body)
            assert (answer.json["accepted"], answer.json["refused"]) == (accepted, 2 - accepted)

    play(tmp_path, scenario)
