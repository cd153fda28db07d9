from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from collectors.probe.certificate import DAY_SECONDS, days_left, fault, notice
from tests.gateway.certificates import Certificates


def test_the_days_run_to_the_last_second_of_the_certificate(tmp_path: Path) -> None:
    """They fall by one a day and go below zero."""
    der = ssl.PEM_cert_to_DER_cert(Certificates(tmp_path).ca.read_text())
    ends = days_left(der, 0.0) * DAY_SECONDS
    assert days_left(der, ends - 2 * DAY_SECONDS) == pytest.approx(2)
    assert days_left(der, ends + DAY_SECONDS) == pytest.approx(-1)


def test_garbage_is_no_certificate() -> None:
    """The caller hears of it."""
    with pytest.raises(ValueError):
        days_left(b"no", 0.0)


@pytest.mark.parametrize(
    ("days", "least", "failed", "told"),
    [
        (20, 14, "", ""),
        (3, 14, "", "the certificate expires in 3.0 days"),
        (-1, 14, "the certificate expired 1.0 days ago", ""),
        (3, 0, "", ""),
        (-1, 0, "", ""),
    ],
)
def test_what_is_told_and_when_it_fails(days: float, least: float, failed: str, told: str) -> None:
    """A notice within the wanted days, a failure once it has expired; nothing when nobody asked."""
    assert (fault(days, least), notice(days, least)) == (failed, told)
