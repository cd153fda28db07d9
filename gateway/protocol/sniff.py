"""What a client wants, from the first bytes after TLS.

Knows the beginnings of the protocols spoken on the one port, and those of the strays worth counting apart.
Consumes nothing: the protocol that was recognised reads the same bytes again.
"""

from __future__ import annotations

import re
from enum import StrEnum

PREAMBLE_BYTES = 4096
"""Most bytes a client may send before it has said what it wants."""
RSP_MAGIC = b"RSP1"


class Kind(StrEnum):
    """Who reads the connection on."""

    SOCKS5 = "socks5"
    HTTP = "http"
    WEBSOCKET = "websocket"
    RSP = "rsp"


class Stray(StrEnum):
    """Why the first bytes are refused: the label of the counter."""

    TLS = "tls_inside_tls"
    SOCKS4 = "socks4"
    SSH = "ssh"
    RDP = "rdp"
    CGP = "cgp"
    ICA = "ica"
    HTTP_METHOD = "http_method"
    UNKNOWN = "unknown"


_KINDS: tuple[tuple[bytes, Kind | Stray], ...] = (
    (b"\x05", Kind.SOCKS5),
    (RSP_MAGIC, Kind.RSP),
    (b"GET ", Kind.HTTP),
    (b"HEAD ", Kind.HTTP),
    (b"POST ", Kind.HTTP),
    (b"OPTIONS ", Kind.HTTP),
    (b"CONNECT ", Stray.HTTP_METHOD),
    (b"PUT ", Stray.HTTP_METHOD),
    (b"DELETE ", Stray.HTTP_METHOD),
    (b"PRI * HTTP/2", Stray.HTTP_METHOD),
    (b"TRACE ", Stray.HTTP_METHOD),
    (b"\x16\x03", Stray.TLS),
    (b"\x04", Stray.SOCKS4),
    (b"SSH-", Stray.SSH),
    (b"\x03\x00", Stray.RDP),
    (b"\x1aCGP", Stray.CGP),
    (b"\x7f\x7fICA", Stray.ICA),
)
_UPGRADE = re.compile(rb"\r\nupgrade[ \t]*:[ \t]*websocket[ \t]*(?:\r\n|$)", re.IGNORECASE)


def sniff(head: bytes | bytearray) -> Kind | Stray | None:
    """Return who reads on, why nobody does, or None while the bytes so far fit more than one of them.

    Never None from `PREAMBLE_BYTES` on.
    """
    for start, kind in _KINDS:
        if head.startswith(start):
            return _http(head) if start == b"GET " else kind
    if any(start.startswith(head) for start, _ in _KINDS):
        return None
    return Stray.UNKNOWN


def _http(head: bytes | bytearray) -> Kind | None:
    """A GET is a WebSocket's when its header says so; that takes the whole header to know."""
    headers, end, _ = bytes(head[:PREAMBLE_BYTES]).partition(b"\r\n\r\n")
    if not end:
        return Kind.HTTP if len(head) >= PREAMBLE_BYTES else None
    return Kind.WEBSOCKET if _UPGRADE.search(headers) else Kind.HTTP
