"""Errors of the gateway, in one tree.

GatewayError
├── ConfigError      the operator's settings, files and addresses (names the setting)
├── ProtocolError    the peer broke a wire format (`gateway.protocol.errors` adds the close code)
├── Invalid          a request or a value is wrong (carries every reason)
├── NotFound         no such tenant, location, resource, user, POP or connector
├── NameTaken        one of that name exists
├── Refused          the other side said no (carries a code of the fixed list or a word, and text)
│   ├── Unauthorised who asks is not who may
│   └── Unavailable  who would have to say so cannot be asked now
├── Unreachable      nobody answered: every address of a broker, a POP or a VDA failed
└── Lost             a connection that stood ended in the middle, or fell silent past its time
"""

from __future__ import annotations

from collections.abc import Sequence


class GatewayError(Exception):
    """Base of all errors that the gateway raises on purpose."""


class ConfigError(GatewayError):
    """A setting is wrong: the message starts with its name, e.g. `pop.listen: …`."""


class ProtocolError(GatewayError):
    """The peer sent what the format forbids; the connection ends, nothing else does."""


class Invalid(GatewayError):
    """A value is wrong: `reasons` holds one `path: what was expected` line each."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


class NotFound(GatewayError):
    """There is no such thing; the message names its kind and its name."""


class NameTaken(GatewayError):
    """One of that name exists."""


class Refused(GatewayError):
    """The other side said no; `code` is a close code's value or a word of the HTTP API."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(text or code)
        self.code = code


class Unauthorised(Refused):
    """No credentials, wrong ones, or those of another role or tenant."""


class Unavailable(Refused):
    """Neither yes nor no: what decides cannot be reached now; ask again later."""


class Unreachable(GatewayError):
    """No address answered; the message names those that were tried."""


class Lost(GatewayError):
    """A connection ended before what was expected of it, or stayed silent for too long."""
