"""Dialogues with an outbound proxy."""

from __future__ import annotations

import pytest

from gateway.connector.outbound import Proxy, parse_proxy, tunnel_through
from gateway.errors import ConfigError, Refused

HTTP = Proxy("http", "proxy.example", 3128)


def test_urls() -> None:
    """A proxy is a URL; credentials are percent-decoded."""
    assert parse_proxy("http://proxy.example") == HTTP
    assert parse_proxy("socks5h://proxy.example:1080") == Proxy("socks5", "proxy.example", 1080)
    assert parse_proxy("http://me:p%40ss@[::1]:8080") == Proxy("http", "::1", 8080, "me", "p@ss")


@pytest.mark.parametrize("url", ["proxy:3128", "https://proxy", "http://", "http://a:99999", "ftp://a"])
def test_wrong_urls(url: str) -> None:
    """Anything else is a setting to correct."""
    with pytest.raises(ConfigError, match="proxy"):
        parse_proxy(url)


def test_http_connect() -> None:
    """CONNECT with credentials; the answer may come in pieces, after an interim one."""
    tunnel = tunnel_through(Proxy("http", "p", 1, "me", "pw"), "gw.example", 443)
    sent = tunnel.begin()
    assert sent.startswith(b"CONNECT gw.example:443 HTTP/1.1\r\n")
    assert b"proxy-authorization: basic bwu6chc=" in sent.lower()
    assert tunnel.receive(b"HTTP/1.1 100 Wait\r\n\r\nHTTP/1.1 200 Conn") == (b"", False)
    assert tunnel.receive(b"ection established\r\n\r\n") == (b"", True)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "407"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "bytes of its own"),
    ],
)
def test_http_refusals(answer: bytes, reason: str) -> None:
    """The proxy's reason reaches the operator."""
    tunnel = tunnel_through(HTTP, "gw.example", 443)
    tunnel.begin()
    with pytest.raises(Refused, match=reason):
        tunnel.receive(answer)


def test_socks5() -> None:
    """The name goes to the proxy unresolved, an address as an address; a password when it is asked for."""
    tunnel = tunnel_through(Proxy("socks5", "p", 1, "me", "pw"), "gw.example", 443)
    assert tunnel.begin() == b"\x05\x02\x00\x02"
    assert tunnel.receive(b"\x05") == (b"", False)
    assert tunnel.receive(b"\x02") == (b"\x01\x02me\x02pw", False)
    assert tunnel.receive(b"\x01\x00") == (b"\x05\x01\x00\x03\x0agw.example\x01\xbb", False)
    for byte in b"\x05\x00\x00\x01\x00\x00\x00\x00\x00":
        assert tunnel.receive(bytes([byte])) == (b"", False)
    assert tunnel.receive(b"\x00") == (b"", True)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([b"\x05\xff"], "method"),
        ([b"\x05\x02", b"\x01\x01"], "password"),
        ([b"\x05\x00", b"\x05\x05\x00\x01\x00"], "answered 5"),
        ([b"\x05\x00", b"\x05\x00\x00\x01" + bytes(6) + b"x"], "bytes of its own"),
    ],
)
def test_socks5_refusals(answers: list[bytes], reason: str) -> None:
    """Each no has its text."""
    tunnel = tunnel_through(Proxy("socks5", "p", 1, "me", "pw"), "gw.example", 443)
    tunnel.begin()
    for answer in answers[:-1]:
        tunnel.receive(answer)
    with pytest.raises(Refused, match=reason):
        tunnel.receive(answers[-1])
