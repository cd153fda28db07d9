"""The launch file: an `.ica`-style INI with a fresh ticket, for one user and one resource, used once."""

from __future__ import annotations

import hashlib
import re
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
ClientName={client}
ProxyType=Auto
ProxyTimeout=30000
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
LongCommandLine=
SessionsharingKey={sharing}
TransportDriver=TCP/IP
WinStationDriver=ICA 3.0
DesiredHRES=4294967295
DesiredVRES=4294967295
DesiredColor=8
ClientAudio=On
TWIMode={seamless}
Launcher=WI
"""
"""Keys and order as Workspace clients know them. `CGPAddress=*:2598`: `*` stands for `Address`.
The desired resolution is the whole screen's, in true colour. No `LogonTicket`, `Domain` or `ClearPassword`:
the broker keeps no password, the VDA asks for it."""


@dataclass(frozen=True, slots=True)
class Made:
    """A launch file: the name of what it opens, and its text."""

    name: str
    text: str

    @property
    def file_name(self) -> str:
        """A name to save it under that every system takes."""
        return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', self.name).strip('-') or 'launch'}.ica"


@dataclass(frozen=True, slots=True)
class Launcher:
    """Makes launch files that point at the gateway `host:port`."""

    engine: Engine
    sta: Sta
    host: str
    port: int

    def launch(self, resource: str, user: str, *, tenant: str, now: float) -> Made:
        """Return the file for a resource's name or id.

        Raises `NotFound`, or `Refused` (`broker_refused`) when the user may not open it.
        """
        wanted = resources.find(self.engine, resource, tenant=tenant)
        if wanted not in resources.of_user(self.engine, user, tenant=tenant):
            raise Refused(CloseCode.BROKER_REFUSED, f"{user} may not open {wanted.name}")
        ticket = self.sta.request(wanted, user, now=now, refreshable=True)
        return Made(wanted.name, render(wanted, user, ticket, self.gateway))

    def launch_published(self, opened: Resource, user: str, *, is_desktop: bool, now: float) -> Made:
        """Return the file for a site's application, which its controller gave to the user."""
        ticket = self.sta.request_published(opened, user, now=now)
        return Made(opened.name, render(opened, user, ticket, self.gateway, is_seamless=not is_desktop))

    @property
    def gateway(self) -> str:
        """The gateway's `host:port`."""
        return format_address(self.host, self.port)


def render(resource: Resource, user: str, ticket: Ticket, gateway: str, *, is_seamless: bool = False) -> str:
    """Return the file's text; names hold no character that INI gives a meaning (`names.check_name`).

    A user has one `ClientName`, so that a VDA finds their session again, and shares sessions per location.
    """
    return TEMPLATE.format(
        name=resource.name,
        ticket=ticket,
        gateway=gateway,
        seamless="On" if is_seamless else "Off",
        client=f"WS_{_mark(resource.tenant, user)}",
        sharing=_mark(resource.tenant, user, resource.location),
    )


def _mark(*parts: str) -> str:
    """Return 16 hex digits that stand for these parts and tell nothing about them."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
