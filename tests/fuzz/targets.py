"""Everything of the gateway that reads a stranger's bytes, as functions of bytes that may raise nothing.

A target gives the bytes to one parser, whole and in pieces where it takes pieces, and lets only those errors
pass that the parser promises. hypothesis runs them all in the suite, atheris for as long as it is given.
"""

from __future__ import annotations

import json
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.broker import authority, names, sta, xml
from gateway.connector import allow
from gateway.connector.credential import new_key_request
from gateway.connector.outbound import Proxy, tunnel_through
from gateway.errors import GatewayError, Invalid, Refused
from gateway.identity import of_peer
from gateway.launch.file import parse_launch_file
from gateway.pop import doors, limits, redeem, sessions
from gateway.protocol import control, data, hello, rspframe, sniff, ticket, token
from gateway.protocol.budget import Budget
from gateway.protocol.codes import CloseCode, from_name, from_number
from gateway.protocol.control import FrameReader
from gateway.protocol.rsp import Endpoint
from gateway.protocol.rspevents import Data, WireRefused
from gateway.protocol.socks5 import Socks5Server
from tests.fuzz.target import Target, in_pieces, text

SESSION: Final = "0123456789abcdef0123456789abcdef"
TICKET: Final = ";40;STA0123456789;ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(32))
KEYS: Final = token.keyring([KEY.public_key()])


def read_first_bytes(raw: bytes) -> None:
    kind = sniff.sniff(raw)
    assert kind is not None or len(raw) < sniff.PREAMBLE_BYTES


def read_socks5(raw: bytes) -> None:
    """Whole and in pieces come to the same; what is behind the request is kept."""
    server = Socks5Server()
    request = None
    for piece in in_pieces(raw):
        request = server.receive(piece)
        server.take()
        if request is not None:
            break
    if request is not None:
        assert len(request.host) <= 255
        assert len(server.rest()) <= len(raw)


def read_hello(raw: bytes) -> None:
    parsed = hello.parse_hello(raw)
    if parsed is not None:
        assert parsed[1] <= sniff.PREAMBLE_BYTES
        assert bool(parsed[0].ticket) != bool(parsed[0].token)
        assert hello.parse_hello(hello.encode_hello(parsed[0])) is not None


def read_answer(raw: bytes) -> None:
    parsed = hello.parse_answer(raw)
    assert parsed is None or control.is_session(parsed[0].session)


def read_control(raw: bytes) -> None:
    """A frame that was read can be written, and reads the same."""
    reader = FrameReader(CloseCode.CONNECTOR_PROTOCOL)
    for piece in in_pieces(raw):
        for frame in reader.receive(piece):
            assert control.decode(control.encode(frame)[4:]) == frame
    assert len(reader._in) <= control.FRAME_BYTES + 4


def read_data_channel(raw: bytes) -> None:
    found = data.parse_hello(raw)
    assert found is None or not found.is_proved(bytes(32))
    data.parse_answer(raw)


def read_token(raw: bytes) -> None:
    found = token.verify(text(raw), KEYS, 0)
    assert token.verify(token.sign(found, KEY), KEYS, 0) == found


def read_signed_payload(raw: bytes) -> None:
    """Signed rubbish is rubbish still: a key in wrong hands crashes nobody."""
    signature = KEY.sign(b"hdx-token/1 " + raw)
    token.verify(".".join((next(iter(KEYS)), token._pack(raw), token._pack(signature))), KEYS, 0)


@cache
def _greeted() -> tuple[bytes, bytes]:
    """RESUMEs of both sides, for endpoints whose keys are fixed."""
    sides = [
        Endpoint(
            SESSION, is_initiator=first, budget=Budget(), private=X25519PrivateKey.from_private_bytes(raw)
        )
        for first, raw in ((True, b"\x01" * 32), (False, b"\x02" * 32))
    ]
    for side in sides:
        side.connected(1)
    first = sides[0].take()
    sides[1].receive(first)
    return first, sides[1].take()


