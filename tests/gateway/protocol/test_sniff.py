"""First bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.sniff import PREAMBLE_BYTES, Kind, Stray, sniff


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x05\x01\x00", Kind.SOCKS5),
        (b"RSP1\x00\x10", Kind.RSP),
        (b"GET /healthz HTTP/1.1\r\n\r\n", Kind.HTTP),
        (b"GET /hdx HTTP/1.1\r\nhost: x\r\nUPGRADE: WebSocket\r\n\r\n", Kind.WEBSOCKET),
        (b"GET / HTTP/1.1\r\nX: upgrade: websocket\r\n\r\n", Kind.HTTP),
        (b"GET /" + b"a" * PREAMBLE_BYTES, Kind.HTTP),
        (b"HEAD / HTTP/1.1", Kind.HTTP),
        (b"OPTIONS ", Kind.HTTP),
        (b"CONNECT host:22 HTTP/1.1", Stray.HTTP_METHOD),
        (b"PUT /", Stray.HTTP_METHOD),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Stray.HTTP_METHOD),
        (b"\x16\x03\x01\x02\x00", Stray.TLS),
        (b"\x04\x01", Stray.SOCKS4),
        (b"SSH-2.0-OpenSSH", Stray.SSH),
        (b"\x03\x00\x00\x13", Stray.RDP),
        (b"\x1aCGP/01", Stray.CGP),
        (b"\x7f\x7fICA\x00", Stray.ICA),
        (b"get /", Stray.UNKNOWN),
        (b"\x00", Stray.UNKNOWN),
        (b"", None),
        (b"P", None),
        (b"CONN", None),
        (b"GET /hdx HTTP/1.1\r\nUpgrade: websocket\r\n", None),
    ],
)
def test_first_bytes(head: bytes, kind: Kind | Stray | None) -> None:
    """Who reads on, or why nobody does."""
    assert sniff(head) is kind


@given(st.binary(min_size=1, max_size=50), st.sampled_from((b"", b"GET ", b"R", b"CONN", b"\x03")))
def test_a_full_preamble_is_always_decided(rest: bytes, start: bytes) -> None:
    """No client makes us read more than the bound."""
    assert sniff((start + rest * PREAMBLE_BYTES)[:PREAMBLE_BYTES]) is not None
