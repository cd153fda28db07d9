"""What differs between two catalogs, in the operator's words, not in the spelling of their files."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from itm.catalog.types import (
    Catalog,
    HealthCheck,
    Location,
    Margin,
    Pop,
    Rule,
    Service,
    Tuning,
    ZoneText,
)

Noun = TypeVar("Noun")

MANY = 5
"""From so many POPs on, the same change is told once."""

_BLANKS = re.compile(r'("(?:[^"\\]|\\.)*")|\s+')


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: `sign` is `+`, `-` or `~`, `what` names the noun, `text` tells the change."""

    sign: str
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.sign} {self.what}: {self.text}"


def diff(old: Catalog, new: Catalog) -> tuple[Change, ...]:
    """Return the changes from `old` to `new`; none if they mean the same."""
    return (
        *_fold(tuple(_compare(_pops(old), _pops(new), _tell_pop, _pop_changes))),
        *_compare(_services(old), _services(new), _tell_service, _service_changes),
        *_compare(_zones(old), _zones(new), _tell_zone, _zone_changes),
        *_probe_zone_change(old.probe_zone, new.probe_zone),
    )


def _compare(
    old: Mapping[str, Noun],
    new: Mapping[str, Noun],
    tell: Callable[[Noun], str],
    changes: Callable[[Noun, Noun], Iterator[tuple[str, str]]],
) -> Iterator[Change]:
    for what in (*old, *(name for name in new if name not in old)):
        if what not in new:
            yield Change("-", what, tell(old[what]))
        elif what not in old:
            yield Change("+", what, tell(new[what]))
        else:
            yield from (Change(sign, what, text) for sign, text in changes(old[what], new[what]))


def _fold(changes: Sequence[Change]) -> Iterator[Change]:
    """Tell a change that many POPs share once, in the place of the first: defaults are for all of them."""
    shared = Counter((change.sign, change.text) for change in changes)
    told: set[tuple[str, str]] = set()
    for change in changes:
        key = (change.sign, change.text)
        if shared[key] < MANY:
            yield change
        elif key not in told:
            told.add(key)
            yield Change(change.sign, f"{shared[key]} POPs", change.text)


def _pops(catalog: Catalog) -> dict[str, Pop]:
    return {f"pop {pop.id}": pop for pop in catalog.pops}


def _tell_pop(pop: Pop) -> str:
    return f"{pop.provider}, {pop.city} {pop.country}, {' '.join((*pop.ipv4, *pop.ipv6))}"


def _pop_changes(old: Pop, new: Pop) -> Iterator[tuple[str, str]]:
    for field in fields(Pop):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before != after:
            yield "~", f"{field.name} {_show(before)} -> {_show(after)}"


def _services(catalog: Catalog) -> dict[str, Service]:
    return {f"service {service.name}": service for service in catalog.services}


def _tell_service(service: Service) -> str:
    pops = {pop for _, pool in service.pools for pop in pool}
    return f"ttl {service.ttl}, {len(pops)} POPs, {_tell_rules(service.rules)}"


def _service_changes(old: Service, new: Service) -> Iterator[tuple[str, str]]:
    for name in ("ttl", "ttl_most", "ipv4_values", "ipv6_values", "steer", "require_tags"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield "~", f"{name} {_show(before)} -> {_show(after)}"
    for field in fields(Tuning):
        before, after = getattr(old.tuning, field.name), getattr(new.tuning, field.name)
        if before != after:
            yield "~", f"{field.name.replace('_', ' ')} {_show(before)} -> {_show(after)}"
    yield from _pool_changes(dict(old.pools), dict(new.pools))
    if old.rules != new.rules:
        yield "~", f"rules {_tell_rules(old.rules)} -> {_tell_rules(new.rules)}"


def _pool_changes(
    old: Mapping[str, Sequence[str]], new: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, str]]:
    for name in (*old, *(name for name in new if name not in old)):
        before, after = old.get(name, ()), new.get(name, ())
        gone = [f"-{pop}" for pop in before if pop not in after]
        come = [f"+{pop}" for pop in after if pop not in before]
        sign = "-" if name not in new else "+" if name not in old else "~"
        if gone or come:
            yield sign, f"pool {name}: {' '.join(gone + come)}"


def _tell_rules(rules: Sequence[Rule]) -> str:
    return "; ".join(map(_tell_rule, rules))


def _tell_rule(rule: Rule) -> str:
    conditions = (*rule.subnets, *(f"AS{asn}" for asn in rule.asns), *rule.geos)
    return f"{' '.join(conditions) or 'all'}: {', '.join(rule.pools)}"


def _zones(catalog: Catalog) -> dict[str, ZoneText]:
    return {f"zone {zone.name}": zone for zone in catalog.zones}


def _tell_zone(zone: ZoneText) -> str:
    return f"{len(_lines(zone))} lines"


def _zone_changes(old: ZoneText, new: ZoneText) -> Iterator[tuple[str, str]]:
    before, after = _secondaries(old), _secondaries(new)
    yield from (("-", f"secondary {text}") for text in before if text not in after)
    yield from (("+", f"secondary {text}") for text in after if text not in before)
    for line in difflib.ndiff(_lines(old), _lines(new)):
        if line[0] in "+-":
            yield line[0], line[2:]


def _probe_zone_change(old: str, new: str) -> Iterator[Change]:
    if old != new:
        yield Change("~", "rum", f"probe_zone {old or 'none'} -> {new or 'none'}")


def _secondaries(zone: ZoneText) -> list[str]:
    """Return the secondaries as an operator names them: `192.0.2.7 port 53, key example.`."""
    return [
        f"{one.address} port {one.port}{f', key {one.key}' if one.key else ''}" for one in zone.secondaries
    ]


def _lines(zone: ZoneText) -> list[str]:
    """Return the lines with content, outside quotes with one blank for several (a leading one counts)."""
    lines = (_BLANKS.sub(lambda found: found[1] or " ", line) for line in zone.text.splitlines())
    return [line.rstrip() for line in lines if line.strip() and not line.lstrip().startswith(";")]


def _show(value: object) -> str:
    if isinstance(value, tuple):
        is_named = value and all(isinstance(one, tuple) for one in value)
        said = [f"{one[0]}: {_show(one[1])}" for one in value] if is_named else map(_show, value)
        return (", " if is_named else " ").join(said) or "none"
    if isinstance(value, Margin):
        return f"{value.share:.0%}" if value.share else f"{value.ms:g} ms"
    if isinstance(value, Location):
        parts = (f"{value.name} ({value.country} {value.lat:g} {value.lon:g}", f"weight {value.weight:g}")
        return ", ".join(filter(None, (*parts, value.network))) + ")"
    if isinstance(value, HealthCheck):
        target = f"{value.address or '*'}:{value.port}{value.path if value.protocol != 'tcp' else ''}"
        settings = (
            f" {name}={getattr(value, name)}"
            for name in ("host", "interval_seconds", "timeout_seconds", "rise", "fall")
            if getattr(value, name)
        )
        return f"{value.protocol}://{target}{''.join(settings)}"
    return "none" if value is None else str(value)
