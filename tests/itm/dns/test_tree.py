from __future__ import annotations

import pytest

from itm.dns.name import encode
from itm.dns.tree import Node, add_ancestors, find, nearest_cut

ORIGIN = encode("example.net.")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("example.net.", "example.net."),
        ("a.b.example.net.", "a.b.example.net."),
        ("b.example.net.", "b.example.net."),  # empty, but there
        ("x.b.example.net.", None),
        ("x.w.example.net.", "*.w.example.net."),
        ("y.x.w.example.net.", "*.w.example.net."),
        ("x.here.w.example.net.", None),  # `here` is closer and has no wildcard
    ],
)
def test_who_speaks_for_a_name(name: str, found: str | None) -> None:
    """The name itself or the wildcard of the closest encloser (RFC 4592 3.3.1)."""
    nodes = {encode(f"{text}.example.net."): Node() for text in ("a.b", "*.w", "here.w")}
    add_ancestors(nodes, ORIGIN)
    assert find(nodes, encode(name)) == (encode(found) if found else None)


def test_the_nearest_cut() -> None:
    """At or below; of two the lower one."""
    cuts = {encode("s.example.net."), encode("t.s.example.net.")}
    assert nearest_cut(cuts, encode("x.t.s.example.net.")) == encode("t.s.example.net.")
    assert nearest_cut(cuts, encode("s.example.net.")) == encode("s.example.net.")
    assert nearest_cut(cuts, ORIGIN) is None
