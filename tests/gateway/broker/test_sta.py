from __future__ import annotations

import pytest

from gateway.broker import sta, xml
from gateway.errors import Invalid
from gateway.protocol.ticket import Ticket

XDATA = (
    "&lt;?xml version=&quot;1.0&quot;?&gt;&lt;!DOCTYPE CtxConnInfoProtocol SYSTEM &quot;x.dtd&quot;&gt;"
    "&lt;CtxConnInfo version=&quot;1.0&quot;&gt;&lt;ServerAddress&gt;10.0.0.5:1494&lt;/ServerAddress&gt;"
    "&lt;UserName&gt;alice&lt;/UserName&gt;&lt;UserDomain&gt;CORP&lt;/UserDomain&gt;"
    "&lt;ApplicationName&gt;office&lt;/ApplicationName&gt;&lt;Protocol&gt;ICA&lt;/Protocol&gt;&lt;/CtxConnInfo&gt;"
)
REQUEST = (
    '<?xml version="1.0"?><!DOCTYPE CtxSTAProtocol SYSTEM "CtxSTA.dtd"><CtxSTAProtocol version="4.0">'
    "<RequestTicket><AllowedTicketType>STA-v4</AllowedTicketType>"
    "<AllowedAuthorityIDType>STA-v1</AllowedAuthorityIDType>"
    '<TicketData><Value name="ICAAddress">10.0.0.5:1494</Value>'
    '<Value name="XData">{xdata}</Value></TicketData>'
    "<Control><Refreshable>true</Refreshable></Control></RequestTicket></CtxSTAProtocol>"
)
TICKET = Ticket(40, "STA01", "A" * 32)


def data_request(inside: str) -> bytes:
    return f"<CtxSTAProtocol><RequestData>{inside}</RequestData></CtxSTAProtocol>".encode()


def test_a_portals_request() -> None:
    """As portals send it: the VDA's address, and the user inside an escaped document."""
    expected = sta.TicketRequest("10.0.0.5", 1494, "CORP\\alice", "office", True)
    assert sta.parse_request(REQUEST.format(xdata=XDATA).encode()) == expected


def test_a_request_without_particulars() -> None:
    """XData and Control may be missing."""
    body = (
        b'<CtxSTAProtocol><RequestTicket><TicketData><Value name="ICAAddress">h:1</Value></TicketData>'
        b"</RequestTicket></CtxSTAProtocol>"
    )
    assert sta.parse_request(body) == sta.TicketRequest("h", 1, "", "", False)


@pytest.mark.parametrize(
    "inside",
    [f"<Ticket>{TICKET}</Ticket>", f"<AuthorityID>{TICKET.sta}</AuthorityID><Ticket>{TICKET.value}</Ticket>"],
)
def test_both_forms_of_a_redeem(inside: str) -> None:
    """The whole ticket, or its authority and its value."""
    assert sta.parse_request(data_request(inside)) == sta.DataRequest(TICKET)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<Other/>", "expected CtxSTAProtocol"),
        (b"<CtxSTAProtocol/>", "expected RequestTicket or RequestData"),
        (data_request("<Ticket>x</Ticket>"), "^Ticket: "),
        (data_request(""), "^Ticket: "),
        (REQUEST.format(xdata="").replace("10.0.0.5:1494", "nowhere").encode(), "^ICAAddress: "),
        (REQUEST.format(xdata="").replace("STA-v4", "STA-v9").encode(), "^AllowedTicketType: "),
        (REQUEST.format(xdata="not xml").encode(), "^xml: "),
        (REQUEST.format(xdata=XDATA.replace("alice", "a" * 65)).encode(), "^UserName: "),
        (REQUEST.format(xdata=XDATA.replace("alice", "a=b")).encode(), "^UserName: "),
        (
            REQUEST.format(xdata="&lt;!DOCTYPE a [&lt;!ENTITY x 'y'&gt;]&gt;&lt;a/&gt;").encode(),
            "DTD inside the document",
        ),
    ],
)
def test_wrong_requests(body: bytes, reason: str) -> None:
    """Each with what was expected; the inner document is read as carefully as the outer."""
    with pytest.raises(Invalid, match=reason):
        sta.parse_request(body)


def test_answers_are_where_portals_look() -> None:
    """ResponseTicket/{AuthorityID,Ticket,TicketVersion}; markup in values stays text."""
    answer = xml.parse(sta.render_ticket(TICKET)).first("ResponseTicket")
    assert answer is not None
    assert [answer.text_of(n) for n in ("AuthorityID", "Ticket", "TicketVersion")] == [
        "STA01", "A" * 32, "STA-v4",
    ]  # fmt: skip
    data = xml.parse(sta.render_data("10.0.0.5:1494", "<b>&")).first("ResponseData", "TicketData")
    assert data is not None
    values = {value.attributes["name"]: value.text for value in data.all("Value")}
    assert values == {"ICAAddress": "10.0.0.5:1494", "CGPAddress": "10.0.0.5:1494", "UserName": "<b>&"}
    assert xml.parse(sta.render_error("no", "<x>")).text_of("Error", "ErrorText") == "<x>"
