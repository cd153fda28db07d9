"""Errors of `gateway.protocol`, in one tree.

ProtocolError    a peer broke the rules, or was refused; `code` names the party at fault
Misuse           our own program broke the rules of this package: a bug, never the peer's fault
"""

from __future__ import annotations

from gateway import errors
from gateway.protocol.codes import CloseCode


class ProtocolError(errors.ProtocolError):
    """A peer's bytes were refused. `code` is what to tell it and to count, `text` is for the log."""

    def __init__(self, code: CloseCode, text: str = "") -> None:
        super().__init__(text or code.text)
        self.code = code
        self.text = text or code.text


class Misuse(RuntimeError):
    """The caller gave what it was told not to give, for example more bytes than there is room."""
