"""The names of a zone: what stands at each, and which one speaks for a name (RFC 1034 4.3.2, RFC 4592).

Nodes are keyed by the lower-case wire name. Nothing here knows text, lines or what a sound zone is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from itm.dns.name import parent
from itm.dns.rdata import CNAME, NSEC, RRSIG, RRset

WILDCARD: Final = b"\x01*"


@dataclass(slots=True)
class Node:
    """What stands at one name; `steered`: the types that steering answers. Nothing: an empty non-terminal."""

    rrsets: dict[int, RRset] = field(default_factory=dict)
    steered: frozenset[int] = frozenset()

    def is_steered(self, rtype: int) -> bool:
        """Whether a question for this type is steering's: with a CNAME, every one but for signatures."""
        return rtype in self.steered or (CNAME in self.steered and rtype not in {NSEC, RRSIG})


def find(nodes: Mapping[bytes, Node], name: bytes) -> bytes | None:
    """Return the node that speaks for a name of the zone: its own, or the wildcard of its closest encloser.

    The nodes must have the zone's origin, and every empty non-terminal.
    """
    if name in nodes:
        return name
    encloser = parent(name)
    while encloser not in nodes:
        encloser = parent(encloser)
    wildcard = WILDCARD + encloser
    return wildcard if wildcard in nodes else None


def add_ancestors(nodes: dict[bytes, Node], origin: bytes) -> None:
    """Add the empty non-terminals between the nodes and the origin, and the origin itself (RFC 8020)."""
    for name in [origin, *nodes]:
        nodes.setdefault(name, Node())
        while len(name) > len(origin):
            name = parent(name)
            nodes.setdefault(name, Node())


def nearest_cut(cuts: Collection[bytes], name: bytes) -> bytes | None:
    """Return the delegation the name lies at or below, the one nearest to the name."""
    while name not in cuts:
        if name == parent(name):
            return None
        name = parent(name)
    return name
