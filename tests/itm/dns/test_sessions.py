"""Names of browser sessions: known, told, and answered over UDP only to those who prove their address."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from itm.catalog.types import ZoneText
from itm.dns.answer import Answerer
from itm.dns.book import build
from itm.dns.cookie import Cookies
from itm.dns.counters import Counters
from itm.dns.identity import Identity
from itm.dns.name import encode
from itm.dns.ratelimit import RateLimit, Rates
from itm.dns.sessions import DATAGRAM, SOCKET, Resolution, Teller, pack, reachable, session_of, unpack
from tests.itm.dns.asking import ZONE, Ask, Told, demo_map, ecs

SESSION = "abcdefghijklmnopqrstuvwx27"
NAME = f"{SESSION}.p.example.net."
PROBE = encode("p.example.net.")


@pytest.mark.parametrize(
    ("name", "session"),
    [
        (NAME, SESSION),
        (f"{SESSION[:-1]}.p.example.net.", None),
        (f"{SESSION}a.p.example.net.", None),
        (f"{SESSION[:-1]}1.p.example.net.", None),
        (f"{SESSION}.q.example.net.", None),
        (f"{SESSION}.x.p.example.net.", None),
        ("p.example.net.", None),
    ],
)
def test_a_name_is_known_by_its_form(name: str, session: str | None) -> None:
    """26 characters of base32 right below the probe zone, nothing else; without a probe zone, no name."""
    assert session_of(encode(name), PROBE) == session
    assert session_of(encode(name), b"") is None


@pytest.mark.parametrize(
    "one",
    [
        Resolution(SESSION, (4, 0xC00002)),
        Resolution(SESSION, (6, 0x20010DB80000), (4, 0x850B00)),
        Resolution(SESSION, (4, 1), (6, (1 << 48) - 1)),
    ],
)
def test_what_is_packed_is_unpacked(one: Resolution) -> None:
    """A datagram carries a whole resolution."""
    assert unpack(pack(one)) == one


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(DATAGRAM.size),
        pack(Resolution(SESSION, (4, 1))) + b"x",
        pack(Resolution(SESSION.upper(), (4, 1))),
        pack(Resolution(SESSION, (0, 1))),
        pack(Resolution(SESSION, (4, 1), (5, 1))),
        b"ITMT" + pack(Resolution(SESSION, (4, 1)))[4:],
    ],
)
def test_other_datagrams_are_refused(data: bytes) -> None:
    """Whatever is no resolution is a `ValueError`."""
    with pytest.raises(ValueError, match="resolution"):
        unpack(data)


@pytest.fixture
def told() -> list[Resolution]:
    return []


@pytest.fixture
def answerer(told: list[Resolution]) -> Answerer:
    zones = (ZoneText("example.net.", ZONE + "*.p 0 IN A 192.0.2.90\n"),)
    return Answerer(build(replace(demo_map(), zones=zones, probe_zone="p.example.net.")), tell=told.append)


Asking = Callable[..., Told]


@pytest.fixture
def ask(answerer: Answerer) -> Asking:
    def asking(name: str, *, peer: str = "192.0.2.77", tcp: bool = True, subnet: str = "") -> Told:
        options = (ecs(subnet),) if subnet else ()
        made = answerer.answer(Ask(name, 1, options=options).packet(), peer, tcp)
        assert made is not None
        return Told(made)

    return asking


def test_a_session_is_answered_and_told(ask: Asking, told: list[Resolution]) -> None:
    """Over TCP the wildcard answers, in the case that was asked for, and the edge hears who resolved it."""
    odd = NAME.swapcase()
    assert ask(odd).lines("answer") == [f"{odd} 0 A 192.0.2.90"]
    ask(NAME, peer="::ffff:198.51.100.7")
    ask(NAME, peer="2001:db8:7:8::9")
    assert told == [
        Resolution(SESSION, (4, 0xC00002)),
        Resolution(SESSION, (4, 0xC63364)),
        Resolution(SESSION, (6, 0x20010DB80007)),
    ]


def test_the_client_subnet_is_told(ask: Asking, told: list[Resolution]) -> None:
    """Of ECS, the network; /0 names nobody. The answer depends on no client: scope 0."""
    assert ask(NAME, subnet="133.11.7.0/24").subnet == (1, 24, 0, bytes([133, 11, 7]))
    ask(NAME, subnet="0.0.0.0/0")
    assert [one.subnet for one in told] == [(4, 0x850B07), None]


def test_udp_without_proof_leads_to_tcp(ask: Asking, answerer: Answerer, told: list[Resolution]) -> None:
    """Who could have forged the resolver's address is sent to TCP, and the edge hears nothing."""
    reply = ask(NAME, tcp=False)
    assert (reply.tc, reply.rcode, reply.message.answer) == (True, 0, [])
    assert told == []
    assert answerer.counters.snapshot()["sessions"]["unproved"] == 1


