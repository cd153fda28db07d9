import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import JournalFull
from collectors.journal import JournalReader
from collectors.network import Network
from itm.config import Collect
from itm.dns.listen import Listen
from itm.ops.overload import STANDING_TICKS
from tests.itm.ops.harness import Served, play

BEACON = "/rum/v1/beacon"
GOOD = {"pop": "tokyo", "metric": "rtt_ms", "value": 23.5}


async def admitted(served: Served, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a good measurement with a fresh token."""
    return {**GOOD, "token": (await served.tokens(headers))["tokyo"]}


def test_a_good_beacon_is_204_and_reaches_the_journal(tmp_path: Path) -> None:
    """One record with the client's /24 and a hash of its address; the address itself is nowhere."""

    async def scenario(served: Served) -> None:
        answer = await served.public("POST", BEACON, json=await admitted(served))
        assert (answer.status, answer.text) == (204, "")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"

    play(tmp_path, scenario)
    records = JournalReader(tmp_path / "journal").read()
    assert Network(int(records["family"][0]), int(records["unit"][0])) == Network.of("127.0.0.0/24")
    assert (records["pop"][0], float(records["value"][0]), bool(records["client"][0])) == (
        b"tokyo",
        23.5,
        True,
    )


def test_each_refused_measurement_has_its_reason(tmp_path: Path) -> None:
    """Partly good is 200, nothing good is 400; both say what was wrong with which."""

    async def scenario(served: Served) -> None:
        good = await admitted(served)
        partly = await served.public("POST", BEACON, json=[good, {**good, "value": -1}, 7])
        assert (partly.status, partly.json["accepted"]) == (200, 1)
        codes = [(r["index"], r["code"]) for r in partly.json["refused"]]
        assert codes == [(1, "bad_value"), (2, "not_an_object")]
        nothing = await served.public("POST", BEACON, data=b"{")
        assert (nothing.status, nothing.json["refused"][0]["code"]) == (400, "not_json")

    play(tmp_path, scenario)
    assert len(JournalReader(tmp_path / "journal").read()) == 1


def test_send_beacon_sends_plain_text(tmp_path: Path) -> None:
    """navigator.sendBeacon may send text/plain without a preflight; the content type is not looked at."""

    async def scenario(served: Served) -> None:
        headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://shop.example"}
        body = json.dumps({"measurements": [await admitted(served)]})
        assert (await served.public("POST", BEACON, headers, data=body)).status == 204
        preflight = await served.public("OPTIONS", BEACON, headers)
        assert (preflight.status, preflight.headers["Access-Control-Allow-Methods"]) == (204, "POST")

    play(tmp_path, scenario)


@pytest.mark.parametrize(("trusted", "network"), [((), "127.0.0.0/24"), (("127.0.0.0/8",), "133.11.0.0/24")])
def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
    tmp_path: Path, trusted: tuple[str, ...], network: str
) -> None:
    """X-Forwarded-For of a stranger is ignored."""

    async def scenario(served: Served) -> None:
        headers = {"X-Forwarded-For": "133.11.0.77"}
        good = await admitted(served, headers)
        assert (await served.public("POST", BEACON, headers, json=good)).status == 204

    play(tmp_path, scenario, trusted=trusted)
    records = JournalReader(tmp_path / "journal").read()
    assert Network(int(records["family"][0]), int(records["unit"][0])) == Network.of(network)


def test_a_broken_forwarding_header_of_a_trusted_proxy_is_refused(tmp_path: Path) -> None:
    """Nobody's network is guessed."""

    async def scenario(served: Served) -> None:
        answer = await served.public("POST", BEACON, {"X-Forwarded-For": "unknown"}, json=GOOD)
        assert answer.status == 400
        assert "X-Forwarded-For" in answer.json["error"]

    play(tmp_path, scenario, trusted=("127.0.0.0/8",))


