"""The STA's XML exchange (`CtxSTAProtocol`, HTTP POST to /scripts/ctxsta.dll): portals ask, POPs redeem.

`RequestTicket` and its answer are as portals send them. `RequestData` is read leniently: the whole
`;40;STA;TICKET` in `Ticket`, or `AuthorityID` and the bare value. Knows the format only; who may ask and
what a ticket is worth is the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from gateway.broker import xml
from gateway.broker.names import check_name, parse_address
from gateway.errors import Invalid
from gateway.protocol import ticket as text_form
from gateway.protocol.errors import ProtocolError
from gateway.protocol.ticket import Ticket

CONTENT_TYPE: Final = "text/xml"
MAX_USER: Final = 64
_OPENING: Final = '<?xml version="1.0" encoding="UTF-8"?>\n<CtxSTAProtocol version="4.0">'


@dataclass(frozen=True, slots=True)
class TicketRequest:
    """A portal wants a ticket for the VDA at `host:port`; `application` may be empty."""

    host: str
    port: int
    user: str
    application: str
    refreshable: bool


@dataclass(frozen=True, slots=True)
class DataRequest:
    """A gateway redeems a ticket."""

    ticket: Ticket


def parse_request(body: bytes) -> TicketRequest | DataRequest:
    """Return what is asked. Raises `Invalid`."""
    root = xml.parse(body)
    if root.name != "CtxSTAProtocol":
        raise Invalid([f"xml: expected CtxSTAProtocol, got {root.name[:64]!r}"])
    if request := root.first("RequestTicket"):
        return _ticket_request(request)
    if request := root.first("RequestData"):
        return DataRequest(_ticket(request))
    raise Invalid(["xml: expected RequestTicket or RequestData"])


def render_ticket(ticket: Ticket) -> bytes:
    """Return the answer to `RequestTicket`."""
    return _answer(
        "ResponseTicket",
        f"<AuthorityID>{escape(ticket.sta)}</AuthorityID><Ticket>{escape(ticket.value)}</Ticket>"
        "<TicketVersion>STA-v4</TicketVersion>",
    )


def render_data(target: str, user: str) -> bytes:
    """Return the answer to `RequestData`; we know one address, so both names carry it."""
    values = {"ICAAddress": target, "CGPAddress": target, "UserName": user}
    data = "".join(f'<Value name="{name}">{escape(value)}</Value>' for name, value in values.items())
    return _answer("ResponseData", f"<TicketData>{data}</TicketData>")


def render_error(code: str, text: str) -> bytes:
    """Return a refusal: our code and its text."""
    return _answer("Error", f"<ErrorId>{escape(code)}</ErrorId><ErrorText>{escape(text)}</ErrorText>")


def _ticket_request(request: xml.Element) -> TicketRequest:
    allowed = [element.text for element in request.all("AllowedTicketType")]
    if allowed and "STA-v4" not in allowed:
        raise Invalid([f"AllowedTicketType: expected STA-v4, got {', '.join(allowed)[:64]}"])
    data = request.first("TicketData")
    values = {v.attributes.get("name", ""): v.text for v in data.all("Value")} if data else {}
    host, port = parse_address("ICAAddress", values.get("ICAAddress", ""))
    session = xml.parse(values["XData"].encode()) if values.get("XData") else xml.Element("")
    refreshable = request.text_of("Control", "Refreshable").lower() == "true"
    return TicketRequest(host, port, _user(session), session.text_of("ApplicationName"), refreshable)


def _user(session: xml.Element) -> str:
    """Return `user` or `DOMAIN\\user`, at most 64 characters in all."""
    user, domain = session.text_of("UserName"), session.text_of("UserDomain")
    whole = f"{domain}\\{user}" if domain else user
    if len(whole) > MAX_USER:
        raise Invalid([f"UserName: expected at most {MAX_USER} characters with its domain"])
    for name, text in (("UserDomain", domain), ("UserName", user)):
        if text:
            check_name(name, text)
    return whole


def _ticket(request: xml.Element) -> Ticket:
    text = request.text_of("Ticket")
    if not text.startswith(";"):
        text = f";{text_form.CURRENT_VERSION};{request.text_of('AuthorityID')};{text}"
    try:
        return text_form.parse(text)
    except ProtocolError as error:
        raise Invalid([f"Ticket: {error}"]) from None


def _answer(name: str, inside: str) -> bytes:
    return f"{_OPENING}<{name}>{inside}</{name}></CtxSTAProtocol>\n".encode()