def read_stream(raw: bytes) -> None:
    """Behind a good greeting: what arrives is in order, windows hold, memory is bounded."""
    greeting, _ = _greeted()
    end = Endpoint(SESSION, is_initiator=False, budget=Budget())
    end.connected(1)
    end.receive(greeting)
    end.take()
    limit, total = end._in.limit, 0
    for piece in in_pieces(raw):
        for event in end.receive(piece):
            if isinstance(event, Data):
                total += len(event.payload)
    assert total == end.unconsumed <= limit
    assert len(end._head) <= rspframe.MOST_BYTES + rspframe.HEADER.size
    assert len(end.take()) < 16 * rspframe.MOST_BYTES


def read_greeting(raw: bytes) -> None:
    """Without one nothing opens, and the wire is refused."""
    frame_of_resume = rspframe.HEADER.pack(rspframe.RESUME, rspframe.RESUME_BYTES)
    for is_initiator in (True, False):
        end = Endpoint(SESSION, is_initiator=is_initiator, budget=Budget())
        end.connected(1)
        events = end.receive(raw)
        is_greeted = raw.startswith(frame_of_resume) and len(raw) >= rspframe.GREETING_BYTES
        assert is_greeted or not end.is_open
        assert is_greeted or is_initiator or end.closed is None, "no stranger ends a session"
        assert is_greeted or not any(isinstance(event, Data) for event in events)
        if events and isinstance(events[-1], WireRefused):
            assert not end.is_up


def read_frames(raw: bytes) -> None:
    for parse in (rspframe.parse_reset, rspframe.parse_notice):
        try:
            parse(raw)
        except ValueError:
            continue


def read_sta(raw: bytes) -> None:
    asked = sta.parse_request(raw)
    if isinstance(asked, sta.TicketRequest):
        assert len(asked.user) <= sta.MAX_USER


def read_redeemed(raw: bytes) -> None:
    status = 200 if raw[:1] != b"!" else 403
    grant = redeem._read(status, raw)
    assert control.is_session(grant.session)


def read_tunnel(raw: bytes) -> None:
    for kind in ("http", "socks5"):
        tunnel = tunnel_through(Proxy(kind, "proxy", 1080, "user", "word"), "pop.example", 443)
        tunnel.begin()
        try:
            for piece in in_pieces(raw):
                _, is_done = tunnel.receive(piece)
                if is_done:
                    break
        except Refused:
            continue


@cache
def _authority() -> authority.Authority:
    return authority.open_authority(Path(tempfile.mkdtemp()), time.time)


def read_csr(raw: bytes) -> None:
    who = of_peer({"subjectAltName": (("URI", "hdx://connector/t/l/c-1"),)})
    _authority().issue(text(raw), who, 60)


def read_certificate_name(raw: bytes) -> None:
    who = of_peer({"subjectAltName": (("URI", text(raw)),), "serialNumber": text(raw)})
    assert who.uris() == (text(raw),)


def read_small_texts(raw: bytes) -> None:
    """Those that take any text, or say `Invalid`."""
    from_name(text(raw))
    from_number(int.from_bytes(raw[:2], "big"))
    sessions.truncated(text(raw))
    limits.network_of(text(raw))
    doors.is_whole(raw)
    doors.offers(raw, control.ALPN)
    names.parse_address("address", text(raw))


def read_allow(raw: bytes) -> None:
    allow.parse_allow_list([text(raw)]).admits("host", 1, "10.0.0.1")


