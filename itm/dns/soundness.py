"""What would make a zone answer wrongly: every reason, with the record's place where there is one.

Judges nodes that were read from a text; what stands in one line is `zonefile`'s and `rdata`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from itm.dns.name import decode, is_within, parent
from itm.dns.rdata import AAAA, CNAME, DNAME, DS, NS, SOA, A
from itm.dns.rdatatext import type_name
from itm.dns.tree import WILDCARD, Node, find, nearest_cut

MAX_RRSET_BYTES: Final = 60_000
"""What surely fits one TCP message of 65535 bytes beside a chain of CNAMEs."""

Places = Mapping[tuple[bytes, int], list[str]]
"""Where an RRset's records stand (`line 7`), in their order, by name and type."""


def reasons(
    origin: bytes, nodes: Mapping[bytes, Node], cuts: frozenset[bytes], places: Places
) -> Iterator[str]:
    """Give every reason why the zone is not sound: `line 7: www.example.net. CNAME: …`.

    `nodes` has the origin and the empty non-terminals. A fault without a record has no place.
    """
    moved = frozenset(name for name, node in nodes.items() if DNAME in node.rrsets)
    judge = _Judge(origin, nodes, cuts, places, moved)
    yield from judge.apex()
    for name, node in nodes.items():
        yield from judge.node(name, node)
    for loop in judge.loops():
        yield judge.loop_text(loop)


@dataclass(frozen=True, slots=True)
class _Judge:
    origin: bytes
    nodes: Mapping[bytes, Node]
    cuts: frozenset[bytes]
    places: Places
    moved: frozenset[bytes]
    """The owners of DNAMEs: nothing of the zone lies below them (RFC 6672 2.4)."""

    def at(self, name: bytes, text: str, rtype: int | None = None, record: int = 0) -> str:
        """Return the reason as it is told; `record` is the one that has the place."""
        found = self.places.get((name, rtype)) if rtype is not None else None
        return (f"{found[record]}: " if found else "") + f"{decode(name)} {text}"

    def apex(self) -> Iterator[str]:
        rrsets = self.nodes[self.origin].rrsets
        if SOA not in rrsets or len(rrsets[SOA].rdatas) != 1:
            yield self.at(self.origin, "SOA: expected exactly one", SOA, -1)
        if NS not in rrsets:
            yield self.at(self.origin, "NS: expected at least one")

    def node(self, name: bytes, node: Node) -> Iterator[str]:
        for text, rtype in self.conflicts(name, node):
            yield self.at(name, text, rtype)
        for rtype in (CNAME, DNAME):
            if rtype in node.rrsets and len(node.rrsets[rtype].rdatas) > 1:
                yield self.at(name, f"{type_name(rtype)}: expected exactly one", rtype, -1)
        for rtype, rrset in node.rrsets.items():
            if sum(12 + len(rdata.wire) for rdata in rrset.rdatas) > MAX_RRSET_BYTES:
                text = f"{type_name(rtype)}: an RRset is larger than {MAX_RRSET_BYTES} bytes"
                yield self.at(name, text, rtype)
        yield from self.missing_glue(name, node)

    def conflicts(self, name: bytes, node: Node) -> Iterator[tuple[str, int | None]]:
        """Give what must not stand together, with the type that is to blame."""
        types, is_cut = node.rrsets.keys(), name in self.cuts
        if CNAME in types and (len(types) > 1 or node.steered):
            yield "CNAME: other data stands at the same name", CNAME
        if CNAME in node.steered and name == self.origin:
            yield "a service that answers a CNAME cannot stand at the zone's apex", None
        elif CNAME in node.steered and types:
            yield (
                f"{type_name(next(iter(types)))}: the name is a service that answers a CNAME",
                next(iter(types)),
            )
        for rtype in sorted(types & node.steered - {CNAME}):
            yield f"{type_name(rtype)}: the name is a service", rtype
        if node.steered and is_cut:
            yield "NS: a service cannot stand at a delegation", NS
        if name.startswith(WILDCARD) and NS in types:
            yield "NS: a wildcard cannot be delegated", NS
        if SOA in types and name != self.origin:
            yield "SOA: stands below the zone's own", SOA
        stray = next((rtype for rtype in types if rtype not in {NS, DS, A, AAAA}), None)
        if is_cut and stray is not None:
            yield "only NS, DS and glue may stand at a delegation", stray
        if DS in types and not is_cut:
            yield "DS: expected beside the NS of a delegation", DS
        moved = nearest_cut(self.moved, parent(name))
        if moved is not None and (types or node.steered):
            yield f"stands below the DNAME of {decode(moved)}", next(iter(types), None)
        above = nearest_cut(self.cuts, parent(name))
        other = next((rtype for rtype in types if rtype not in {A, AAAA}), None)
        if above is not None and (other is not None or node.steered):
            yield f"stands below the delegation {decode(above)}: only A and AAAA (glue) may", other

    def missing_glue(self, name: bytes, node: Node) -> Iterator[str]:
        servers = node.rrsets.get(NS)
        for record, rdata in enumerate(servers.rdatas if servers is not None else ()):
            host = rdata.names[0].lower()
            there = self.nodes.get(host)
            if is_within(host, name) and not (there is not None and there.rrsets.keys() & {A, AAAA}):
                yield self.at(name, f"NS: {decode(host)} has no address in the zone", NS, record)

    def loops(self) -> Iterator[list[bytes]]:
        """Give the nodes of every circle of CNAMEs inside the zone, each circle once."""
        done: set[bytes] = set()
        for name in self.nodes:
            path: dict[bytes, None] = {}
            here: bytes | None = name
            while here is not None and here not in done and here not in path:
                path[here] = None
                here = self.next_of(here)
            if here is not None and here in path:
                names = list(path)
                yield names[names.index(here) :]
            done.update(path)

    def next_of(self, name: bytes) -> bytes | None:
        """Return the node a CNAME leads to, None without a CNAME or out of the zone."""
        alias = self.nodes[name].rrsets.get(CNAME)
        if alias is None:
            return None
        target = alias.rdatas[0].names[0].lower()
        return find(self.nodes, target) if is_within(target, self.origin) else None

    def loop_text(self, loop: list[bytes]) -> str:
        records = []
        for name in loop:
            target = decode(self.nodes[name].rrsets[CNAME].rdatas[0].names[0])
            records.append(self.at(name, f"CNAME {target}", CNAME))
        return self.at(loop[0], f"CNAME: leads in a circle ({'; '.join(records)})", CNAME)
