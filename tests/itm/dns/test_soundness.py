"""Where a zone's faults are, and circles of CNAMEs; the table of faults stands in `test_zone`."""

from __future__ import annotations

import pytest

from itm.catalog.types import ZoneText
from itm.dns.zone import faults
from tests.itm.dns.asking import services

APEX = "@ 300 SOA ns admin 1 2 3 4 60\n@ 300 NS ns\nns A 192.0.2.1\n"


def _faults(text: str, *steered: str) -> list[str]:
    return list(faults(ZoneText("example.net.", APEX + text), services(*steered), ()))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("@ SOA ns admin 2 2 3 4 60\n", "line 4: example.net. SOA: expected exactly one"),
        ("a A 192.0.2.1\na CNAME b\n", "line 5: a.example.net. CNAME: other data stands at the same name"),
        ("a CNAME b\na CNAME c\n", "line 5: a.example.net. CNAME: expected exactly one"),
        ("\ngw AAAA ::1\n", "line 5: gw.example.net. AAAA: the name is a service"),
        ("*.w NS ns\n", "line 4: *.w.example.net. NS: a wildcard cannot be delegated"),
        ("s NS ns\n\nx.s A 192.0.2.1\nx.s TXT t\n", "line 7: x.s.example.net. stands below the delegation"),
        ("s NS ns\ns A 192.0.2.1\ns TXT t\n", "line 6: s.example.net. only NS, DS and glue may"),
        ("s NS ns\ns NS ns\ns NS ns.s\n", "line 6: s.example.net. NS: ns.s.example.net. has no address"),
        ("a SOA ns admin 1 2 3 4 5\n", "line 4: a.example.net. SOA: stands below the zone's own"),
        ("t TXT t\nt TXT " + " ".join(["x" * 250] * 300), "line 4: t.example.net. TXT: an RRset is larger"),
    ],
)
def test_a_fault_has_the_line_of_its_record(text: str, fault: str) -> None:
    """Of an RRset's records the one to blame, or the first."""
    assert [found for found in _faults(text, "gw.example.net.") if found.startswith(fault)]


def test_what_is_missing_has_no_line() -> None:
    """Nothing is pointed at where no record is wrong."""
    assert faults(ZoneText("example.net.", "a 60 A 192.0.2.1\n"), (), ()) == (
        "example.net. SOA: expected exactly one",
        "example.net. NS: expected at least one",
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "a CNAME A\n",
            "line 4: a.example.net. CNAME: leads in a circle (line 4: a.example.net. CNAME A.exam",
        ),
        (
            "into CNAME a\na CNAME b\nb CNAME c\nc CNAME a\n",
            (
                "line 5: a.example.net. CNAME: leads in a circle ("
                "line 5: a.example.net. CNAME b.example.net.; "
                "line 6: b.example.net. CNAME c.example.net.; line 7: c.example.net. CNAME a.example.net.)"
            ),
        ),
        (
            "*.w CNAME x.w\n",
            "line 4: *.w.example.net. CNAME: leads in a circle (line 4: *.w.example.net. CNAME",
        ),
        (
            "a CNAME x.w\n*.w CNAME a\n",
            "line 4: a.example.net. CNAME: leads in a circle (line 4: a.example.net.",
        ),
    ],
)
def test_a_circle_of_cnames_is_named_once(text: str, fault: str) -> None:
    """With all its records, also through a wildcard; what only leads into it is not to blame."""
    (found,) = _faults(text)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    "text",
    [
        "a CNAME b\nb CNAME c\nd CNAME b\n",  # dangling, and joined
        "a CNAME a.example.org.\n",
        "*.w CNAME w\nw A 192.0.2.1\n",
        "*.w CNAME x.w\nx.w A 192.0.2.1\n",
        "s NS ns\na CNAME a.s\n",
        "a CNAME gw\n",
    ],
)
def test_chains_that_end_are_sound(text: str) -> None:
    """At nothing, outside, at an address, in a delegation or at a service."""
    assert _faults(text, "gw.example.net.") == []
