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
from typing import Any, Final, NamedTuple, Protocol

from collectors.limits import complaint, number, shown
from collectors.measurement import METRICS, Measurement
from collectors.network import Network
from collectors.rum.sound import sound_items
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


class BeaconResult(NamedTuple):
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
    admission = None if tokens is None else _Admission(tokens, network, now)
    sound = sound_items(body, pops, MAX_ITEMS)
    if sound is None:
        return _told(body, pops, admission, (network, now, client))
    accepted, refused = [], []
    for index, item in enumerate(sound):
        fault = None if admission is None else admission.fault(item.token, item.pop, item.metric)
        if fault is None:
            accepted.append(
                Measurement(
                    network, item.pop, item.metric, item.value, now, "rum", client, item.coarse or False
                )
            )
        else:
            refused.append(Refusal(index, fault, _TOLD[fault]))
    return BeaconResult(tuple(accepted), tuple(refused), admission.claims if admission is not None else ())


def _told(
    body: bytes, pops: Container[str], admission: _Admission | None, whence: tuple[Network, float, int]
) -> BeaconResult:
    """Return the same of a body in which something is wrong, and what."""
    try:
        content = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return refuse_all("not_json", "the body is not JSON")
    items = content.get("measurements", [content]) if isinstance(content, dict) else content
    if not isinstance(items, list):
        return refuse_all("not_a_batch", "expected an object, a list, or {measurements: [...]}")
    if len(items) > MAX_ITEMS:
        return refuse_all("too_many", f"{len(items)} measurements; at most {MAX_ITEMS} in one beacon")
    accepted, refused = [], []
    network, now, client = whence
    for index, item in enumerate(items):
        complaints = _complaints(item, pops)
        if complaints:
            refused.append(Refusal(index, complaints[0][0], "; ".join(text for _, text in complaints)))
            continue
        pop, metric, value = item["pop"], item["metric"], float(item["value"])
        fault = None if admission is None else admission.fault(item.get("token"), pop, metric)
        if fault is None:
            coarse = bool(item.get("coarse"))
            accepted.append(Measurement(network, pop, metric, value, now, "rum", client, coarse))
        else:
            refused.append(Refusal(index, fault, _TOLD[fault]))
    return BeaconResult(tuple(accepted), tuple(refused), admission.claims if admission is not None else ())


class _Admission:
    """The tokens of one beacon: each judged once, and which of its metrics it has admitted."""

    __slots__ = ("_admitted", "_found", "_network", "_now", "_tokens")

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

    def fault(self, token: object, pop: str, metric: str) -> TokenFault | None:
        """Return why an otherwise sound item is not admitted."""
        if token is None:
            return TokenFault.MISSING
        if not isinstance(token, str):
            return TokenFault.MALFORMED
        found = self._found.get(token)
        if found is None:
            found = self._found[token] = self._tokens.judge(token, self._network, self._now)
        if isinstance(found, TokenFault):
            return found
        if found.pop != mark_of(pop):
            return TokenFault.POP
        metrics = self._admitted.setdefault(found, set())
        if metric in metrics:
            return TokenFault.REPEATED
        metrics.add(metric)
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


def refuse_all(code: str, text: str) -> BeaconResult:
    """Return the result of a beacon that is refused as a whole, for this reason."""
    return BeaconResult((), (Refusal(WHOLE_BODY, code, text),))
