"""Feed rows: CSV or NDJSON text into `Measurement`s, every refused row with its line number.

Columns `network` (or `address`: a full address is truncated at once), `pop`, `metric`, `value`, `time`
(seconds since the epoch, or ISO 8601 with its offset), `source` where it is not `feed`, and `coarse` (1) for
what a coarse timer measured: all that `itm export` writes. CSV may begin with a line of column names; without
it the order is the first five above. NDJSON has one object per line with the same names. Rows of metric
`load` are read by `load`.
"""

from __future__ import annotations

import csv
import ipaddress
import json
import math
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from collectors.feed import load
from collectors.feed.load import LOAD, Load
from collectors.limits import complaint, number_or_text, shown
from collectors.measurement import METRICS, SOURCES, Measurement
from collectors.network import Network

COLUMNS: Final = ("network", "pop", "metric", "value", "time")

NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
KINDS: Final = (NDJSON, CSV)

CLOCK_SKEW_SECONDS: Final = 300.0
"""How far in the future a row's time may lie, for clocks that go ahead; such a row counts as now."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, order=True)
class RefusedRow:
    """Why a row was refused: its line (first is 1), the first reason's code, all texts."""

    line: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class FeedResult:
    """What a feed held. `shifted_seconds` was added to every time."""

    accepted: tuple[Measurement, ...]
    refused: tuple[RefusedRow, ...]
    shifted_seconds: float = 0.0
    loads: tuple[Load, ...] = ()


def parse(
    body: bytes,
    *,
    now: float,
    window_seconds: float,
    pops: Container[str],
    kind: str = "",
    shift_to_now: bool = False,
    client_of: Callable[[Address], int] | None = None,
) -> FeedResult:
    """Return the measurements of a feed; rows older than `window_seconds` are refused.

    `kind` is the media type it was sent with; if none of `KINDS`, the first character says what it is.
    With `shift_to_now` all times move so that the newest row is now, before ages are looked at; rows of the
    future are refused first, and so are rows from before 1970. `client_of`
    hashes a full address (`ClientHash.of`); without it, and for rows with a mere network, the client is not
    known. Never raises on input. Codes: `not_text`, `not_csv`, `not_json`, `bad_network`, `unknown_pop`,
    `unknown_metric`, `unknown_source`, `bad_value`, `bad_coarse`, `bad_time`, `too_old`, `in_the_future`.
    """
    reading = _Reading(pops, client_of)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return FeedResult((), (RefusedRow(1, "not_text", "the feed is not UTF-8"),))
    is_ndjson = text.lstrip().startswith("{") if kind not in KINDS else kind == NDJSON
    rows = _ndjson(text) if is_ndjson else _csv(text)
    for line, given in rows:
        reading.take(line, given)
    timed = [(line, m) for line, m in reading.rows if reading.has_sane_time(line, m.time, now)]
    shift = now - max((m.time for _, m in timed), default=now) if shift_to_now else 0.0
    accepted: list[Measurement] = []
    loads: list[Load] = []
    for line, row in timed:
        age = now - (row.time + shift)
        if age > window_seconds:
            text = f"time: {age / 3600:.1f} h old; the window is {window_seconds / 3600:g} h"
            reading.refused.append(RefusedRow(line, "too_old", text))
        elif isinstance(row, Load):
            loads.append(replace(row, time=min(row.time + shift, now)))
        else:
            accepted.append(row._replace(time=min(row.time + shift, now)))
    return FeedResult(tuple(accepted), tuple(sorted(reading.refused)), shift, tuple(loads))


@dataclass(frozen=True, slots=True)
class _Malformed:
    """A line that is no row at all."""

    code: str
    text: str


def _ndjson(text: str) -> Iterator[tuple[int, Mapping[str, Any] | _Malformed]]:
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except (ValueError, RecursionError):
            yield line, _Malformed("not_json", "the line is not JSON")
            continue
        yield line, row if isinstance(row, dict) else _Malformed("not_json", "expected an object")


def _csv(text: str) -> Iterator[tuple[int, Mapping[str, Any] | _Malformed]]:
    """Read each line for itself: one with a quote too many costs itself, not all that follow."""
    columns: list[str] = list(COLUMNS)
    for line, content in enumerate(text.split("\n"), start=1):
        try:
            row = content.rstrip("\r")
            cells = next(csv.reader([row]), []) if '"' in row else row.split(",")
        except csv.Error as error:
            yield line, _Malformed("not_csv", str(error))
            continue
        if not any(cell.strip() for cell in cells):
            continue
        names = [cell.strip().lower() for cell in cells]
        if line == 1 and "pop" in names and "metric" in names:
            columns = names
        elif len(cells) != len(columns):
            wrong = f"{len(cells)} fields, expected {len(columns)}: {shown(', '.join(columns))}"
            yield line, _Malformed("not_csv", wrong)
        else:
            yield line, dict(zip(columns, cells, strict=True))


