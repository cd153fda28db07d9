from __future__ import annotations

import json

import pytest

from gateway.errors import ConfigError
from gateway.pop.nel import policy

URL = "https://collector.example.net/rum/v1/nel"


def test_every_failure_and_a_share_of_successes() -> None:
    """For this origin alone: a policy of subdomains could report failures to resolve them and no others."""
    assert policy("", 0.5) == ()
    headers = {name: json.loads(text) for name, text in policy(URL, 0.25)}
    assert headers == {
        "Report-To": {"group": "nel", "max_age": 604_800, "endpoints": [{"url": URL}]},
        "NEL": {"report_to": "nel", "max_age": 604_800, "success_fraction": 0.25, "failure_fraction": 1.0},
    }


@pytest.mark.parametrize(
    "url", ["http://c.test/", "c.test", "https://", "https://c.test:0/", "https://c.test/\r\nX: y"]
)
def test_a_collector_that_browsers_would_not_use(url: str) -> None:
    """Or that would break the header."""
    with pytest.raises(ConfigError, match=r"^--report-to: expected https://HOST"):
        policy(url, 0.1)


@pytest.mark.parametrize("share", [0.05, -1, 1.5, float("nan")])
def test_a_share_that_would_count_wrongly(share: float) -> None:
    """Too thin a sample makes a POP look worse than it is; none at all is the operator's choice."""
    policy(URL, 0)
    with pytest.raises(ConfigError, match=r"^--success-fraction: expected 0, or 0\.1 to 1, got "):
        policy(URL, share)
