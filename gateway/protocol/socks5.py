"""SOCKS5 (RFC 1928), the server's side with a ticket as domain, and the client's side for an outbound proxy.

Knows CONNECT without authentication as server, and user name and password (RFC 1929) as client. Does not
know what the requested name means: a POP parses it as a ticket. Events come from `receive`, bytes to write
from `take`.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import Misuse, ProtocolError

VERSION = 5
NO_AUTHENTICATION, USER_PASSWORD, NOTHING_FITS = 0, 2, 0xFF
CONNECT = 1
IPV4, DOMAIN, IPV6 = 1, 3, 4
SUCCEEDED, GENERAL_FAILURE, NOT_ALLOWED = 0, 1, 2
HOST_UNREACHABLE, REFUSED, TTL_EXPIRED, NO_SUCH_COMMAND, NO_SUCH_ADDRESS = 4, 5, 6, 7, 8
MOST_BYTES = 2 + 255 + 4 + 1 + 255 + 2
"""The longest greeting and the longest request together; more before our answer is refused."""

_REPLIES = {
    CloseCode.VDA_REFUSED: REFUSED,
    CloseCode.VDA_TIMEOUT: TTL_EXPIRED,
    CloseCode.CONNECTOR_TIMEOUT: TTL_EXPIRED,
    CloseCode.CONNECTOR_TARGET_DENIED: NOT_ALLOWED,
}
_PARTY_REPLIES = {"client": NOT_ALLOWED, "connector": HOST_UNREACHABLE, "vda": HOST_UNREACHABLE}


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """The client asks for `host` (a domain or the text of an address) and `port`."""

    host: str
    port: int


class Socks5Server:
    """The POP's side of one handshake.

    `receive` until it gives the request, then `accept` or `refuse`, write `take`.
    """

    def __init__(self) -> None:
        self._in = bytearray()
        self._out = bytearray()
        self._greeted = False
        self._request: ConnectRequest | None = None

    def receive(self, data: bytes) -> ConnectRequest | None:
        """Feed bytes; give the request once.

        Raises `ProtocolError`; `take` may then still hold a reply to write.
        """
        self._in += data
        if self._request is not None:
            return None
        if len(self._in) > MOST_BYTES:
            raise ProtocolError(CloseCode.CLIENT_PROTOCOL, "SOCKS5 preamble too long")
        if not self._greeted and not self._greet():
            return None
        self._request = self._parse_request()
        return self._request

    @property
    def has_only_greeted(self) -> bool:
        """Whether the greeting is over and not a byte of the request is here."""
        return self._greeted and self._request is None and not self._in

    def accept(self) -> None:
        """Queue the positive reply; what follows on the connection is the session's."""
        self._answer(SUCCEEDED)

    def refuse(self, code: CloseCode) -> None:
        """Queue the reply nearest to the close code."""
        self._answer(_REPLIES.get(code, _PARTY_REPLIES.get(code.party, GENERAL_FAILURE)))

    def take(self) -> bytes:
        """Return and forget the bytes to write."""
        out, self._out = bytes(self._out), bytearray()
        return out

    def rest(self) -> bytes:
        """Return and forget what the client sent after its request: the session's first bytes."""
        if self._request is None:
            raise Misuse("no request yet")
        rest, self._in = bytes(self._in), bytearray()
        return rest

    def _greet(self) -> bool:
        data = self._in
        if data and data[0] != VERSION:
            raise ProtocolError(CloseCode.CLIENT_PROTOCOL, "not SOCKS5")
        if len(data) < 2 or len(data) < 2 + data[1]:
            return False
        methods = data[2 : 2 + data[1]]
        if NO_AUTHENTICATION not in methods:
            self._out += bytes((VERSION, NOTHING_FITS))
            raise ProtocolError(
                CloseCode.CLIENT_PROTOCOL, "the client does not offer the method without password"
            )
        del data[: 2 + data[1]]
        self._greeted = True
        self._out += bytes((VERSION, NO_AUTHENTICATION))
        return True

    def _parse_request(self) -> ConnectRequest | None:
        data = self._in
        if data and data[0] != VERSION:
            raise ProtocolError(CloseCode.CLIENT_PROTOCOL, "not SOCKS5")
        if len(data) < 5:
            return None
        if data[1] != CONNECT:
            self._answer(NO_SUCH_COMMAND)
            raise ProtocolError(CloseCode.CLIENT_PROTOCOL, f"SOCKS5 command {data[1]}")
        size = _address_size(data)
        if size is None:
            self._answer(NO_SUCH_ADDRESS)
            raise ProtocolError(CloseCode.CLIENT_PROTOCOL, f"SOCKS5 address type {data[3]}")
        if len(data) < 4 + size + 2:
            return None
        host = _host(data[3], bytes(data[4 : 4 + size]))
        port = int.from_bytes(data[4 + size : 6 + size], "big")
        del data[: 6 + size]
        return ConnectRequest(host, port)

    def _answer(self, reply: int) -> None:
        self._out += bytes((VERSION, reply, 0, IPV4, 0, 0, 0, 0, 0, 0))


