"""How long a server's certificate is still good. Pure: bytes and a time in."""

from __future__ import annotations

from cryptography import x509

DAY_SECONDS = 86_400.0


def days_left(certificate: bytes, now: float) -> float:
    """Return the days until a DER certificate expires, negative afterwards; `now` in Unix seconds.

    Raises `ValueError` for bytes that are none.
    """
    return (x509.load_der_x509_certificate(certificate).not_valid_after_utc.timestamp() - now) / DAY_SECONDS


def fault(days: float, least: float) -> str:
    """Return why an expired certificate fails a check that wants `least` days; 0: it does not look."""
    return f"the certificate expired {-days:.1f} days ago" if least and days <= 0 else ""


def notice(days: float, least: float) -> str:
    """Return what to tell of one that expires within `least` days, else an empty text."""
    return f"the certificate expires in {days:.1f} days" if least and 0 < days <= least else ""