def test_a_cookie_proves_the_resolver(told: list[Resolution], answerer: Answerer) -> None:
    """With a good one it is answered over UDP and told; a new client is sent to TCP first."""
    cookies = Cookies((b"k" * 16,), lambda: 1e9)
    answerer.identity = Identity(cookies=cookies)
    good, _ = cookies.answer(b"8 bytes!", "192.0.2.77")
    for data, count in ((b"8 bytes!", 0), (good[4:], 1)):
        made = answerer.answer(Ask(NAME, 1, options=((10, data),)).packet(), "192.0.2.77")
        assert made is not None
        assert (Told(made).tc, len(told)) == (not count, count)


def test_sessions_leave_the_rate_of_denials_alone(answerer: Answerer) -> None:
    """Truncated replies count as answers of the wildcard: no NXDOMAIN is dropped for them."""
    limit = RateLimit(Rates(answers=50, negatives=1), lambda: 100.0)
    one = Answerer(answerer.book, limit=limit, tell=lambda _: None)
    for number in range(50):
        name = f"{number:026d}".translate(str.maketrans("0189", "abcd")) + ".p.example.net."
        assert one.answer(Ask(name, 1).packet(), "192.0.2.77") is not None
    denied = one.answer(Ask("no.example.net.", 1).packet(), "192.0.2.77")
    assert denied is not None
    assert Told(denied).rcode == 3
    assert one.counters.limited == 0


@pytest.mark.parametrize("name", ["x.p.example.net.", "www.example.net.", "gw.example.net."])
def test_other_names_are_told_to_nobody(ask: Asking, told: list[Resolution], name: str) -> None:
    """Names beside the sessions' are answered over UDP as ever."""
    assert len(ask(name, tcp=False).message.answer) > 0
    assert told == []


@pytest.fixture
def state(tmp_path: Path) -> Path:
    deep = tmp_path / ("long" * 30)
    deep.mkdir()
    return deep


@pytest.fixture
def reader(state: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader, reachable(state) as path:
        reader.bind(path)
        reader.setblocking(False)
        yield reader


def test_telling_never_waits(state: Path, reader: socket.socket) -> None:
    """What the reader's queue does not take waits and goes later, in order."""
    counters = Counters()
    teller = Teller(state, counters)
    sent = [Resolution(SESSION, (4, unit)) for unit in range(1500)]
    for one in sent:
        teller.tell(one)
    found = []
    while len(found) < len(sent):
        found.append(unpack(reader.recv(100)))
        teller.flush()
    assert (found, counters.sessions_told, counters.sessions_lost) == (sent, 1500, 0)
    teller.close()


def test_nobody_reads(state: Path) -> None:
    """Without a reader it is lost and counted, and nothing is raised."""
    counters = Counters()
    teller = Teller(state, counters)
    teller.tell(Resolution(SESSION, (4, 1)))
    (state / SOCKET).write_text("not a socket")
    teller.tell(Resolution(SESSION, (4, 1)))
    assert counters.snapshot()["sessions"] == {"told": 0, "lost": 2, "unproved": 0}
    teller.close()


def test_a_slow_reader_costs_a_bounded_queue(
    state: Path, reader: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound the newest are lost and counted."""
    monkeypatch.setattr("itm.dns.sessions.MOST_WAITING", 3)
    counters = Counters()
    teller = Teller(state, counters)
    while counters.sessions_lost < 5:
        teller.tell(Resolution(SESSION, (4, 1)))
    assert counters.sessions_told > 0
    assert unpack(reader.recv(100)).session == SESSION
    teller.close()
