from __future__ import annotations

import struct

import dnslib
import numpy as np

from itm.dns.lookup import Outcome
from itm.dns.name import encode
from itm.dns.rdata import CNAME, NS, A, Rdata, RRset
from itm.dns.wire import compose


def _parsed(outcome: Outcome, name: bytes) -> dnslib.DNSRecord:
    body = compose(outcome, name)
    header = struct.pack(">6H", 1, 0x8000 | body.flags, 1, *body.full_counts)
    return dnslib.DNSRecord.parse(header + name + struct.pack(">HH", 1, 1) + body.full)


def test_names_survive_compression() -> None:
    """Any mixture of related names reads back as written."""
    rng = np.random.default_rng(3)
    labels = ["a", "b", "example", "net", "a-long-label-that-stands-for-others"]
    for _ in range(200):
        names = [".".join(rng.choice(labels, int(rng.integers(1, 6)))) + "." for _ in range(6)]
        wires = [encode(name) for name in names]
        answer = tuple(
            RRset(owner, NS, 60, (Rdata(names=(target,)),))
            for owner, target in zip(wires[1::2], wires[2::2], strict=False)
        )
        record = _parsed(Outcome(answer=answer), wires[0])
        assert [(str(rr.rname), str(rr.rdata)) for rr in record.rr] == list(
            zip(names[1::2], names[2::2], strict=False)
        )


def test_owner_of_the_question_is_a_pointer_to_it() -> None:
    """Two bytes, so that the client's spelling comes back."""
    name = encode("www.example.net.")
    body = compose(Outcome(answer=(RRset(name.upper(), A, 60, (Rdata(bytes(4)),)),)), name)
    assert body.full == b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\0\0\0\0"


def test_no_pointer_beyond_its_reach() -> None:
    """Names that begin past 16383 are never pointed at."""
    name = encode("big.example.net.")
    filler = RRset(name, 16, 60, tuple(Rdata(b"\xff" + bytes([n]) * 255) for n in range(70)))
    far = encode("far.example.org.")
    late = (RRset(far, CNAME, 60, (Rdata(names=(far,)),)), RRset(far, A, 60, (Rdata(bytes(4)),)))
    record = _parsed(Outcome(answer=(filler, *late)), name)
    assert [str(rr.rname) for rr in record.rr[-2:]] == ["far.example.org."] * 2
    assert str(record.rr[-2].rdata) == "far.example.org."
