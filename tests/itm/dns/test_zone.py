from __future__ import annotations

import pytest

from itm.catalog.types import ZoneText
from itm.dns.name import encode
from itm.dns.steerednames import names_of
from itm.dns.zone import Zone, cut_above, parse
from itm.errors import CatalogError
from tests.itm.dns.asking import services

APEX = "@ 300 SOA ns admin 1 2 3 4 60\n@ 300 NS ns\nns A 192.0.2.1\n"


def _zone(text: str, *steered: str) -> Zone:
    return parse(ZoneText("Example.net.", APEX + text), names_of(services(*steered), ()))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("@ SOA ns admin 2 2 3 4 60\n", "example.net. SOA: expected exactly one"),
        ("x.example.org. A 192.0.2.1\n", "line 4: x.example.org. lies outside the zone"),
        ("a CNAME b\na A 192.0.2.1\n", "a.example.net. CNAME: other data"),
        ("a CNAME b\na CNAME c\n", "a.example.net. CNAME: expected exactly one"),
        ("gw A 192.0.2.1\n", "gw.example.net. A: the name is a service"),
        ("gw CNAME a\n", "gw.example.net. CNAME: other data"),
        ("gw NS ns\n", "gw.example.net. NS: a service cannot"),
        ("*.w NS ns\n", "*.w.example.net. NS: a wildcard cannot"),
        ("s NS ns\nx.s TXT t\n", "x.s.example.net. stands below the delegation s.example.net."),
        ("s NS ns\ns TXT t\n", "s.example.net. only NS, DS and glue"),
        ("s NS ns.s\n", "s.example.net. NS: ns.s.example.net. has no address"),
        ("@ NS ns2\n", "example.net. NS: ns2.example.net. has no address"),
        ("a SOA ns admin 1 2 3 4 5\n", "a.example.net. SOA: stands below"),
        ('t TXT "' + '"\nt TXT "'.join(f"{i:0250d}" for i in range(300)) + '"\n', "larger than 60000 bytes"),
    ],
)
def test_unsound_zones(text: str, reason: str) -> None:
    """What would be answered wrongly is refused, with its reason."""
    with pytest.raises(CatalogError) as error:
        _zone(text, "gw.example.net.")
    assert any(reason in found for found in error.value.reasons), error.value.reasons


def test_all_reasons_at_once() -> None:
    """Lines and nodes are judged in one go."""
    with pytest.raises(CatalogError) as error:
        parse(ZoneText("example.net.", "a A x\nb 1 CNAME c\nb 1 TXT t\n"))
    assert len(error.value.reasons) == 4  # the line, no SOA, no NS, the CNAME


def test_a_ttl_from_nowhere() -> None:
    """Without $TTL the SOA's minimum is the default; without SOA there is none."""
    assert _zone("a A 192.0.2.1\n").nodes[encode("a.example.net.")].rrsets[1].ttl == 60
    with pytest.raises(CatalogError, match="no TTL"):
        parse(ZoneText("example.net.", "@ NS ns.example.org.\n"))


def test_rrsets_have_one_ttl_and_no_repeats() -> None:
    """RFC 2181 5: the lowest TTL, each record once."""
    zone = _zone("a 30 A 192.0.2.1\na 20 A 192.0.2.2\nA.example.net. 40 A 192.0.2.1\n")
    found = zone.nodes[encode("a.example.net.")].rrsets[1]
    assert (found.ttl, len(found.rdatas)) == (20, 2)


@pytest.mark.parametrize(
    "records",
    [
        ("A 192.0.2.65", "A 192.0.2.97"),
        ("AAAA 2001:db8::41", "AAAA 2001:db8::61"),
        ("TXT Abc", "TXT abc"),
        ('CAA 0 issue "CA.example"', 'CAA 0 issue "ca.example"'),
        ("SRV 65 0 1 h", "SRV 97 0 1 h"),
        ("MX 16705 h", "MX 24929 h"),
        ("HTTPS 1 . alpn=H2", "HTTPS 1 . alpn=h2"),
        ("HTTPS 65 .", "HTTPS 97 ."),
    ],
)
def test_data_that_differs_like_upper_from_lower_case(records: tuple[str, str]) -> None:
    """Bytes of addresses, numbers and texts are no letters: both records stay (RFC 2181 5)."""
    zone = _zone("".join(f"d {record}\n" for record in records))
    (rrset,) = zone.nodes[encode("d.example.net.")].rrsets.values()
    assert len(rrset.rdatas) == 2


@pytest.mark.parametrize("record", ["NS {}", "MX 10 {}", "SRV 1 2 3 {}", "HTTPS 1 {} port=1"])
def test_names_in_data_have_no_case(record: str) -> None:
    """The same host in two spellings is one record (RFC 4034 6.2)."""
    zone = _zone(f"d {record.format('Host.example.org.')}\nd {record.format('hOST.example.org.')}\n")
    (rrset,) = zone.nodes[encode("d.example.net.")].rrsets.values()
    assert [b"Host" in rdata.wire for rdata in rrset.rdatas] == [True]


def test_nodes_cuts_and_steered_names() -> None:
    """Ancestors become empty non-terminals; services of other zones are not ours."""
    zone = _zone("a.b.c TXT t\ns NS ns\nx.s A 192.0.2.1\n", "gw.example.net.", "gw.example.org.")
    assert zone.nodes[encode("b.c.example.net.")].rrsets == {}
    assert zone.nodes[encode("gw.example.net.")].steered
    assert encode("gw.example.org.") not in zone.nodes
    assert cut_above(zone, encode("y.x.s.example.net.")) == encode("s.example.net.")
    assert cut_above(zone, encode("a.b.c.example.net.")) is None
    assert (zone.soa.ttl, zone.negative_soa.ttl) == (300, 60)


def test_a_zone_name_that_is_none() -> None:
    """A relative zone name is the operator's error."""
    with pytest.raises(CatalogError, match="dot"):
        parse(ZoneText("example", APEX))
