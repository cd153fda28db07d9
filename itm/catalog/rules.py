"""The `rules:` of a service: which clients may use which pools. The first rule that holds decides.

The order is checked as octoDNS checks it: specific before general, subnets before geos, the catch-all last.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import replace

from itm.catalog.cursor import Cursor, suggest
from itm.catalog.geos import read_geo
from itm.catalog.pools import Pool, chain
from itm.catalog.types import Rule

KEYS = ("pool", "pools", "geos", "subnets", "asns")
CONDITIONS = ("geos", "subnets", "asns")
LONGEST_SUBNET = {4: 24, 6: 48}
"""What a client network is (RFC 7871 answers are never scoped longer), by IP version."""

MOST_RULES = 250
"""Of one service: the builder keeps a row's rule in a byte."""

MOST_POOLS = 99
"""Of one rule: the builder keeps a POP's pool in a byte, with room for those demoted behind all pools."""

_Net = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_rules(cursor: Cursor, pools: Mapping[str, Pool]) -> tuple[Rule, ...]:
    """Return the rules, their pools followed by the fallback pools of the last one named."""
    entries = cursor.items(least=1)
    if len(entries) > MOST_RULES:
        cursor.refuse(f"expected at most {MOST_RULES} rules, got {len(entries)}")
    rules = tuple(_read_rule(entry, pools) for entry in entries)
    order = _Order()
    for index, (entry, rule) in enumerate(zip(entries, rules, strict=True)):
        _check_catch_all(entry, is_last=index == len(rules) - 1)
        order.check(entry, rule, index)
    return rules


def _read_rule(cursor: Cursor, pools: Mapping[str, Pool]) -> Rule:
    fields = cursor.fields(KEYS)
    for name in CONDITIONS:
        if name in fields and fields[name].value == []:
            fields[name].refuse(
                "expected at least one value; leave the key out for a rule that holds for all"
            )
    return Rule(
        pools=_read_pools(cursor, fields, pools),
        geos=tuple(filter(None, map(read_geo, fields["geos"].texts()))) if "geos" in fields else (),
        subnets=tuple(filter(None, map(_subnet, fields["subnets"].texts()))) if "subnets" in fields else (),
        asns=tuple(map(_asn, fields["asns"].items())) if "asns" in fields else (),
    )


def _read_pools(cursor: Cursor, fields: Mapping[str, Cursor], pools: Mapping[str, Pool]) -> tuple[str, ...]:
    if ("pool" in fields) == ("pools" in fields):
        cursor.refuse("expected either `pool` or `pools` (a failover list)")
        return ()
    names: list[str] = []
    for item in [fields["pool"]] if "pool" in fields else fields["pools"].items(least=1):
        name = item.text()
        if name and name not in pools:
            item.refuse(f"no pool {name!r}{suggest(name, pools)}")
        elif name in names:
            item.refuse(f"pool {name!r} stands twice")
        elif name:
            names.append(name)
    tail = chain(pools, names[-1])[1:] if names else ()
    names += [name for name in tail if name not in names]
    if len(names) > MOST_POOLS:
        cursor.refuse(f"expected at most {MOST_POOLS} pools with their fallbacks, got {len(names)}")
    return tuple(names)


def _subnet(cursor: Cursor) -> str:
    try:
        network = ipaddress.ip_network(cursor.text())
    except ValueError as error:
        cursor.refuse(str(error))
        return ""
    longest = LONGEST_SUBNET[network.version]
    if network.prefixlen > longest:
        cursor.refuse(f"expected a prefix of at most /{longest}: clients are told apart no finer")
        return ""
    return str(network)


def _asn(cursor: Cursor) -> int:
    text = cursor.value
    if isinstance(text, str) and text[:2].upper() == "AS" and text[2:].isdecimal():
        cursor = replace(cursor, value=int(text[2:]))
    return cursor.integer(1, 0xFFFFFFFF)


def _check_catch_all(cursor: Cursor, *, is_last: bool) -> None:
    written = cursor.value if isinstance(cursor.value, dict) else {}
    is_catch_all = not any(written.get(name) is not None for name in CONDITIONS)
    if is_last and not is_catch_all:
        cursor.refuse("the last rule must be the catch-all: without geos, subnets and asns")
    if is_catch_all and not is_last:
        cursor.refuse("a catch-all: the rules after it can never hold")


class _Order:
    """What earlier rules have taken already."""

    def __init__(self) -> None:
        self.geos: dict[str, int] = {}
        self.subnets: dict[_Net, int] = {}
        self.asns: dict[int, int] = {}
        self.first_geo_rule: int | None = None

    def check(self, cursor: Cursor, rule: Rule, index: int) -> None:
        if rule.subnets and self.first_geo_rule is not None:
            cursor.refuse(
                f"rules with subnets must stand before rules with geos only (rules[{self.first_geo_rule}])"
            )
        if rule.geos and not rule.subnets and self.first_geo_rule is None:
            self.first_geo_rule = index
        for geo in sorted(rule.geos):
            self._check_geo(cursor.at(None, "geos"), geo, index)
        for subnet in rule.subnets:
            self._check_subnet(cursor.at(None, "subnets"), ipaddress.ip_network(subnet), index)
        for asn in rule.asns:
            earlier = self.asns.setdefault(asn, index)
            if earlier != index or rule.asns.count(asn) > 1:
                cursor.at(None, "asns").refuse(f"AS{asn} already stands in rules[{earlier}]")

    def _check_geo(self, cursor: Cursor, geo: str, index: int) -> None:
        if geo in self.geos:
            cursor.refuse(f"{geo} already stands in rules[{self.geos[geo]}]")
        elif geo[:2] in self.geos:
            cursor.refuse(f"{geo} is part of {geo[:2]}, which stands in rules[{self.geos[geo[:2]]}]")
        self.geos.setdefault(geo, index)

    def _check_subnet(self, cursor: Cursor, subnet: _Net, index: int) -> None:
        for seen, where in self.subnets.items():
            if subnet == seen:
                cursor.refuse(f"{subnet} already stands in rules[{where}]")
            elif subnet.version == seen.version and subnet.subnet_of(seen):  # type: ignore[arg-type]
                cursor.refuse(f"{subnet} is part of {seen}, which stands in rules[{where}]")
        self.subnets.setdefault(subnet, index)
