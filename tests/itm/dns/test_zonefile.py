from __future__ import annotations

import pytest

from itm.dns import zonefile
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
    assert [(int(e.place.removeprefix("line ")), decode(e.owner), e.ttl, e.rtype) for e in entries] == [
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
        ("a FOO b", "line 2: type FOO: there is no such record type"),
        ("a RRSIG b", "line 2: type RRSIG: the server makes these records"),
        ("a AXFR b", "line 2: type AXFR: a query has it"),
        ("a TYPE65280 b", "line 2: TYPE65280: "),
        (r"a TYPE65280 \# 3 0a", "line 2: TYPE65280: "),
        ("a 300", "line 2: type missing"),
        ("a CH A 192.0.2.1", "line 2: class CH"),
        ("a 2147483648 A 192.0.2.1", "line 2: TTL"),
        (".. A 192.0.2.1", "line 2: '..'"),
        ("$INCLUDE other", "line 2: $INCLUDE: there is no file 'other'"),
        ("$TTL", "line 2: $TTL"),
        ("$GENERATE 2-1 a A 192.0.2.$", "line 2: $GENERATE: the range 2-1 is empty"),
        ("$GENERATE 1-2 a A 192.0.2.${300}", "line 2: A: "),
        ("a TXT ( x", "a parenthesis is not closed"),
        ("a A 192.0.2.1 )", "line 2: unexpected ')'"),
        ('a TXT "open', "line 2: unexpected '\"'"),
    ],
)
def test_every_bad_line_is_named_and_the_others_are_read(line: str, reason: str) -> None:
    """A reason carries the line; the lines around it are still checked."""
    entries, reasons = read(f"ok A 192.0.2.1\n{line}\n", ORIGIN)
    assert any(reason in text for text in reasons), reasons
    assert entries[0].place == "line 1"


def test_all_reasons_at_once() -> None:
    """Three bad lines are three reasons."""
    _, reasons = read("a A x\nb AAAA y\n  MX z\n", ORIGIN)
    assert [text.partition(":")[0] for text in reasons] == ["line 1", "line 2", "line 3"]


def test_a_bad_owner_does_not_lend_its_records() -> None:
    """A blank owner after a bad one is an error, not the owner before."""
    _, reasons = read("ok A 192.0.2.1\n.. A 192.0.2.2\n  A 192.0.2.3\n", ORIGIN)
    assert reasons[1] == "line 3: no owner name to continue"


def test_an_included_file_has_its_own_origin_and_lines() -> None:
    """RFC 1035 5.1: origin and owner of the including file are back behind it; places name the file."""
    text = "a A 192.0.2.1\n$INCLUDE more.inc sub\n  A 192.0.2.2\n$INCLUDE bad.inc\n"
    includes = {"more.inc": "b A 192.0.2.3\n$ORIGIN x\n@ A 192.0.2.4\n", "bad.inc": "\nc A 192.0.2.400\n(\n"}
    entries, reasons = read(text, ORIGIN, includes)
    assert [(e.place, decode(e.owner)) for e in entries] == [
        ("line 1", "a.example.net."),
        ("line 1 of more.inc", "b.sub.example.net."),
        ("line 3 of more.inc", "x.sub.example.net."),
        ("line 3", "a.example.net."),
    ]
    assert [reason.partition(": ")[0] for reason in reasons] == ["line 2 of bad.inc", "line 4 of bad.inc"]


def test_an_include_of_itself_ends() -> None:
    """A circle of includes is a fault with its place, not a hang."""
    _, reasons = read("$INCLUDE x", ORIGIN, {"x": "$INCLUDE x"})
    assert reasons == ["line 1 of x: $INCLUDE: x lies more than 8 files deep"]


def test_generate_makes_records() -> None:
    """Each number of the range gives a record; the directive lends no owner to the line behind it."""
    entries, reasons = read("$GENERATE 8-10/2 host-${0,3} 60 A 192.0.2.$\n", ORIGIN)
    assert reasons == []
    assert [(decode(e.owner), e.ttl, e.rdata.wire[-1]) for e in entries] == [
        ("host-008.example.net.", 60, 8),
        ("host-010.example.net.", 60, 10),
    ]


def test_what_multiplies_is_bounded() -> None:
    """Files that include each other twice, and $GENERATE after $GENERATE, end with a reason."""
    twice = "$INCLUDE x\n$INCLUDE x\n"
    _, reasons = read(twice, ORIGIN, {"x": twice})
    assert "line 1 of x: $INCLUDE: the zone has more than 256 of them" in reasons
    assert len(reasons) <= 2 * 256 + 2


def test_generated_records_are_counted_over_the_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two directives that are small enough each can be too much together."""
    monkeypatch.setattr(zonefile, "MOST_GENERATED", 5)
    entries, reasons = read("$GENERATE 1-4 a$ 60 A 192.0.2.$\n$GENERATE 1-4 b$ 60 A 192.0.2.$\n", ORIGIN)
    assert len(entries) == 5
    assert reasons == ["line 2: $GENERATE: the zone has more than 5 such records"]
