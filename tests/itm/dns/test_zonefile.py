from __future__ import annotations

import pytest

from itm.dns.name import decode, encode
from itm.dns.zonefile import read

ORIGIN = encode("example.net.")


def test_the_text_format() -> None:
    """Parentheses, comments, quotes, blank owners, $TTL, $ORIGIN, TTL and class in any order."""
    text = (
        "; nothing\n$TTL 1h\n"
        "@ SOA ns1 admin ( 1 2 ; serial\n 3\n 4 5 )\n"
        "  IN NS ns1 ; blank owner\n"
        "a 10 IN A 192.0.2.1\n"
        "\tIN 20 A 192.0.2.2\n"
        '$ORIGIN sub\nB TXT "two words" "semi;colon" ""\n'
        "c.example.org. A 192.0.2.3\n\n"
        "d A 192.0.2.4"
    )
    entries, reasons = read(text, ORIGIN)
    assert reasons == []
    assert [(e.line, decode(e.owner), e.ttl, e.rtype) for e in entries] == [
        (3, "example.net.", 3600, 6),
        (6, "example.net.", 3600, 2),
        (7, "a.example.net.", 10, 1),
        (8, "a.example.net.", 20, 1),
        (10, "B.sub.example.net.", 3600, 16),
        (11, "c.example.org.", 3600, 1),
        (13, "d.sub.example.net.", 3600, 1),
    ]
    assert entries[4].rdata.wire == b"\x09two words\x0asemi;colon\x00"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a A 192.0.2.300", "line 2: A: "),
        ("a PTR b", "line 2: type PTR: expected one of SOA NS"),
        ("a 300", "line 2: type missing"),
        ("a CH A 192.0.2.1", "line 2: class CH"),
        ("a 2147483648 A 192.0.2.1", "line 2: TTL"),
        (".. A 192.0.2.1", "line 2: '..'"),
        ("$INCLUDE other", "line 2: $INCLUDE"),
        ("$TTL", "line 2: $TTL"),
        ("$GENERATE 1-2 a A 192.0.2.$", "line 2: $GENERATE"),
        ("a TXT ( x", "a parenthesis is not closed"),
        ("a A 192.0.2.1 )", "line 2: unexpected ')'"),
        ('a TXT "open', "line 2: unexpected '\"'"),
    ],
)
def test_every_bad_line_is_named_and_the_others_are_read(line: str, reason: str) -> None:
    """A reason carries the line; the lines around it are still checked."""
    entries, reasons = read(f"ok A 192.0.2.1\n{line}\n", ORIGIN)
    assert any(reason in text for text in reasons), reasons
    assert entries[0].line == 1


def test_all_reasons_at_once() -> None:
    """Three bad lines are three reasons."""
    _, reasons = read("a A x\nb AAAA y\n  MX z\n", ORIGIN)
    assert [text.partition(":")[0] for text in reasons] == ["line 1", "line 2", "line 3"]


def test_a_bad_owner_does_not_lend_its_records() -> None:
    """A blank owner after a bad one is an error, not the owner before."""
    _, reasons = read("ok A 192.0.2.1\n.. A 192.0.2.2\n  A 192.0.2.3\n", ORIGIN)
    assert reasons[1] == "line 3: no owner name to continue"
