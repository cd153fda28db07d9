"""The headers that have browsers report what they meet at this POP (W3C Network Error Logging).

Browsers keep the policy of an HTTPS origin that they reached without a certificate error, and send their
reports later. They take the collector from `Report-To` alone: `Reporting-Endpoints` belongs to documents, and
a request that failed has none.
"""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import urlsplit

from gateway.errors import ConfigError

MAX_AGE_SECONDS: Final = 604_800
"""A week: who comes every working day has the policy when something fails on a Monday."""
FAILURE_FRACTION: Final = 1.0
SUCCESS_FRACTION: Final = 0.1
LEAST_FRACTION: Final = 0.1
"""The collector counts a report as ten requests at most: a thinner sample would count too little."""


def policy(report_to: str, success_fraction: float) -> tuple[tuple[str, str], ...]:
    """Return the headers of every response; none for an empty URL.

    All failures are reported, and this share of successes. Raises `ConfigError` naming the option.
    """
    if not report_to:
        return ()
    if not _is_collector(report_to):
        raise ConfigError(f"--report-to: expected https://HOST[:PORT]/PATH, got {report_to!r}")
    if success_fraction and not LEAST_FRACTION <= success_fraction <= 1:
        expected = f"0, or {LEAST_FRACTION:g} to 1"
        raise ConfigError(f"--success-fraction: expected {expected}, got {success_fraction:g}")
    group = {"group": "nel", "max_age": MAX_AGE_SECONDS, "endpoints": [{"url": report_to}]}
    kept = {"report_to": "nel", "max_age": MAX_AGE_SECONDS}
    shares = {"success_fraction": success_fraction, "failure_fraction": FAILURE_FRACTION}
    return ("Report-To", json.dumps(group)), ("NEL", json.dumps({**kept, **shares}))


def _is_collector(url: str) -> bool:
    """Say whether browsers would send reports there: to HTTPS only."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        return False
