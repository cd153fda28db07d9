from __future__ import annotations

import pytest

from itm.dns.name import ROOT, decode, encode, is_within, labels_of, parent, unescape

ORIGIN = b"\x07example\x03net\x00"


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        (".", ROOT),
        ("@", ORIGIN),
        ("www", b"\x03www" + ORIGIN),
        ("WwW.Example.NET.", b"\x03WwW\x07Example\x03NET\x00"),
        (r"a\.b", b"\x03a.b" + ORIGIN),
        (r"a\000\255.", b"\x03a\x00\xff\x00"),
        (r"\*", b"\x01*" + ORIGIN),
        ("a" * 63 + ".", b"\x3f" + b"a" * 63 + b"\0"),
    ],
)
def test_encode(text: str, wire: bytes) -> None:
    """Presentation form to wire form, completed with the origin."""
    assert encode(text, ORIGIN) == wire


@pytest.mark.parametrize(
    "text",
    ["", "a..b", ".a", "a" * 64 + ".", ("a" * 63 + ".") * 4, "a\\25.", "a\\256.", "a\\", "..", r"\1x2"],
)
def test_bad_names(text: str) -> None:
    """Empty and overlong labels, overlong names, broken escapes."""
    with pytest.raises(ValueError, match=r".+"):
        encode(text, ORIGIN)


def test_a_relative_name_needs_an_origin() -> None:
    """Without origin only absolute names are names."""
    with pytest.raises(ValueError, match="dot"):
        encode("www")


@pytest.mark.parametrize("text", [".", "example.net.", r"a\.b.c\000.", r"\255\@\\."])
def test_decode_is_the_way_back(text: str) -> None:
    """A name in canonical text survives both ways."""
    assert decode(encode(text)) == text


def test_relations() -> None:
    """Parent, labels and ancestry, at label borders only."""
    name = encode("www.example.net.")
    assert parent(name) == ORIGIN
    assert parent(ROOT) == ROOT
    assert labels_of(name) == [b"www", b"example", b"net"]
    assert is_within(name, ORIGIN)
    assert is_within(ORIGIN, ORIGIN)
    assert not is_within(encode("xexample.net."), ORIGIN)
    assert not is_within(ORIGIN, name)


def test_unescape_strings() -> None:
    """Character strings are UTF-8 with escapes."""
    assert unescape('ä\\"\\059') == 'ä";'.encode()
