"""Who a certificate of the gateway's own authority speaks for: role, id, tenant and Resource Location.

It stands in the certificate as one URI (subjectAltName), `hdx://ROLE/TENANT/LOCATION/ID`, so that a
connector cannot claim a location by saying so: whoever verified the chain reads it from the
certificate. A POP serves every tenant; its tenant and location are empty (`hdx://pop///ID`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import Unauthorised

ROLES: Final = ("pop", "connector", "broker")
_URI: Final = re.compile(r"hdx://([a-z]+)/([a-z0-9-]{0,32})/([a-z0-9-]{0,32})/([a-z0-9-]{1,64})")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a certificate names. `serial` is its number in lower-case hex without leading zeros."""

    role: str
    id: str
    tenant: str = ""
    location: str = ""
    serial: str = ""

    def uri(self) -> str:
        """Return the form that stands in the certificate."""
        return f"hdx://{self.role}/{self.tenant}/{self.location}/{self.id}"


def of_peer(peercert: Mapping[str, Any] | None) -> Identity:
    """Return whom `SSLSocket.getpeercert()` names (the chain was verified by the handshake).

    Raises `Unauthorised` for no certificate or one without exactly one of our URIs.
    """
    names = () if peercert is None else peercert.get("subjectAltName", ())
    found = [match for kind, value in names if kind == "URI" and (match := _URI.fullmatch(value))]
    if peercert is None or len(found) != 1 or found[0][1] not in ROLES:
        raise Unauthorised("broker_refused", "the peer's certificate names nobody of this gateway")
    role, tenant, location, name = found[0].groups()
    serial = str(peercert.get("serialNumber", "")).lower().lstrip("0")
    return Identity(role, name, tenant, location, serial)