def test_any_page_may_read_an_error(tmp_path: Path) -> None:
    """Also one that no handler of ours answered; without the header a script sees a bare failure."""

    async def scenario(served: Served) -> None:
        answers = [
            await served.public("POST", "/rum/v1/session", data=b"{"),
            await served.public("POST", BEACON, {"X-Forwarded-For": "unknown"}, json=GOOD),
            await served.public("GET", "/rum/v1/nothing"),
        ]
        assert [answer.status for answer in answers] == [400, 400, 404]
        assert [answer.headers.get("Access-Control-Allow-Origin") for answer in answers] == ["*"] * 3
        assert answers[0].json["error"]

    play(tmp_path, scenario, trusted=("127.0.0.0/8",))


def test_a_body_over_the_limit_is_413(tmp_path: Path) -> None:
    """public.max_body_bytes bounds what one request may cost."""

    async def scenario(served: Served) -> None:
        body = b" " * (served.now.edge.config.public.max_body_bytes + 1)
        assert (await served.public("POST", BEACON, data=body)).status == 413

    play(tmp_path, scenario)


def test_a_disk_that_is_behind_sheds_beacons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After; the server goes on."""

    async def scenario(served: Served) -> None:
        def full(data: bytes) -> None:
            raise JournalFull("behind")

        good = await admitted(served)
        with monkeypatch.context() as patched:
            patched.setattr(served.now.edge.journal, "append_bytes", full)
            answer = await served.public("POST", BEACON, json=good)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert (await served.public("GET", "/healthz")).status == 200
        assert (await served.public("POST", BEACON, json=good)).status == 204, "the token was not used up"

    play(tmp_path, scenario)


def test_under_overload_beacons_and_sessions_wait_and_operators_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After on the one listener, answers on the other."""

    async def scenario(served: Served) -> None:
        overload = served.now.edge.overload
        good = await admitted(served)
        with monkeypatch.context() as patched:
            for _ in range(STANDING_TICKS):
                overload.judge(lag_seconds=1.0)
            patched.setattr(overload, "judge", lambda *_: None)
            for path in (BEACON, "/rum/v1/session"):
                answer = await served.public("POST", path, json=good)
                assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            assert (await served.ops("GET", "/healthz")).status == 200
            text = (await served.ops("GET", "/metrics")).text
            assert 'itm_shed_total{kind="beacons",reason="lag"} 1' in text
            assert 'itm_shed_total{kind="sessions",reason="lag"} 1' in text
        overload.judge(lag_seconds=0.0)
        assert (await served.public("POST", BEACON, json=good)).status == 204

    play(tmp_path, scenario)


def test_a_burst_of_beacons_is_taken_whole(tmp_path: Path) -> None:
    """Every 204 is one record in the journal after a clean stop."""

    async def scenario(served: Served) -> None:
        good = [await admitted(served) for _ in range(100)]
        answers = await asyncio.gather(*(served.public("POST", BEACON, json=one) for one in good))
        assert {answer.status for answer in answers} == {204}

    play(tmp_path, scenario)
    assert len(JournalReader(tmp_path / "journal").read()) == 100


@pytest.mark.parametrize("is_required", [True, False])
def test_tokens_are_required_unless_the_setting_says_otherwise(tmp_path: Path, is_required: bool) -> None:
    """A measurement that no session planned is refused and counted; `collect.require_tokens` lets it in."""

    async def scenario(served: Served) -> None:
        answer = await served.public("POST", BEACON, json=GOOD)
        assert answer.status == (400 if is_required else 204)
        refused = served.now.edge.counters.refused.value(source="rum", reason="token_missing")
        assert refused == (1 if is_required else 0)

    play(tmp_path, scenario, collect=Collect(require_tokens=is_required))


def test_a_token_is_good_for_one_beacon(tmp_path: Path) -> None:
    """Both metrics of its probe in one; a second beacon with it is a replay, refused and counted."""

    async def scenario(served: Served) -> None:
        good = await admitted(served)
        both = [good, {**good, "metric": "availability", "value": 1}]
        assert (await served.public("POST", BEACON, json=both)).status == 204
        again = await served.public("POST", BEACON, json=both)
        assert [refusal["code"] for refusal in again.json["refused"]] == ["token_used", "token_used"]
        assert served.now.edge.counters.refused.value(source="rum", reason="token_used") == 2

    play(tmp_path, scenario)
    assert len(JournalReader(tmp_path / "journal").read()) == 2