_TOKEN = token.sign(token.RoutingToken(SESSION, "site", "tenant", "user", 1000, 2000), KEY)
_ICA = (
    "[WFClient]\nRemoveICAFile=yes\n[ApplicationServers]\necho=\n[echo]\n"
    f"Address={TICKET}\nSSLEnable=On\nSSLProxyHost=gw:443\nCGPAddress=*:2598\n"
)
_ASK = (
    '<?xml version="1.0"?><!DOCTYPE CtxSTAProtocol SYSTEM "CtxSTA.dtd"><CtxSTAProtocol version="4.0">'
    "<RequestTicket><AllowedTicketType>STA-v4</AllowedTicketType><TicketData>"
    '<Value name="ICAAddress">10.0.0.5:1494</Value><Value name="XData">&lt;S&gt;&lt;UserName&gt;ann'
    "&lt;/UserName&gt;&lt;/S&gt;</Value></TicketData></RequestTicket></CtxSTAProtocol>"
)
_GRANT = {
    "session": SESSION, "user": "u", "tenant": "t", "location": "l", "resource": "r", "target": "[::1]:1",
    "limits": {"idle_seconds": 1, "max_seconds": 2}, "resume_token": "x",
}  # fmt: skip
_FRAMES = (
    control.encode(control.Hello("connector", "c-1", location="l")),
    control.encode(control.Open(bytes(16), bytes(32), SESSION, "l", "h", 1, ("p:1",), "pop-a", 1000)),
    control.encode(control.Refused(bytes(16), CloseCode.VDA_REFUSED, "no")),
    control.encode(control.Load(1, 2, draining=True)) + control.encode(control.Ping(7)),
    control.encode(control.End(SESSION, CloseCode.BROKER_ENDED, "l")),
)
_STREAM = (
    rspframe.DATA_HEADER.pack(rspframe.DATA, 5, 0) + b"hello",
    rspframe.encode_ack(0, 300_000, False) + rspframe.frame(rspframe.FIN, bytes(8)),
    rspframe.frame(rspframe.WINDOW, (1 << 18).to_bytes(8, "big")) + rspframe.frame(rspframe.PING, bytes(8)),
    rspframe.encode_reset(CloseCode.CLIENT_CLOSED, "bye"),
    rspframe.encode_notice(rspframe.Notice("drain", "pop-a", 5)),
)
_YES = hello.encode_answer(
    hello.Accepted(SESSION, _TOKEN, "c-1", (hello.Alternate("gw", "192.0.2.1", 443),), 60)
)

TARGETS: Final[dict[str, Target]] = {
    "first_bytes": Target(
        read_first_bytes, (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"\x05", b"RSP1"), ()
    ),
    "socks5": Target(read_socks5, (b"\x05\x01\x00\x05\x01\x00\x03\x32" + TICKET.encode() + b"\x00\x50",)),
    "ticket": Target(
        lambda raw: ticket.parse(text(raw)), (TICKET.encode(), b"t-" + b"A" * 32 + b".STA1.example.net")
    ),
    "hello": Target(read_hello, (hello.encode_hello(hello.ClientHello(7, token=_TOKEN, connector="c-1")),)),
    "answer": Target(read_answer, (_YES, hello.encode_answer(CloseCode.CONNECTOR_NONE))),
    "token": Target(read_token, (_TOKEN.encode(),)),
    "signed_payload": Target(read_signed_payload, (token._unpack(_TOKEN.split(".")[1]),)),
    "control": Target(read_control, _FRAMES),
    "data_channel": Target(
        read_data_channel, (data.encode_hello(bytes(16), b"k" * 32), data.encode_answer(None))
    ),
    "greeting": Target(read_greeting, _greeted()),
    "stream": Target(read_stream, _STREAM, ()),
    "frames": Target(read_frames, tuple(one[5:] for one in _STREAM[3:]), ()),
    "xml": Target(xml.parse, (_ASK.encode(),), (Invalid,)),
    "sta": Target(read_sta, (_ASK.encode(),), (Invalid,)),
    "launch_file": Target(parse_launch_file, (_ICA.encode(),), (Invalid,)),
    "redeemed": Target(
        read_redeemed, (json.dumps(_GRANT).encode(), b'{"code": "client_ticket_expired"}'), (Refused,)
    ),
    "tunnel": Target(
        read_tunnel,
        (b"HTTP/1.1 200 ok\r\n\r\n", b"\x05\x02\x01\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
        (),
    ),
    "csr": Target(read_csr, (new_key_request().csr_pem.encode(),), (Invalid,)),
    "certificate_name": Target(read_certificate_name, (b"hdx://connector/t/l/c-1",), (Refused,)),
    "small_texts": Target(
        read_small_texts, (b"client_gone", b"[2001:db8::1]:443", b"fe80::1%eth0"), (Invalid,)
    ),
    "allow": Target(read_allow, (b"10.0.0.0/8:3389,1494", b"*.corp.example:*"), (GatewayError,)),
}
