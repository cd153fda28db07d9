"""The XML exchange with a delivery controller (NFuse 4.1 and 5.0), as bytes: what is asked, what is read.

Sent as POST to `PATH`. The requests are those of the exchange's open description, nmap's `citrixxml` library,
with the user's name beside them. Answers are read leniently in their nesting, which differs between releases,
and strictly in everything that we go on to use. Knows neither sockets nor who may ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from gateway.broker import xml
from gateway.broker.names import format_address, parse_address
from gateway.errors import Invalid, Refused

PATH: Final = "/scripts/wpnbr.dll"
CONTENT_TYPE: Final = "text/xml"
ICA_PORT: Final = 1494
"""Of a VDA whose address comes without one."""

MOST_BYTES: Final = 4 * 1024 * 1024
MOST_ELEMENTS: Final = 50_000
MOST_APPLICATIONS: Final = 1000
MOST_TEXT: Final = 256
"""Characters of a name, a folder, a description, which are cut; one with a longer id is left out."""

_ADDRESS_TYPES: Final = ("dot", "dot-port", "dns", "dns-port", "ipv6", "ipv6-port", "")
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\r\n<!DOCTYPE NFuseProtocol SYSTEM "NFuse.dtd">\r\n'


@dataclass(frozen=True, slots=True)
class User:
    """Whom the broker asks for; with a password only to have it validated."""

    name: str
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Application:
    """What a controller offers: `id` (InName) for the controller, `name` (FName) for people."""

    id: str
    name: str
    folder: str = ""
    description: str = ""
    is_desktop: bool = False


def request_applications(user: User | None) -> bytes:
    """Ask what a user may open; None: what anybody may."""
    return _request(
        "5.0",
        "RequestAppData",
        '<Scope traverse="onelevel" /><ServerType>all</ServerType><ClientType>ica30</ClientType>'
        "<DesiredDetails>all</DesiredDetails><DesiredDetails>access-list</DesiredDetails>"
        + (_credentials(user) if user else ""),
    )


def request_address(application: str, user: User | None) -> bytes:
    """Ask which VDA is to serve an application (its id) now."""
    name = f"<Name><AppName>{escape(application)}</AppName></Name>"
    return _request("4.1", "RequestAddress", name + (_credentials(user) if user else ""))


def request_validation(user: User, password: str) -> bytes:
    """Ask whether the password is the user's."""
    return _request("5.0", "RequestValidateCredentials", _credentials(user, password))


def read_applications(body: bytes) -> tuple[Application, ...]:
    """Return what is offered and not disabled, by name. Raises `Invalid`, `Refused`."""
    answer = _answer(body, "ResponseAppData")
    found = [_application(each) for each in answer.anywhere("AppData")]
    offered = [each for each in found if each is not None]
    if len(offered) > MOST_APPLICATIONS:
        raise Invalid([f"AppData: expected at most {MOST_APPLICATIONS} applications, got {len(offered)}"])
    return tuple(sorted(offered, key=lambda each: (each.name.casefold(), each.id)))


def read_address(body: bytes) -> tuple[str, int]:
    """Return host and port of the VDA. Raises `Invalid`, `Refused`."""
    element = next(_answer(body, "ResponseAddress").anywhere("ServerAddress"), None)
    if element is None or not element.text:
        raise Invalid(["ServerAddress: is missing"])
    kind = element.attributes.get("addresstype", "")
    if kind not in _ADDRESS_TYPES:
        raise Invalid([f"ServerAddress: expected an address that can be dialled, got type {kind[:32]!r}"])
    text = element.text if kind.endswith("-port") or not kind else format_address(element.text, ICA_PORT)
    return parse_address("ServerAddress", text)


def read_validation(body: bytes) -> None:
    """Return if the controller found the password right. Raises `Invalid`, `Refused`."""
    _answer(body, "ResponseValidateCredentials")


def _request(version: str, name: str, inside: str) -> bytes:
    whole = f'{_HEAD}<NFuseProtocol version="{version}"><{name}>{inside}</{name}></NFuseProtocol>\r\n'
    return whole.encode()


def _credentials(user: User, password: str | None = None) -> str:
    parts = [f"<UserName>{escape(user.name)}</UserName>"]
    if password is not None:
        parts.append(f'<Password encoding="cleartext">{escape(password)}</Password>')
    if user.domain:
        parts.append(f'<Domain type="NT">{escape(user.domain)}</Domain>')
    return f"<Credentials>{''.join(parts)}</Credentials>"


def _answer(body: bytes, name: str) -> xml.Element:
    """Return the element of that name; an error in its place, or inside, is a refusal."""
    root = xml.parse(body, most_bytes=MOST_BYTES, most_elements=MOST_ELEMENTS)
    error = next(root.anywhere("ErrorId"), None)
    if error is not None:
        raise Refused("site_refused", f"the controller refused: {error.text[:MOST_TEXT] or 'unspecified'}")
    found = root.first(name)
    if root.name != "NFuseProtocol" or found is None:
        raise Invalid([f"xml: expected NFuseProtocol with {name}, got {root.name[:64]!r}"])
    return found


def _application(data: xml.Element) -> Application | None:
    settings = next(data.anywhere("Settings"), xml.Element(""))
    name, known_as = _printable(_text(data, "FName", "InName")), _text(data, "InName", "FName")
    if (
        not name
        or len(known_as) > MOST_TEXT
        or settings.attributes.get("appisdisabled", "").lower() == "true"
    ):
        return None
    return Application(
        id=known_as,
        name=name,
        folder=_printable(_text(data, "Folder")),
        description=_printable(_text(data, "Description")),
        is_desktop=settings.attributes.get("appisdesktop", "").lower() == "true",
    )


def _text(data: xml.Element, *names: str) -> str:
    """Return the first text under one of the names."""
    texts = (element.text for name in names for element in data.anywhere(name))
    return next((text for text in texts if text), "")


def _printable(text: str) -> str:
    """Return what may stand on a page, in a log and on a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)[:MOST_TEXT]
