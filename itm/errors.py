"""Errors of the `itm` package, in one tree.

ItmError
├── ConfigError      the operator's settings (names the setting)
├── CatalogError     the operator's catalog (carries every reason, each with its path)
├── UnsafePlan       a change that moves too much; carries the Plan
├── OwnStepFailed    an operator's own step: not found, out of its limits, or with nonsense in return
├── SnapshotError    a map file that is not what it says it is
├── CountsError      a file of query counts that is not what it says it is
├── NotSigned        a zone that is to be signed lacks a key or a signature
├── ExplainMismatch  `why` did not arrive at the served leaf: our own bug, never hidden
├── NameTaken        a token or an agent of that name exists
├── NotEnrolled      an agent showed a token that is unknown, old or used
└── Refused          the ops API said no (carries HTTP status and text)
"""

from __future__ import annotations

from collections.abc import Sequence


class ItmError(Exception):
    """Base of all errors that `itm` raises on purpose."""


class ConfigError(ItmError):
    """A setting is wrong: the message starts with its name, e.g. `dns.listen: …`."""


class CatalogError(ItmError):
    """The catalog is wrong: `reasons` holds one `file: path: what was expected` line each."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = tuple(reasons)


class UnsafePlan(ItmError):
    """The Plan is past a threshold; the message carries the numbers."""


class OwnStepFailed(ItmError):
    """An own step died, hung, or returned nonsense: it is as if it were not there."""


class SnapshotError(ItmError):
    """A snapshot file is damaged, foreign or of another version."""


class CountsError(ItmError):
    """A file of query counts is damaged or foreign."""


class NotSigned(ItmError):
    """The signer has not signed all of a zone yet: what was served before goes on."""

    def __init__(self, zone: str, name: str, rtype: str) -> None:
        super().__init__(f"zone {zone}: {name} {rtype} has no signature yet")
        self.zone = zone


class ExplainMismatch(ItmError):
    """The re-run decision differs from the served leaf."""


class NameTaken(ItmError):
    """A token or an agent of that name exists."""


class NotEnrolled(ItmError):
    """An agent showed a token that is unknown, old or used; the message says which."""


class Refused(ItmError):
    """The ops API refused a request; `answer` is its body as JSON, where a caller got one."""

    def __init__(self, status: int, text: str, answer: object = None) -> None:
        super().__init__(text)
        self.status = status
        self.answer = answer
