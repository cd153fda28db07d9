"""Network Error Logging: a body of reports into measurements of availability, with a reason for each refused.

The body is a list of reports or one report (W3C Reporting API, `application/reports+json`); a report is
`{"type": "network-error", "age": ms, "url": ..., "body": {...}}`. Some senders put the URL into the body.
Browsers send no token, so a report speaks for availability alone. What it says of the client (URL, referrer,
address of the server, user agent) is looked at here and goes no further.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from collectors.errors import ReportRefused
from collectors.limits import number, shown
from collectors.measurement import Measurement
from collectors.network import Network
from collectors.rum.beacon import WHOLE_BODY, BeaconResult, Refusal
from collectors.rum.budget import NETWORK, OVERALL, Budgets
from collectors.rum.neltypes import Meaning, meaning_of
from collectors.rum.popfinder import PopFinder

MAX_REPORTS: Final = 100
"""In one body: what Chromium keeps at most (net/reporting: max_report_count)."""

MAX_AGE_MS: Final = 3_600_000.0
"""Chromium throws reports away after 15 minutes; a claim of more than an hour is no news."""

MAX_WEIGHT: Final = 10
"""Most measurements that one report stands for: a share of reports below a tenth counts too little."""

_SPENT: Final = {
    NETWORK: "too many reports of this network within the hour",
    OVERALL: "too many reports in this second",
}

PHASES: Final = ("dns", "connection", "application")


@dataclass(frozen=True, slots=True)
class _Said:
    """What a sound report says: which POP, 0 or 1, how long ago, and how many requests it stands for."""

    pop: str
    available: float
    age_seconds: float
    weight: int


def parse(
    body: bytes, *, network: Network, client: int, now: float, pops: PopFinder, budgets: Budgets
) -> BeaconResult:
    """Return the measurements of a body sent by `client` (its keyed hash) in `network` at `now`.

    A report of sampling fraction f becomes 1/f equal measurements, at most `MAX_WEIGHT`. Codes: `not_json`,
    `not_a_batch`, `too_many` (whole body); `not_a_report`, `other_report`, `bad_age`, `too_old`,
    `bad_fraction`, `bad_phase`, `unknown_type`, `not_about_the_pop`, `unknown_pop`, `two_pops`, and those of
    `budgets`, from which each sound report takes one. Never raises on input.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return _refuse_all("not_json", "the body is not JSON")
    reports = [content] if isinstance(content, dict) else content
    if not isinstance(reports, list):
        return _refuse_all("not_a_batch", "expected a list of reports, or one report")
    if len(reports) > MAX_REPORTS:
        return _refuse_all("too_many", f"{len(reports)} reports; at most {MAX_REPORTS} in one body")
    accepted: list[Measurement] = []
    refused: list[Refusal] = []
    for index, report in enumerate(reports):
        try:
            said = _read(report, pops)
            if reason := budgets.take(network, now):
                raise ReportRefused(reason, _SPENT[reason])
        except ReportRefused as error:
            refused.append(Refusal(index, error.code, str(error)))
            continue
        time = now - said.age_seconds
        made = Measurement(network, said.pop, "availability", said.available, time, "nel", client)
        accepted += [made] * said.weight
    return BeaconResult(tuple(accepted), tuple(refused))


def _read(report: Any, pops: PopFinder) -> _Said:
    if not isinstance(report, dict):
        raise ReportRefused("not_a_report", "expected an object")
    if report.get("type") != "network-error":
        raise ReportRefused("other_report", f"type: expected network-error, got {shown(report.get('type'))}")
    body = report.get("body")
    if not isinstance(body, dict):
        raise ReportRefused("not_a_report", "body: expected an object")
    age, weight, said = _age(report.get("age")), _weight(body.get("sampling_fraction")), _meaning(body)
    if said.available is None:
        raise ReportRefused("not_about_the_pop", f"type: {shown(body['type'])}: {said.why}")
    return _Said(_pop(report, body, pops), said.available, age, weight)


def _age(given: object) -> float:
    """Return seconds."""
    age = number(given)
    if age is None or age < 0:
        raise ReportRefused("bad_age", f"age: expected milliseconds, got {shown(given)}")
    if age > MAX_AGE_MS:
        raise ReportRefused("too_old", f"age: {age:g} ms; at most {MAX_AGE_MS:g}")
    return age / 1000


def _weight(given: object) -> int:
    fraction = number(given)
    if fraction is None or not 0 < fraction <= 1:
        raise ReportRefused(
            "bad_fraction", f"sampling_fraction: expected above 0, at most 1, got {shown(given)}"
        )
    return MAX_WEIGHT if fraction * MAX_WEIGHT <= 1 else round(1 / fraction)


def _meaning(body: Mapping[str, Any]) -> Meaning:
    phase, kind = body.get("phase"), body.get("type")
    if phase not in PHASES:
        raise ReportRefused("bad_phase", f"phase: {shown(phase)} is not one of {', '.join(PHASES)}")
    found = meaning_of(kind, number(body.get("status_code"))) if isinstance(kind, str) else None
    if found is None:
        raise ReportRefused("unknown_type", f"type: {shown(kind)} is no type of network error")
    return found


def _pop(report: Mapping[str, Any], body: Mapping[str, Any], pops: PopFinder) -> str:
    """Return the POP that the URL names, or, for a name that many POPs share, the one that was contacted."""
    url, address = body.get("url", report.get("url")), body.get("server_ip")
    named = pops.by_url(url) if isinstance(url, str) else None
    contacted = pops.by_address(address) if isinstance(address, str) else None
    if named and contacted and named != contacted:
        raise ReportRefused("two_pops", "url and server_ip belong to two POPs")
    found = named or contacted
    if not found:
        raise ReportRefused("unknown_pop", "neither url nor server_ip is a POP's own")
    return found


def _refuse_all(code: str, text: str) -> BeaconResult:
    return BeaconResult((), (Refusal(WHOLE_BODY, code, text),))
