from __future__ import annotations

import struct

import pytest

from itm.dns.ratelimit import Kind, RateLimit, Rates, Verdict, kind_of


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_above_the_rate_every_second_reply_slips() -> None:
    """Five go out, then drop, slip, drop, slip; the next second begins anew."""
    clock = Clock()
    limit = RateLimit(Rates(answers=5), clock)
    verdicts = [limit.judge("192.0.2.1", Kind.ANSWER, b"a") for _ in range(9)]
    assert verdicts == [Verdict.SEND] * 5 + [Verdict.DROP, Verdict.SLIP] * 2
    clock.now = 101.0
    assert limit.judge("192.0.2.1", Kind.ANSWER, b"a") == Verdict.SEND


@pytest.mark.parametrize(
    ("peer", "kind", "name", "is_same"),
    [
        ("192.0.2.200", Kind.ANSWER, b"a", True),
        ("::ffff:192.0.2.9", Kind.ANSWER, b"a", True),
        ("192.0.3.1", Kind.ANSWER, b"a", False),
        ("192.0.2.1", Kind.ANSWER, b"b", False),
        ("192.0.2.1", Kind.NEGATIVE, b"a", False),
    ],
)
def test_who_is_counted_together(peer: str, kind: Kind, name: bytes, is_same: bool) -> None:
    """A /24, a kind, and for answers a name."""
    limit = RateLimit(Rates(answers=1, slip=0), Clock())
    limit.judge("192.0.2.1", Kind.ANSWER, b"a")
    assert (limit.judge(peer, kind, name) == Verdict.DROP) == is_same


def test_names_do_not_matter_for_denials() -> None:
    """Random names of a flood are counted together; IPv6 by /56."""
    limit = RateLimit(Rates(negatives=2, slip=0), Clock())
    peers = ["2001:db8:0:1::1", "2001:db8:0:ff::2%eth0", "2001:db8:0:7::3"]
    verdicts = [limit.judge(peer, Kind.NEGATIVE, peer.encode()) for peer in peers]
    assert verdicts == [Verdict.SEND, Verdict.SEND, Verdict.DROP]
    assert limit.judge("2001:db8:0:100::1", Kind.NEGATIVE, b"") == Verdict.SEND


def test_exempt_networks_and_kinds() -> None:
    """A rate of 0 and a network of the operator's are not limited."""
    limit = RateLimit(Rates(answers=1, errors=0, exempt=("192.0.2.0/28", "2001:db8::/32")), Clock())
    for _ in range(9):
        assert limit.judge("192.0.2.15", Kind.ANSWER, b"a") == Verdict.SEND
        assert limit.judge("2001:db8::1", Kind.ANSWER, b"a") == Verdict.SEND
        assert limit.judge("198.51.100.1", Kind.ERROR, b"a") == Verdict.SEND


@pytest.mark.parametrize(
    ("flags", "answers", "kind"),
    [
        (0x8400, 1, Kind.ANSWER),
        (0x8400, 256, Kind.ANSWER),
        (0x8400, 0, Kind.NEGATIVE),
        (0x8403, 0, Kind.NEGATIVE),
        (0x8403, 1, Kind.NEGATIVE),
        (0x8600, 0, Kind.ANSWER),  # truncated
        (0x8000, 0, Kind.REFERRAL),
        (0x8005, 0, Kind.ERROR),
        (0x8001, 0, Kind.ERROR),
    ],
)
def test_kinds(flags: int, answers: int, kind: Kind) -> None:
    """By rcode, AA and the number of answers."""
    assert kind_of(struct.pack(">6H", 1, flags, 1, answers, 1, 0)) is kind
