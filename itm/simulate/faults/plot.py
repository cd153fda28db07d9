"""An outcome as an SVG picture: regret, availability and the fullest POP over time, one line per strategy.

Written by hand: three panels of polylines need no plotting library. Points that do not change the picture are
left out, so that a picture stays small.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from itm.simulate.faults.outcome import Outcome, Point
from itm.simulate.faults.strategy import ITM, NEAREST, ORACLE, STATIC_GEO

WIDTH: Final = 860
FONT: Final = 'font-family="sans-serif" font-size="12"'
LEFT, RIGHT, TOP, PANEL, GAP = 64, 130, 46, 150, 44
COLORS: Final[Mapping[str, str]] = {
    NEAREST: "#999999",
    STATIC_GEO: "#d55e00",
    ITM: "#0072b2",
    ORACLE: "#009e73",
}
"""Colours that colour-blind people tell apart (Okabe, Ito 2008). Round-robin would flatten all others."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One set of lines; a logarithmic scale shows regrets that differ by a hundred times."""

    title: str
    field: str
    low: float
    high: float
    is_log: bool

    def height(self, value: float) -> float:
        """Return where a value stands from the panel's top, in units of the picture."""
        value = min(max(value, self.low), self.high)
        if self.is_log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return PANEL * (1 - share)

    def ticks(self) -> list[float]:
        """Return the values that get a line and a number."""
        if self.is_log:
            steps = range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)
            return [10.0**step for step in steps]
        return [self.low + (self.high - self.low) * part / 4 for part in range(5)]


def as_svg(outcome: Outcome) -> str:
    """Return the picture as text."""
    points = outcome.points
    worst = max(max(point.regret_ms[name] for name in COLORS) for point in points)
    least = min(min(point.available[name] for name in COLORS) for point in points)
    fullest = max(max(point.fullest[name] for name in COLORS) for point in points)
    panels = [
        Panel("regret, ms", "regret_ms", 0.1, 10.0 ** math.ceil(math.log10(max(worst, 10))), True),
        Panel("demand served", "available", math.floor(min(least, 0.9) * 10) / 10, 1.0, False),
        Panel("fullest POP", "fullest", 0.0, max(1.0, math.ceil(fullest * 4) / 4), False),
    ]
    height = TOP + len(panels) * (PANEL + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {FONT}>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{escape(outcome.scenario.title)}</text>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, outcome, TOP + number * (PANEL + GAP))
    parts += _legend()
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, outcome: Outcome, top: float) -> list[str]:
    end = outcome.scenario.minutes
    inner = WIDTH - LEFT - RIGHT
    parts = [f'<text x="{LEFT}" y="{top - 6}">{panel.title}</text>']
    for shade, phase in enumerate(outcome.scenario.phases):
        x, wide = LEFT + inner * phase.start / end, inner * (phase.end - phase.start) / end
        fill = "#f4f4f4" if shade % 2 else "#e9eef4"
        parts.append(f'<rect x="{x:.1f}" y="{top}" width="{wide:.1f}" height="{PANEL}" fill="{fill}"/>')
        parts.append(
            f'<text x="{x + 4:.1f}" y="{top + 13}" fill="#777777" font-size="10">{phase.name}</text>'
        )
    for tick in panel.ticks():
        y = top + panel.height(tick)
        label = f"{tick:.0%}" if panel.high <= 1 else f"{tick:g}"
        parts.append(f'<path d="M{LEFT} {y:.1f}H{LEFT + inner}" stroke="#cccccc" stroke-width="0.5"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for part in range(5):
        x, minute = LEFT + inner * part / 4, end * part / 4
        label = f"{minute:g} min" if end <= 240 else f"{minute / 60:g} h"
        parts.append(f'<text x="{x:.1f}" y="{top + PANEL + 15}" text-anchor="middle">{label}</text>')
    for name, color in COLORS.items():
        curve = _curve(outcome.points, panel, name, inner / end)
        at = f'transform="translate({LEFT} {top})"'
        parts.append(f'<path d="{curve}" {at} fill="none" stroke="{color}" stroke-width="1.6"/>')
    return parts


def _curve(points: Sequence[Point], panel: Panel, name: str, width: float) -> str:
    """Return the path of one strategy: a point where it differs from its neighbours, none in between."""
    at = [(point.minute * width, panel.height(getattr(point, panel.field)[name])) for point in points]
    drawn = [(f"{x:.1f}", f"{y:.1f}") for x, y in at]
    turns = [
        one
        for number, one in enumerate(drawn)
        if number in (0, len(drawn) - 1) or len({y for _, y in drawn[number - 1 : number + 2]}) > 1
    ]
    return "M" + "L".join(f"{x} {y}" for x, y in turns)


def _legend() -> list[str]:
    x = WIDTH - RIGHT + 16
    parts = []
    for number, (name, color) in enumerate(COLORS.items()):
        y = TOP + 14 + 20 * number
        parts.append(f'<path d="M{x} {y}h22" stroke="{color}" stroke-width="2.5"/>')
        parts.append(f'<text x="{x + 28}" y="{y + 4}">{name}</text>')
    return parts
