"""What a server says of itself, as far as its operator wants: NSID, CHAOS names, cookies, keep-alive.

None of it depends on a zone. What the operator did not set is not answered: no version is told by default.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from itm.dns import cookie
from itm.dns.cookie import Cookies
from itm.dns.name import encode
from itm.dns.query import CLASS_CHAOS, OPTION_KEEP_ALIVE, OPTION_NSID, Query
from itm.dns.rdata import TXT
from itm.dns.wire import AA, HEADER_BYTES, POINTER, Body
from itm.errors import ConfigError

log = logging.getLogger(__name__)

ANY: Final = 255
VERSION_NAMES: Final = frozenset(map(encode, ("version.bind.", "version.server.")))
ID_NAMES: Final = frozenset(map(encode, ("id.server.", "hostname.bind.")))
"""RFC 4892, and the older names that BIND made common."""


@dataclass(frozen=True, slots=True)
class Identity:
    """`nsid` also answers `id.server`, `version` `version.bind`; empty ones and None are not answered.

    `keep_alive_seconds` says how long an idle TCP connection is kept at present.
    """

    nsid: str = ""
    version: str = ""
    cookies: Cookies | None = None
    keep_alive_seconds: Callable[[], float] = lambda: 10.0

    def options(self, query: Query, peer: str, *, tcp: bool) -> tuple[bytes, bool]:
        """Return the options of a reply besides Client Subnet, and whether a good cookie proves the peer."""
        edns = query.edns
        if edns is None or edns.plain:
            return b"", False
        out, is_known = b"", False
        if edns.cookie is not None and self.cookies is not None:
            out, is_known = self.cookies.answer(edns.cookie, peer)
        if edns.wants_nsid and self.nsid:
            text = self.nsid.encode()
            out += struct.pack(">HH", OPTION_NSID, len(text)) + text
        if edns.wants_keep_alive and tcp:  # RFC 7828 3.3.2: never over UDP
            tenths = min(65_535, round(self.keep_alive_seconds() * 10))
            out += struct.pack(">HHH", OPTION_KEEP_ALIVE, 2, tenths)
        return out, is_known

    def chaos(self, query: Query) -> Body | None:
        """Return the answer to a CHAOS question that the operator wants answered (RFC 4892)."""
        if query.qclass != CLASS_CHAOS or query.qtype not in {TXT, ANY}:
            return None
        text = self.version if query.name in VERSION_NAMES else ""
        text = self.nsid if query.name in ID_NAMES else text
        if not text:
            return None
        data = bytes((len(text.encode()),)) + text.encode()
        record = struct.pack(">HHHIH", POINTER | HEADER_BYTES, TXT, CLASS_CHAOS, 0, len(data)) + data
        return Body(AA, record, (1, 0, 0), record, (1, 0, 0))


class Identified:
    """The identity as the settings have it, with the secrets that the file of cookies holds now."""

    def __init__(self, fixed: Identity, secrets: Path | None, clock: Callable[[], float]) -> None:
        self._fixed, self._path, self._clock = fixed, secrets, clock
        self._held: tuple[bytes, ...] | None = None
        self._told = ""

    def look(self) -> Identity | None:
        """Return the identity if it changed; a file that is wrong is logged once and changes nothing."""
        try:
            keys = cookie.load(self._path) if self._path is not None else ()
            self._told = ""
        except ConfigError as error:
            if str(error) != self._told:
                self._told = str(error)
                log.error("cookies.refused", extra={"reason": self._told})
            keys = self._held or ()
        if keys == self._held:
            return None
        self._held = keys
        return replace(self._fixed, cookies=Cookies(keys, self._clock) if keys else None)
