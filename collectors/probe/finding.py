"""What a check that passed has to say beside that."""

from __future__ import annotations

from dataclasses import dataclass

from collectors.probe import certificate
from collectors.probe.target import Target


@dataclass(frozen=True, slots=True)
class Finding:
    """`notice`: what to look after; `days_left` of the certificate, None where none was shown."""

    notice: str = ""
    days_left: float | None = None


def finding(target: Target, days_left: float | None, word: str = "") -> Finding:
    """Return what a check found that was shown a certificate, perhaps one that expires soon, and a word."""
    soon = "" if days_left is None else certificate.notice(days_left, target.certificate_days)
    return Finding("; ".join(filter(None, (word, soon))), days_left)
