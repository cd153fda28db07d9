"""A zone as text: read back by dnspython, it is the zone that a transfer sends."""

from __future__ import annotations

import dns.zone
import pytest

from itm.dns import export, flatzone
from itm.dns.book import build
from itm.dns.name import encode
from itm.dns.signatures import Signatures
from itm.errors import NotSigned
from tests.itm.dns.asking import demo_map
from tests.itm.dns.signing import flagged, sign

ORIGIN = encode("example.net.")


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_another_reader_finds_the_same_records(signed: bool) -> None:
    """Every record of a transfer, and no other; signatures among them."""
    routemap = flagged(demo_map()) if signed else demo_map()
    signatures = sign(routemap) if signed else Signatures()
    text = export.text_of(routemap, signatures, ORIGIN)
    book = build(routemap, signatures=signatures)
    sent = list(flatzone.rrsets(book.zones.zones[ORIGIN], book.names, book.zones.sign))
    read = dns.zone.from_text(text, "example.net.", relativize=False)
    records = sum(1 for _ in read.iterate_rdatas())
    assert records == sum(len(rrset.rdatas) for rrset in sent)
    assert text.splitlines()[0].startswith("example.net. 300 IN SOA ns1.example.net. ")
    assert (" RRSIG " in text) == signed


def test_what_cannot_be_exported() -> None:
    """A zone that the map has not, and a signed one without its keys."""
    with pytest.raises(KeyError):
        export.text_of(demo_map(), Signatures(), encode("example.org."))
    with pytest.raises(NotSigned):
        export.text_of(flagged(demo_map()), Signatures(), ORIGIN)
