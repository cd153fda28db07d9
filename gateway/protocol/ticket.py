"""The ticket as text: `;40;STA475DE9C8ABDA;6C0E…`, the form a client sends as its SOCKS5 domain.

Knows the two spellings (that one, and a DNS-safe name for programs that insist on a host name). Does not
know who issued a ticket, whether it was used, or when it expires: that is the broker's.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError

CURRENT_VERSION = 40
VERSIONS = (10, 20, 40)
_TEXT = re.compile(r";(10|20|40);([A-Za-z0-9]{1,16});([A-Z0-9]{30,32})")
_NAME = re.compile(r"t-([A-Z0-9]{30,32})\.([A-Z0-9]{1,16})(?:\.[A-Z0-9.-]{1,200})?")


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket: STA version (10, 20, 40), STA id (1-16 letters, digits), secret (30-32 of A-Z, 0-9)."""

    version: int
    sta: str
    value: str

    def __str__(self) -> str:
        return f";{self.version};{self.sta};{self.value}"

    def __repr__(self) -> str:
        return f"<Ticket {self.sta} {self.fingerprint}>"

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal characters that name the ticket in logs without giving it away."""
        return hashlib.sha256(str(self).encode()).hexdigest()[:12]

    def name(self, suffix: str) -> str:
        """Return the DNS-safe spelling `t-TICKET.STA.suffix`.

        It keeps no version and no case: STA ids are capitals.
        """
        return f"t-{self.value}.{self.sta}.{suffix}".lower()


def parse(text: str) -> Ticket:
    """Return the ticket of either spelling; raises `ProtocolError(client_ticket_malformed)`."""
    if match := _TEXT.fullmatch(text):
        return Ticket(int(match[1]), match[2], match[3])
    if match := _NAME.fullmatch(text.upper().replace("T-", "t-", 1)):
        return Ticket(CURRENT_VERSION, match[2], match[1])
    raise ProtocolError(CloseCode.CLIENT_TICKET_MALFORMED, "not of the form ;40;STA;TICKET")


def generate(sta: str, random: Callable[[int], bytes]) -> Ticket:
    """Return a new ticket of 160 random bits.

    `random(n)` gives n bytes fit for secrets (`secrets.token_bytes`).
    """
    return Ticket(CURRENT_VERSION, sta, base64.b32encode(random(20)).decode())