def test_a_token_expires_and_stays_in_its_network(tmp_path: Path) -> None:
    """What another /24 was given, and what is older than `collect.token_seconds`, admits nothing."""

    async def scenario(served: Served) -> None:
        tokyo, other = ({"X-Forwarded-For": address} for address in ("133.11.0.7", "133.11.1.7"))
        good = await admitted(served, tokyo)
        foreign = await served.public("POST", BEACON, other, json=good)
        assert foreign.json["refused"][0]["code"] == "token_foreign"
        neighbour = await served.public("POST", BEACON, {"X-Forwarded-For": "133.11.0.99"}, json=good)
        assert neighbour.status == 204, "a client's address may change within its network"
        late = await admitted(served, tokyo)
        served.clock.now += 302
        assert (await served.public("POST", BEACON, tokyo, json=late)).json["refused"][0][
            "code"
        ] == "token_expired"

    play(tmp_path, scenario, trusted=("127.0.0.0/8",))


def test_the_public_listener_has_probe_objects_and_no_api(tmp_path: Path) -> None:
    """Browsers measure it; operators go elsewhere."""

    async def scenario(served: Served) -> None:
        assert (await served.public("GET", "/probe/v1/r.gif")).headers["Timing-Allow-Origin"] == "*"
        for path in ("/api/v1/pops", "/metrics", "/readyz"):
            answer = await served.public("GET", path)
            assert (answer.status, answer.json["error"][:3]) == (404, "404")

    play(tmp_path, scenario)


def test_without_required_tokens_a_robot_is_refused(tmp_path: Path) -> None:
    """Where anybody may report, robots may not; the whole beacon has the reason."""

    async def scenario(served: Served) -> None:
        answer = await served.public("POST", BEACON, {"User-Agent": "AhrefsBot/7.0"}, json=GOOD)
        assert answer.status == 400
        assert [(r["index"], r["code"]) for r in answer.json["refused"]] == [(-1, "bot")]

    play(tmp_path, scenario, collect=Collect(require_tokens=False))


def test_what_is_no_http_is_counted_by_listener(tmp_path: Path) -> None:
    """A stranger's bytes are answered 400 and leave a number, no more."""

    async def scenario(served: Served) -> None:
        for where in (served.now.public, served.now.public, served.now.ops):
            assert " 400 " in await answered(where, b"\x16\x03\x01\r\n\r\n")
        text = (await served.ops("GET", "/metrics")).text
        assert 'itm_http_malformed_total{listener="public"} 2' in text
        assert 'itm_http_malformed_total{listener="ops"} 1' in text

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip",
        b"Content-Encoding: deflate\r\nContent-Length: 3\r\n\r\n{}\n",
        b"Transfer-Encoding: chunked\r\n\r\nnine\r\n",
    ],
    ids=["gzip", "deflate", "chunks"],
)
@pytest.mark.parametrize("path", ["beacon", "session", "nel"])
def test_a_body_that_cannot_be_read_is_no_fault_of_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str, rest: bytes
) -> None:
    """400 and a number; no traceback for each, with which anybody could fill a disk."""

    async def scenario(served: Served) -> None:
        head = f"POST /rum/v1/{path} HTTP/1.1\r\nHost: x\r\n".encode()
        assert " 400 " in await answered(served.now.public, head + rest)
        assert 'itm_http_malformed_total{listener="public"} 1' in (await served.ops("GET", "/metrics")).text

    play(tmp_path, scenario)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def answered(where: Listen, data: bytes) -> str:
    """Send bytes to a listener; return the first line that comes back, once the connection is at its end."""
    reader, writer = await asyncio.open_connection(where.host, where.port)
    writer.write(data)
    text = (await asyncio.wait_for(reader.read(), 60)).decode()
    writer.close()
    return text.partition("\n")[0]
