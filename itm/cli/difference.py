"""A difference of two maps as a person reads it: a summary, then tables of where, loads and examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from itm.cli.columns import columns

TOP: Final = 10
LEAST_SHARE: Final = 0.0005
"""Of demand: a POP whose load changes by less is not told."""

Fields = Mapping[str, Any]


def compared_lines(found: Fields) -> list[str]:
    """Return the lines for an answer: services that are no more, then every class."""
    gone = [f"{name}: removed, answered no more" for name in found["removed"]]
    return gone + [line for one in found["classes"] for line in difference_lines(one)]


def difference_lines(one: Fields) -> list[str]:
    """Return the lines for one class of the API's answer."""
    services, moved = ", ".join(one["services"]), f"{one['moved_share']:.2%} of demand changes its POP"
    gain = f"{one['gained_ms']:z.2f} ms gained, {one['lost_ms']:z.2f} ms lost on average"
    networks = f"{one['networks4']} /24s, {one['networks6']} /48s"
    lines = [
        f"{services}: {moved}; {gain}",
        f"  flipped: {one['prefixes']} prefixes ({networks}), {one['resolvers']} resolvers",
        f"  {_size(one['size_before'], one['size'])}",
    ]
    if one["latency"]:
        lines.append(f"  estimated ms, before -> after: {_latency(one['latency_before'], one['latency'])}")
    if one["unpriced_share"] > 0:
        lines.append(f"  {one['unpriced_share']:.2%} moves from or to a POP whose round trip is not known")
    for name, of in (("country", "countries"), ("as", "ases")):
        for way in ("gained", "lost"):
            lines += _parts(name, way, one[of][way])
    return lines + _loads(one["load_before"], one["load"]) + _flips(one["flips"])


def _size(before: Fields, after: Fields) -> str:
    names = {
        "runs4": "IPv4 runs",
        "scopes4": "scopes",
        "runs6": "IPv6 runs",
        "scopes6": "scopes",
        "leaves": "leaves",
    }
    return "; ".join(f"{text} {before[name]} -> {after[name]}" for name, text in names.items())


def _latency(before: Fields, after: Fields) -> str:
    return ", ".join(f"{name} {before[name]:.1f} -> {after[name]:.1f}" for name in after if name in before)


def _parts(name: str, way: str, parts: Sequence[Fields]) -> list[str]:
    rows = [
        (p["of"] or "-", f"{p['demand_share']:.2%}", f"{p['moved_share']:.2%}", f"{p[f'{way}_ms']:.2f}")
        for p in parts
    ]
    return _table((name, "demand", "moved", f"{way} ms"), rows)


def _loads(before: Fields, after: Fields) -> list[str]:
    changed = [pop for pop in after if abs(after[pop] - before.get(pop, 0.0)) >= LEAST_SHARE]
    changed.sort(key=lambda pop: -abs(after[pop] - before.get(pop, 0.0)))
    rows = [(pop, f"{before.get(pop, 0.0):.2%}", f"{after[pop]:.2%}") for pop in changed]
    return _table(("pop", "load before", "load"), rows)


def _flips(flips: Sequence[Fields]) -> list[str]:
    rows = [
        (
            f["prefix"],
            f["country"],
            str(f["asn"]),
            f"{f['before'] or '-'} -> {f['after'] or '-'}",
            f"{_ms(f['before_ms'])} -> {_ms(f['after_ms'])}",
            f"{f['demand_share']:.3%}",
        )
        for f in flips
    ]
    return _table(("prefix", "country", "as", "pop", "ms", "demand"), rows)


def _ms(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"  {line}" for line in columns(header, rows).splitlines()] if rows else []