class _Reading:
    """Turns rows into measurements and loads; keeps those, and the rows refused."""

    def __init__(self, pops: Container[str], client_of: Callable[[Address], int] | None) -> None:
        self.rows: list[tuple[int, Measurement | Load]] = []
        self.refused: list[RefusedRow] = []
        self._pops = pops
        self._client_of = client_of
        self._origins: dict[str, tuple[Network, int]] = {}  # a feed names few networks, many times

    def take(self, line: int, row: Mapping[str, Any] | _Malformed) -> None:
        """Read one row."""
        if isinstance(row, _Malformed):
            self.refused.append(RefusedRow(line, row.code, row.text))
            return
        wrong: list[tuple[str, str]] = []
        pop, metric = (str(row.get(name, "")).strip() for name in ("pop", "metric"))
        if pop not in self._pops:
            wrong.append(("unknown_pop", f"pop: no POP {shown(pop)}"))
        made: Measurement | Load
        if metric == LOAD:
            made = load.read(row, pop, _time(row.get("time"), wrong), wrong)
        else:
            made = self._measurement(row, pop, metric, wrong)
        if wrong:
            self.refused.append(RefusedRow(line, wrong[0][0], "; ".join(text for _, text in wrong)))
        else:
            self.rows.append((line, made))

    def _measurement(
        self, row: Mapping[str, Any], pop: str, metric: str, wrong: list[tuple[str, str]]
    ) -> Measurement:
        network, client = self._origin(row.get("network") or row.get("address") or "", wrong)
        source = str(row.get("source") or "feed").strip()
        if metric not in METRICS:
            known = ", ".join((*METRICS, LOAD))
            wrong.append(("unknown_metric", f"metric: {shown(metric)} is not one of {known}"))
        if source not in SOURCES:
            wrong.append(("unknown_source", f"source: {shown(source)} is not one of {', '.join(SOURCES)}"))
        value = _value(row.get("value"), metric, wrong)
        time, coarse = _time(row.get("time"), wrong), _coarse(row.get("coarse"), wrong)
        return Measurement(network, pop, metric, value, time, source, client, coarse)

    def has_sane_time(self, line: int, time: float, now: float) -> bool:
        """Say whether a time lies between 1970 and now, with clocks that go ahead; refuses the row if not.

        Looked at before the newest row is chosen: one absurd time must not make all others too old.
        """
        if time > now + CLOCK_SKEW_SECONDS:
            self.refused.append(
                RefusedRow(line, "in_the_future", f"time: {time - now:.7g} s ahead of our clock")
            )
        elif time < 0:
            self.refused.append(RefusedRow(line, "too_old", "time: before 1970"))
        else:
            return True
        return False

    def _origin(self, given: object, wrong: list[tuple[str, str]]) -> tuple[Network, int]:
        text = str(given).strip()
        origin = self._origins.get(text)
        if origin is None:
            try:
                origin = self._origins[text] = self._read_origin(text)
            except ValueError:
                wrong.append(("bad_network", f"network: {shown(text)} is no address or network of /24, /48"))
                return _NOWHERE
        return origin

    def _read_origin(self, text: str) -> tuple[Network, int]:
        network = Network.of(text)
        if "/" in text or self._client_of is None:
            return network, 0
        address = ipaddress.ip_address(text)
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return network, self._client_of(mapped or address)


_NOWHERE: Final = (Network(4, 0), 0)


def _value(given: object, metric: str, wrong: list[tuple[str, str]]) -> float:
    value = number_or_text(given)
    if value is None:
        wrong.append(("bad_value", f"value: expected a number, got {shown(given)}"))
        return math.nan
    if metric in METRICS and (text := complaint(metric, value)):
        wrong.append(("bad_value", f"value: {text}"))
    return value


def _coarse(given: object, wrong: list[tuple[str, str]]) -> bool:
    word = str(given if given is not None else "").strip().lower()
    if word not in {"", "0", "1", "false", "true"}:
        wrong.append(("bad_coarse", f"coarse: expected 1, 0 or nothing, got {shown(given)}"))
    return word in {"1", "true"}


def _time(given: object, wrong: list[tuple[str, str]]) -> float:
    seconds = number_or_text(given)
    if seconds is None and isinstance(given, str):
        try:
            moment = datetime.fromisoformat(given.strip())
            seconds = moment.timestamp() if moment.tzinfo else None  # no offset: nobody knows when that was
        except (ValueError, OverflowError):
            seconds = None
    if seconds is None:
        wrong.append(
            ("bad_time", f"time: expected epoch seconds or ISO 8601 with offset, got {shown(given)}")
        )
        return math.nan
    return seconds
