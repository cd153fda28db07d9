"""DNS cookies (RFC 7873) in the form that servers of one name can share (RFC 9018): no state per client.

A server cookie is version 1, three zero bytes, the time it was made, and SipHash-2-4 over it, the client's
cookie and address. Secrets come from a file that all servers of the zone hold alike: the first one signs, the
others still verify, so that a rotation is two changes of the file.
"""

from __future__ import annotations

import hmac
import os
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from siphash24 import siphash24

from itm.dns import ecs
from itm.errors import ConfigError

OPTION: Final = 10
CLIENT_BYTES: Final = 8
SERVER_BYTES: Final = 16
SECRET_BYTES: Final = 16
FILE: Final = "cookie.secrets"
"""Its name in the state directory."""
VERSION: Final = b"\x01\0\0\0"
MOST_AGE_SECONDS: Final = 3600  # RFC 9018 4.3
MOST_AHEAD_SECONDS: Final = 300
RENEW_SECONDS: Final = 1800
OPT_BYTES: Final = 11
_AGE: Final = 1 << 32
_CODE: Final = OPTION.to_bytes(2, "big")
_SUBNET_CODE: Final = ecs.OPTION.to_bytes(2, "big")


def is_well_formed(data: bytes) -> bool:
    """Whether an option has a length that a cookie can have (RFC 7873 5.2.2)."""
    return len(data) == CLIENT_BYTES or CLIENT_BYTES + 8 <= len(data) <= CLIENT_BYTES + 32


@dataclass(frozen=True, slots=True)
class Cut:
    """A packet `without` its cookie, the cookie's `data`, and how many bytes of options are left."""

    without: bytes
    data: bytes
    rest: int


def cut(packet: bytes, at: int) -> Cut | None:
    """Return a packet without the one cookie of its OPT record, which begins at `at` and ends the packet.

    None unless the cookie is well formed and stands alone or beside one Client Subnet, before or behind it.
    """
    start = at + OPT_BYTES
    length = int.from_bytes(packet[start - 2 : start], "big")
    if packet[at : at + 3] != b"\0\0\x29" or len(packet) - start != length:
        return None
    middle = start + 4 + int.from_bytes(packet[start + 2 : start + 4], "big")
    first, second = packet[start:middle], packet[middle:]
    if first[:2] != _CODE:
        first, second = second, first
    if first[:2] != _CODE or int.from_bytes(first[2:4], "big") != len(first) - 4:
        return None
    if second and (second[:2] != _SUBNET_CODE or int.from_bytes(second[2:4], "big") != len(second) - 4):
        return None
    data = first[4:]
    if not is_well_formed(data):
        return None
    left = len(second).to_bytes(2, "big")
    return Cut(b"".join((packet[: start - 2], left, second)), data, len(second))


class Cookies:
    """Makes and judges server cookies. `secrets` is not empty; `clock` gives seconds since 1970."""

    def __init__(self, keys: tuple[bytes, ...], clock: Callable[[], float]) -> None:
        self._keys, self._clock = keys, clock

    def answer(self, data: bytes, peer: str) -> tuple[bytes, bool]:
        """Return the option to send back and whether the client holds a good cookie of ours.

        `data` is the client's option, well formed. A good cookie comes back as it is until it is half an hour
        old or the secret was changed; anything else gets a new one.
        """
        client, server = data[:CLIENT_BYTES], data[CLIENT_BYTES:]
        now = int(self._clock())
        address = _packed(peer)
        age, is_newest = self._age(client, server, address, now)
        if age is None or age > RENEW_SECONDS or not is_newest:
            head = VERSION + struct.pack(">I", now % _AGE)
            server = head + _hash(self._keys[0], client + head + address)
        return struct.pack(">HH", OPTION, len(client) + len(server)) + client + server, age is not None

    def _age(self, client: bytes, server: bytes, address: bytes, now: int) -> tuple[int | None, bool]:
        """Return how old a cookie of ours is, in seconds, and whether the first secret made it.

        None for what is none, too old or from the future. The reserved bytes may be anything (RFC 9018 4.2).
        """
        if len(server) != SERVER_BYTES or server[:1] != VERSION[:1]:
            return None, False
        made: int = struct.unpack_from(">I", server, 4)[0]
        age = (now - made + _AGE // 2) % _AGE - _AGE // 2  # serial arithmetic (RFC 1982)
        if not -MOST_AHEAD_SECONDS <= age <= MOST_AGE_SECONDS:
            return None, False
        text = client + server[:8] + address
        found = [hmac.compare_digest(_hash(key, text), server[8:]) for key in self._keys]
        return (age, found[0]) if any(found) else (None, False)


def load(path: Path) -> tuple[bytes, ...]:
    """Return the secrets of a file: a line of 32 hexadecimal digits each. Raises `ConfigError`."""
    try:
        lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
        keys = tuple(bytes.fromhex(line) for line in lines if line)
    except (OSError, ValueError) as error:
        raise ConfigError(f"dns.cookie_secrets: {path}: {error}") from error
    if not keys or any(len(key) != SECRET_BYTES for key in keys):
        raise ConfigError(
            f"dns.cookie_secrets: {path}: expected lines of {2 * SECRET_BYTES} hexadecimal digits"
        )
    return keys


def ensure(path: Path) -> None:
    """Make the file with one secret, mode 0600, if there is none."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{secrets.token_hex(SECRET_BYTES)}\n")


def _hash(key: bytes, data: bytes) -> bytes:
    digest: bytes = siphash24(data, key=key).digest()
    return digest


def _packed(peer: str) -> bytes:
    """Return a client's address as bytes; an IPv4-mapped one is IPv4, whichever socket it came through."""
    if ":" not in peer:
        return socket.inet_aton(peer)
    packed = socket.inet_pton(socket.AF_INET6, peer.partition("%")[0])
    return packed[12:] if packed.startswith(bytes(10) + b"\xff\xff") else packed