class Socks5Client:
    """The connector's side towards an outbound proxy: write `take`, `receive` until it is true."""

    def __init__(self, host: str, port: int, user: str = "", password: str = "") -> None:
        self._login = (user.encode(), password.encode()) if user else None
        if self._login and max(map(len, self._login)) > 255:
            raise Misuse("a SOCKS5 user name or password is at most 255 bytes")
        self._target = _encode_host(host) + port.to_bytes(2, "big")
        self._in = bytearray()
        methods = bytes((NO_AUTHENTICATION, USER_PASSWORD)) if self._login else bytes((NO_AUTHENTICATION,))
        self._out = bytearray((VERSION, len(methods))) + methods
        self._stage = "method"

    def take(self) -> bytes:
        """Return and forget the bytes to write."""
        out, self._out = bytes(self._out), bytearray()
        return out

    def receive(self, data: bytes) -> bool:
        """Feed bytes; true when the proxy has connected us.

        Raises `ProtocolError(connector_refused)` when it has not.
        """
        self._in += data
        if self._stage == "method" and len(self._in) >= 2:
            self._choose(self._in[0], self._in[1])
        if self._stage == "login" and len(self._in) >= 2:
            if self._in[1] != 0:
                raise ProtocolError(CloseCode.CONNECTOR_REFUSED, "the proxy refused the password")
            self._ask()
        if self._stage == "request" and len(self._in) >= 5:
            self._read_reply()
        return self._stage == "open"

    def rest(self) -> bytes:
        """Return and forget what came after the proxy's reply."""
        rest, self._in = bytes(self._in), bytearray()
        return rest

    def _choose(self, version: int, method: int) -> None:
        if version == VERSION and method == NO_AUTHENTICATION:
            self._ask()
        elif version == VERSION and method == USER_PASSWORD and self._login:
            del self._in[:2]
            user, password = self._login
            self._out += bytes((1, len(user))) + user + bytes((len(password),)) + password
            self._stage = "login"
        else:
            raise ProtocolError(CloseCode.CONNECTOR_REFUSED, "the proxy offers no method we have")

    def _ask(self) -> None:
        del self._in[:2]
        self._out += bytes((VERSION, CONNECT, 0)) + self._target
        self._stage = "request"

    def _read_reply(self) -> None:
        if self._in[0] != VERSION or self._in[1] != SUCCEEDED:
            raise ProtocolError(CloseCode.CONNECTOR_REFUSED, f"the proxy answered {self._in[1]}")
        size = _address_size(self._in)
        if size is None:
            raise ProtocolError(
                CloseCode.CONNECTOR_REFUSED, f"the proxy answered with address type {self._in[3]}"
            )
        if len(self._in) >= 6 + size:
            del self._in[: 6 + size]
            self._stage = "open"


def _address_size(data: bytearray) -> int | None:
    return {IPV4: 4, IPV6: 16, DOMAIN: 1 + data[4]}.get(data[3])


def _host(kind: int, raw: bytes) -> str:
    if kind != DOMAIN:
        return str(ipaddress.ip_address(raw))
    try:
        return raw[1:].decode("ascii")
    except UnicodeDecodeError:
        raise ProtocolError(CloseCode.CLIENT_PROTOCOL, "the SOCKS5 domain is not ASCII") from None


def _encode_host(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        if not 0 < len(name) <= 255:
            raise Misuse("a SOCKS5 domain is 1 to 255 bytes") from None
        return bytes((DOMAIN, len(name))) + name
    return bytes((IPV4 if address.version == 4 else IPV6,)) + address.packed
