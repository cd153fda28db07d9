"""What an agent is told to check, as JSON: every POP's plan, and a version that changes with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from collectors.errors import FormError
from collectors.probe.agent import form
from collectors.probe.plan import ProbePlan
from collectors.probe.target import Target
from collectors.probe.threshold import STARTS, Threshold

MOST_POPS: Final = 100_000
"""In one plan: far more than a catalog has; a server gone wrong must not fill an agent's memory."""
MOST_TARGETS: Final = 1000
"""Of one POP, likewise."""
DEFAULTS: Final = asdict(Target("tcp", "", 1))


def encode(plans: Mapping[str, ProbePlan]) -> tuple[str, bytes]:
    """Return the version and the JSON text; fields with their usual values are left out."""
    pops = {
        pop: {
            "interval_seconds": plan.interval_seconds,
            "rise": plan.threshold.rise,
            "fall": plan.threshold.fall,
            "start": plan.start,
            "targets": [_shown(target) for target in plan.targets],
        }
        for pop, plan in sorted(plans.items())
    }
    version = hashlib.sha256(json.dumps(pops).encode()).hexdigest()[:16]
    return version, json.dumps({"version": version, "pops": pops}).encode()


def decode(body: bytes) -> tuple[str, dict[str, ProbePlan]]:
    """Return version and plans. Raises `FormError`, also for what a newer server may say."""
    whole = form.parse(body, "plan")
    pops = form.mapping(whole.get("pops"), "pops")
    if len(pops) > MOST_POPS:
        raise FormError(f"pops: {len(pops)} POPs; at most {MOST_POPS}")
    plans = {pop: _plan(value, f"pops.{pop}") for pop, value in pops.items()}
    return form.text(whole.get("version"), "version", 64), plans


def _shown(target: Target) -> dict[str, Any]:
    found = asdict(target)
    return {name: value for name, value in found.items() if value != DEFAULTS[name] or name in _ALWAYS}


_ALWAYS = ("protocol", "address", "port")


def _plan(value: object, where: str) -> ProbePlan:
    given = form.mapping(value, where)
    targets = form.sequence(given.get("targets"), f"{where}.targets", MOST_TARGETS)
    threshold = Threshold(
        *(int(form.number(given.get(name), f"{where}.{name}", 1, 100)) for name in ("rise", "fall"))
    )
    if given.get("start") not in STARTS:
        raise FormError(f"{where}.start: expected {', '.join(STARTS)}, got {str(given.get('start'))[:40]!r}")
    return ProbePlan(
        tuple(_target(each, f"{where}.targets[{index}]") for index, each in enumerate(targets)),
        form.number(given.get("interval_seconds"), f"{where}.interval_seconds", 0.1, 3600),
        threshold,
        given["start"],
    )


def _target(value: object, where: str) -> Target:
    given = form.mapping(value, where)
    for name in _ALWAYS:
        if name not in given:
            raise FormError(f"{where}.{name}: is missing")
    for name in given:
        if name not in DEFAULTS:
            raise FormError(f"{where}.{name}: no such key: this agent is older than its server")
    read = {name: _field(name, each, f"{where}.{name}") for name, each in given.items()}
    try:
        return Target(**read)
    except ValueError as error:
        raise FormError(f"{where}: {error}") from None


def _field(name: str, value: object, where: str) -> Any:
    usual = DEFAULTS[name]
    if isinstance(usual, bool):
        return form.truth(value, where)
    if isinstance(usual, str):
        return form.text(value, where, 2000)
    if isinstance(usual, tuple):
        return tuple(_range(each, where) for each in form.sequence(value, where, 100))
    return type(usual)(form.number(value, where, 0, 65_535))


def _range(value: object, where: str) -> tuple[int, int]:
    low, high = (int(form.number(each, where, 100, 599)) for each in form.sequence(value, where, 2))
    return low, high
