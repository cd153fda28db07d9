from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.opcode
import pytest

from itm.catalog.types import Secondary
from itm.dns import notify
from itm.dns.notify import MOST_TRIES, Notices
from itm.dns.tsig import Key

KEY = Key(dns.name.from_text("k."), bytes(32), "hmac-sha256.")
ONE, TWO = ("a.net.", Secondary("192.0.2.7")), ("b.net.", Secondary("192.0.2.8", 5353, "k."))


def test_a_secondary_is_told_until_it_answers() -> None:
    """At growing distances, a bounded number of times; then not before the next serial."""
    notices = Notices()
    notices.serve([ONE], {"a.net.": 1})
    now, told = 0.0, []
    while now < 3600:
        told += [now] * len(notices.due(now, 10))
        now += 0.5
    assert told == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]
    assert len(told) == MOST_TRIES
    notices.serve([ONE], {"a.net.": 2})
    ((target, notice),) = notices.due(now, 10)
    assert (target, notice.serial, notice.tries) == (ONE, 2, 1)
    notice.answered_at = now
    assert notices.due(now + 3600, 10) == []


def test_what_is_served_decides() -> None:
    """Unknown just now: as it was; the same serial: nothing new; a secondary that is gone: forgotten."""
    notices = Notices()
    notices.serve([ONE, TWO], {"a.net.": 1})
    assert [target for target, _ in notices.due(0, 10)] == [ONE]
    notices.serve([ONE, TWO], {"b.net.": 5})
    assert [target for target, _ in notices.due(0, 10)] == [TWO]
    notices.serve([ONE, TWO], {"a.net.": 1, "b.net.": 5})
    assert notices.due(0.5, 10) == []
    notices.serve([TWO], {"b.net.": 5})
    assert list(notices.shown()) == ["b.net."]
    assert notices.shown()["b.net."] == [
        {"address": "192.0.2.8", "port": 5353, "key": "k.", "serial": 5, "tries": 1, "answered_at": None}
        | {"said": ""}
    ]


def test_so_many_at_once() -> None:
    """The rest is due at the next look."""
    notices = Notices()
    targets = [("a.net.", Secondary(f"192.0.2.{n}")) for n in range(5)]
    notices.serve(targets, {"a.net.": 1})
    assert [len(notices.due(0, 3)), len(notices.due(0, 3))] == [3, 2]


@pytest.mark.parametrize(
    ("workers", "known"),
    [
        ([], {}),
        ([{"serials": {"a.net.": 2, "b.net.": 1}}], {"a.net.": 2}),
        ([{"serials": {"a.net.": 2}}, {"serials": {"a.net.": 1}}], {}),  # one is behind
        ([{"serials": {"a.net.": 2}}, {}], {}),
        ([{"serials": {"a.net.": 2}}, {"serials": {"a.net.": 2}}], {"a.net.": 2}),
    ],
)
def test_a_serial_is_served_when_all_workers_serve_it(
    workers: list[dict[str, object]], known: dict[str, int]
) -> None:
    """Else the secondary may ask the one that does not have it yet, and think all is well."""
    assert notify.served_by_all(workers, ["a.net."]) == known


@pytest.mark.parametrize("key", [None, KEY])
def test_the_message_and_its_answer(key: Key | None) -> None:
    """RFC 1996: opcode 4, AA, the SOA asked for; an answer must fit, and be signed where the question was."""
    asked = notify.request("a.net.", key)
    wire = asked.to_wire()
    there = dns.message.from_wire(wire, keyring=key)
    assert there.opcode() == dns.opcode.NOTIFY
    assert there.flags & dns.flags.AA
    assert str(there.question[0]) == "a.net. IN SOA"
    assert there.had_tsig is (key is not None)
    reply = dns.message.make_response(there)
    assert notify.answer_of(asked, reply.to_wire()) == "NOERROR"
    reply.set_rcode(9)
    assert notify.answer_of(asked, reply.to_wire()) == "NOTAUTH"
    assert notify.answer_of(asked, b"") is None
    assert notify.answer_of(asked, wire) is None
    other = dns.message.make_response(dns.message.from_wire(notify.request("b.net.", None).to_wire()))
    other.id = asked.id
    assert notify.answer_of(asked, other.to_wire()) is None
    if key is not None:
        bare = dns.message.make_response(dns.message.from_wire(notify.request("a.net.", None).to_wire()))
        bare.id = asked.id
        assert notify.answer_of(asked, bare.to_wire()) is None
