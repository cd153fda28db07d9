from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.broker import xml
from gateway.errors import Invalid


def test_a_document_is_a_tree() -> None:
    """Names, attributes and stripped text; entities of XML itself are resolved."""
    root = xml.parse(
        b'<?xml version="1.0"?><!DOCTYPE a SYSTEM "a.dtd"><a><b n="1"> x &amp; &#65; </b><b/></a>'
    )
    assert root.text_of("b") == "x & A"
    assert [b.attributes for b in root.all("b")] == [{"n": "1"}, {}]
    assert root.first("b", "c") is None
    assert root.text_of("none") == ""


HOSTILE = {
    "billion laughs": b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>',
    "quadratic": b'<!DOCTYPE a [<!ENTITY x "' + b"h" * 1000 + b'">]><a>' + b"&x;" * 1000 + b"</a>",
    "external file": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "external parameter": b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1/">%x;]><a/>',
    "empty subset": b"<!DOCTYPE a []><a/>",
    "attribute default": b'<!DOCTYPE a [<!ATTLIST a b CDATA "x">]><a/>',
    "undeclared entity": b'<!DOCTYPE a SYSTEM "a.dtd"><a>&x;</a>',
    "undeclared without a DTD": b"<a>&x;</a>",
    "too deep": b"<a>" * 17 + b"</a>" * 17,
    "too many": b"<a>" + b"<b/>" * 200 + b"</a>",
    "too long": b"<a>" + b"x" * 65_536 + b"</a>",
    "two roots": b"<a/><a/>",
    "open": b"<a>",
    "empty": b"",
    "no XML": b"{}",
    "unknown encoding": b'<?xml version="1.0" encoding="klingon"?><a/>',
    "nul": b"<a>\0</a>",
}


@pytest.mark.parametrize("document", HOSTILE.values(), ids=HOSTILE)
def test_hostile_documents_are_refused_at_once(document: bytes) -> None:
    """Nothing is expanded, fetched or kept."""
    begin = time.perf_counter()
    with pytest.raises(Invalid, match=r"^xml: "):
        xml.parse(document)
    assert time.perf_counter() - begin < 0.5


@given(st.binary(max_size=200) | st.text("<>/ab&;![]'\"= ?x", max_size=80).map(str.encode))
def test_any_bytes_are_a_tree_or_refused(data: bytes) -> None:
    """Nothing else comes out."""
    with contextlib.suppress(Invalid):
        assert isinstance(xml.parse(data), xml.Element)
