"""Why a check failed: a reason of ours, and the short words for errors of the network and of TLS."""

from __future__ import annotations

import errno
import os
import ssl
from typing import Final

OWN: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM}
)
"""Errors of the machine that checks: out of files, memory or ports, or not allowed to. No word of a POP."""


class Failed(Exception):
    """The target answered, but not what was expected; the text says what it answered."""


def reason(error: Exception) -> str:
    """Return a short text: the operating system's words where there are some."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message or error.reason}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or str(error)).lower().replace('_', ' ')}"
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return os.strerror(error.errno or 0).lower()
    return str(error) or type(error).__name__


def is_own(error: Exception) -> bool:
    """Tell whether the error is about this machine."""
    return isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno in OWN
