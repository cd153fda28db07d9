"""Who a certificate of the gateway's own authority speaks for: role, id, tenant and Resource Location.

It stands in the certificate as one URI (subjectAltName), `hdx://ROLE/TENANT/LOCATION/ID`, so that a
connector cannot claim a location by saying so: whoever verified the chain reads it from the
certificate. A POP serves every tenant; its tenant and location are empty (`hdx://pop///ID`). A connector
that is the agent of one VDA has beside it one URI `hdx-vda:HOST` per name of that VDA. They are URIs and not
DNS names so that no such certificate can stand for a server.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import Unauthorised

ROLES: Final = ("pop", "connector", "broker")
MOST_HOSTS: Final = 16
_URI: Final = re.compile(r"hdx://([a-z]+)/([a-z0-9-]{0,32})/([a-z0-9-]{0,32})/([a-z0-9-]{1,64})")
_HOST: Final = re.compile(r"hdx-vda:([a-z0-9._:-]{1,253})")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a certificate names. `serial` is its number in lower-case hex without leading zeros.

    `hosts` are the names (as of `host_name`) of the one VDA that this connector is the agent of.
    """

    role: str
    id: str
    tenant: str = ""
    location: str = ""
    serial: str = ""
    hosts: tuple[str, ...] = ()

    def uris(self) -> tuple[str, ...]:
        """Return the forms that stand in the certificate."""
        whole = f"hdx://{self.role}/{self.tenant}/{self.location}/{self.id}"
        return (whole, *(f"hdx-vda:{host}" for host in self.hosts))


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
    hosts = tuple(match[1] for kind, value in names if kind == "URI" and (match := _HOST.fullmatch(value)))
    return Identity(role, name, tenant, location, serial, hosts)


def host_name(text: str) -> str:
    """Return the one spelling of a VDA's host: lower case, no final dot, addresses as `ipaddress` writes."""
    host = text.strip().strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host
