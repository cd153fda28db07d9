"""What each type of a Network Error Logging report says about the POP: one table, with the reason.

A browser reports whatever kept it from a response; much of that is its own network's, the user's or a
resolver's doing. Only what the POP itself did or failed to do may speak for it. Types: W3C Network Error
Logging, section 6, and those that Chromium adds (net/network_error_logging).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """`available`: 1 the POP served, 0 it failed, None the report says neither; and why that is so."""

    available: float | None
    why: str


_FAILED: Final = 0.0
_SERVED: Final = 1.0

TYPES: Final = {
    "ok": Meaning(_SERVED, "a whole response came"),
    "dns": Meaning(None, "no POP was reached: a resolver's fault, or a report cut down to the name's part"),
    "tcp": Meaning(_FAILED, "the network cannot reach the POP, or the POP does not take connections"),
    "tcp.aborted": Meaning(None, "ended by the client's own system"),
    "tcp.address_invalid": Meaning(None, "a resolver's answer that is no address, as filters give"),
    "tls": Meaning(_FAILED, "the POP did not bring a handshake to its end"),
    "tls.bad_client_auth_cert": Meaning(None, "the client's own certificate"),
    "tls.cert": Meaning(None, "as often a captive portal, an inspecting proxy or a wrong clock"),
    "tls.cert.revoked": Meaning(_FAILED, "the certificate is the POP's, and may not be used any more"),
    "http": Meaning(_FAILED, "the POP broke its response off, or broke the protocol"),
    "http.error": Meaning(None, "a status below 500 is about the request"),
    "http.request": Meaning(None, "about the request"),
    "http.response.redirect_loop": Meaning(None, "the page's doing"),
    "h2": Meaning(_FAILED, "the POP broke the protocol, or went silent"),
    "h3": Meaning(None, "networks that block QUIC; the browser goes on over TCP"),
    "abandoned": Meaning(None, "the user went away"),
    "unknown": Meaning(None, "the browser itself cannot say"),
}
"""By type or by its beginning, the longest that fits: `tls.cert.revoked` before `tls.cert` before `tls`."""

SERVER_ERROR: Final = Meaning(_FAILED, "the POP answered that it cannot (status 500 to 599)")


def meaning_of(kind: str, status: float | None) -> Meaning | None:
    """Return what a report of type `kind` with this HTTP status says; None for a type nobody has named."""
    if kind == "http.error" and status is not None and 500 <= status <= 599:
        return SERVER_ERROR
    while kind:
        if kind in TYPES:
            return TYPES[kind]
        kind = kind.rpartition(".")[0]
    return None
