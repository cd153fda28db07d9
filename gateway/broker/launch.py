"""The launch file: an `.ica`-style INI with a fresh ticket, for one user and one resource, used once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from gateway.broker import resources
from gateway.broker.names import format_address
from gateway.broker.resources import Resource
from gateway.broker.tickets import Sta
from gateway.errors import Refused
from gateway.protocol.codes import CloseCode
from gateway.protocol.ticket import Ticket

CONTENT_TYPE: Final = "application/x-ica"

TEMPLATE: Final = """\
[Encoding]
InputEncoding=UTF8

[WFClient]
Version=2
ProxyType=Auto
RemoveICAFile=yes
TransportReconnectEnabled=On

[ApplicationServers]
{name}=

[{name}]
Address={ticket}
SSLEnable=On
SSLProxyHost={gateway}
SSLCiphers=all
SecureChannelProtocol=Detect
CGPAddress=*:2598
BrowserProtocol=HTTPonTCP
HttpBrowserAddress=!
LocHttpBrowserAddress=!
InitialProgram=#{name}
TransportDriver=TCP/IP
WinStationDriver=ICA 3.0
Launcher=WI
"""
"""Keys and order as Workspace clients know them. `CGPAddress=*:2598`: `*` stands for `Address`."""


@dataclass(frozen=True, slots=True)
class Launcher:
    """Makes launch files that point at the gateway `host:port`."""

    engine: Engine
    sta: Sta
    host: str
    port: int

    def launch(self, resource: str, user: str, *, tenant: str, now: float) -> str:
        """Return the file for a resource's name or id.

        Raises `NotFound`, or `Refused` (`broker_refused`) when the user may not open it.
        """
        wanted = resources.find(self.engine, resource, tenant=tenant)
        if wanted not in resources.of_user(self.engine, user, tenant=tenant):
            raise Refused(CloseCode.BROKER_REFUSED, f"{user} may not open {wanted.name}")
        return render(wanted, self.sta.request(wanted, user, now=now, refreshable=True), self.host, self.port)


def render(resource: Resource, ticket: Ticket, host: str, port: int) -> str:
    """Return the file's text; names hold no character that INI gives a meaning (`names.check_name`)."""
    return TEMPLATE.format(name=resource.name, ticket=ticket, gateway=format_address(host, port))
