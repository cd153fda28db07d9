"""A beacon's body: JSON text into `Measurement`s, with the reason for everything refused.

The body is one object, a list of objects or `{"measurements": [...]}`, whatever content type it was sent with
(`navigator.sendBeacon` sends text/plain). An object has `pop`, `metric`, `value` and, if its timer was
coarse, `coarse: true`; other fields, a time among them, are ignored: the server's clock counts.

Where tokens are required, an object also has the `token` of its probe. All that a token admits stands in
one beacon: each metric of its POP once. A token is looked at once per beacon, however many measurements it
admits.
"""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Final, Protocol

from collectors.limits import complaint, number, shown
from collectors.measurement import METRICS, Measurement
from collectors.network import Network
from collectors.rum.token import Claim, TokenFault, mark_of

MAX_ITEMS: Final = 100
"""Measurements in one beacon: far more than a session plan asks for."""

WHOLE_BODY: Final = -1


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item was refused: where it stood (-1: the whole body), the first reason's code, all texts."""

    index: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class BeaconResult:
    """What a beacon held; every item is in exactly one of the first two.

    `claims` are the tokens that admitted something: to be used up once it is taken.
    """

    accepted: tuple[Measurement, ...]
    refused: tuple[Refusal, ...]
    claims: tuple[Claim, ...] = ()


class Judge(Protocol):
    """Says what a token admits: the token register."""

    def judge(self, token: object, network: Network, now: float) -> Claim | TokenFault:
        """Return what a token of a client in `network` admits at `now`, or why it admits nothing."""


def parse(
    body: bytes,
    *,
    network: Network,
    client: int,
    now: float,
    pops: Container[str],
    tokens: Judge | None = None,
) -> BeaconResult:
    """Return the measurements of a beacon from `network`, made by `client` (its keyed hash) at `now`.

    `pops` are the ids that may be measured; with `tokens`, each measurement needs one. Codes: `not_json`,
    `not_a_batch`, `too_many` (whole body), `not_an_object`, `unknown_pop`, `unknown_metric`, `bad_value`,
    `bad_coarse`, and those of `TokenFault`. Never raises on input.
    """
    try:
        content = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return _refuse_all("not_json", "the body is not JSON")
    items = content.get("measurements", [content]) if isinstance(content, dict) else content
    if not isinstance(items, list):
        return _refuse_all("not_a_batch", "expected an object, a list, or {measurements: [...]}")
    if len(items) > MAX_ITEMS:
        return _refuse_all("too_many", f"{len(items)} measurements; at most {MAX_ITEMS} in one beacon")
    accepted, refused = [], []
    admission = None if tokens is None else _Admission(tokens, network, now)
    for index, item in enumerate(items):
        complaints = _complaints(item, pops)
        if complaints:
            refused.append(Refusal(index, complaints[0][0], "; ".join(text for _, text in complaints)))
            continue
        fault = admission.fault(item) if admission is not None else None
        if fault is not None:
            refused.append(Refusal(index, fault, _TOLD[fault]))
            continue
        accepted.append(
            Measurement(
                network,
                item["pop"],
                item["metric"],
                float(item["value"]),
                now,
                "rum",
                client,
                item.get("coarse", False),
            )
        )
    return BeaconResult(tuple(accepted), tuple(refused), admission.claims if admission is not None else ())


class _Admission:
    """The tokens of one beacon: each judged once, and which of its metrics it has admitted."""

    def __init__(self, tokens: Judge, network: Network, now: float) -> None:
        self._tokens = tokens
        self._network = network
        self._now = now
        self._found: dict[str, Claim | TokenFault] = {}
        self._admitted: dict[Claim, set[str]] = {}

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The tokens that admitted something."""
        return tuple(self._admitted)

    def fault(self, item: dict[str, Any]) -> TokenFault | None:
        """Return why an otherwise sound item is not admitted."""
        token = item.get("token")
        if token is None:
            return TokenFault.MISSING
        if not isinstance(token, str):
            return TokenFault.MALFORMED
        found = self._found.get(token)
        if found is None:
            found = self._found[token] = self._tokens.judge(token, self._network, self._now)
        if isinstance(found, TokenFault):
            return found
        if found.pop != mark_of(item["pop"]):
            return TokenFault.POP
        metrics = self._admitted.setdefault(found, set())
        if item["metric"] in metrics:
            return TokenFault.REPEATED
        metrics.add(item["metric"])
        return None


_TOLD: Final = {
    TokenFault.MISSING: "token: missing; POST /rum/v1/session gives one for each probe",
    TokenFault.MALFORMED: "token: not one of ours",
    TokenFault.FORGED: "token: not signed by a key in force",
    TokenFault.EXPIRED: "token: expired",
    TokenFault.FOREIGN: "token: was given to another network",
    TokenFault.POP: "token: was given for another POP",
    TokenFault.USED: "token: was used in an earlier beacon",
    TokenFault.CROWDED: "token: too old to tell whether it was used",
    TokenFault.REPEATED: "token: admits each metric once",
}


def _complaints(item: Any, pops: Container[str]) -> list[tuple[str, str]]:
    """Return (code, text) of everything that is wrong with one item."""
    if not isinstance(item, dict):
        return [("not_an_object", "expected an object")]
    found = []
    pop, metric, value, coarse = (item.get(name) for name in ("pop", "metric", "value", "coarse"))
    if not isinstance(pop, str) or pop not in pops:
        found.append(("unknown_pop", f"pop: no POP {shown(pop)}"))
    if metric not in METRICS:
        found.append(("unknown_metric", f"metric: {shown(metric)} is not one of {', '.join(METRICS)}"))
    measured = number(value)
    if measured is None:
        found.append(("bad_value", f"value: expected a number, got {shown(value)}"))
    elif metric in METRICS and (text := complaint(str(metric), measured)):
        found.append(("bad_value", f"value: {text}"))
    if not (coarse is None or isinstance(coarse, bool)):
        found.append(("bad_coarse", f"coarse: expected true or false, got {shown(coarse)}"))
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _refuse_all(code: str, text: str) -> BeaconResult:
    return BeaconResult((), (Refusal(WHOLE_BODY, code, text),))
