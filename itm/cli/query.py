"""`itm query NAME [TYPE]`: ask a DNS server, with a client subnet if wanted; short output like dig's.

Exit status 0 when a reply came and its rcode is NOERROR, 1 when it is another, 2 without a reply.
"""

from __future__ import annotations

import argparse
import ipaddress
import secrets
import socket
import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import dnslib

from itm.errors import ConfigError, ItmError

TIMEOUT_SECONDS: Final = 2.0
TRIES: Final = 3
PAYLOAD_BYTES: Final = 1232


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", help="the name to ask for")
    parser.add_argument("type", nargs="?", default="A", type=str.upper, help="A, AAAA, TXT, … (default A)")
    parser.add_argument("--subnet", metavar="PREFIX", help="EDNS Client Subnet, e.g. 133.11.0.0/24")
    parser.add_argument("--server", default="127.0.0.1:5300", metavar="ADDRESS:PORT")
    parser.add_argument("--tcp", action="store_true", help="ask over TCP")
    parser.add_argument("--short", action="store_true", help="print the answers' data only")
    parser.add_argument(
        "--count", type=int, default=1, metavar="N", help="ask so often, and print how often each answer came"
    )


def run(args: argparse.Namespace) -> int:
    """Ask and print."""
    records = [_asked(args) for _ in range(max(args.count, 1))]
    print("\n".join(lines(records[-1], short=args.short) if len(records) == 1 else shares(records)))
    return int(records[-1].header.rcode != 0)


def shares(records: Sequence[Any]) -> list[str]:
    """Return which answers came how often, the most frequent first: a POP's share where several are drawn."""
    told = Counter(" ".join(lines(record, short=True)) or "no answer" for record in records)
    return [f"{number / len(records):.1%}\t{text}" for text, number in told.most_common()]


def _asked(args: argparse.Namespace) -> Any:
    question = make(args.name, args.type, args.subnet)
    host, port = _server(args.server)
    packet = question.pack()
    reply = _over_tcp(host, port, packet) if args.tcp else _over_udp(host, port, packet)
    record = dnslib.DNSRecord.parse(reply)
    if record.header.tc and not args.tcp:
        record = dnslib.DNSRecord.parse(_over_tcp(host, port, packet))
    return record


def make(name: str, rtype: str, subnet: str | None) -> Any:
    """Return the query as a dnslib record. Raises `ConfigError` for a type or subnet that is none."""
    if rtype not in dnslib.QTYPE.reverse:
        raise ConfigError(f"TYPE: {rtype!r} is not a record type")
    options = [dnslib.EDNSOption(8, _subnet(subnet))] if subnet else []
    question = dnslib.DNSRecord(
        dnslib.DNSHeader(id=secrets.randbelow(1 << 16), bitmap=0),
        q=dnslib.DNSQuestion(name, dnslib.QTYPE.reverse[rtype]),
    )
    question.add_ar(dnslib.EDNS0(udp_len=PAYLOAD_BYTES, opts=options))
    return question


def lines(record: Any, *, short: bool = False) -> list[str]:
    """Return what is printed of a reply."""
    if short:
        return [str(rr.rdata) for rr in record.rr]
    flags = [flag for flag in ("aa", "tc", "rd", "ra") if getattr(record.header, flag)]
    found = [f";; {dnslib.RCODE.get(record.header.rcode)} {' '.join(flags)}".rstrip()]
    for section in (record.rr, record.auth, record.ar):
        found += [f"{rr.rname}\t{rr.ttl}\t{_type(rr.rtype)}\t{rr.rdata}" for rr in section if rr.rtype != 41]
    return found + [f";; client subnet {text}" for text in _echoes(record)]


def _subnet(text: str) -> bytes:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ConfigError(f"--subnet: {error}") from error
    octets = network.network_address.packed[: (network.prefixlen + 7) // 8]
    return struct.pack(">HBB", 1 if network.version == 4 else 2, network.prefixlen, 0) + octets


def _echoes(record: Any) -> list[str]:
    """Return the echoed subnets as `prefix scope /n`."""
    options = [option for rr in record.ar if rr.rtype == 41 for option in rr.rdata if option.code == 8]
    found = []
    for option in options:
        family, source, scope = struct.unpack_from(">HBB", option.data)
        size = 4 if family == 1 else 16
        address = ipaddress.ip_address(option.data[4:].ljust(size, b"\0"))
        found.append(f"{address}/{source} scope /{scope}")
    return found


def _type(rtype: int) -> str:
    return str(dnslib.QTYPE.get(rtype))


def _server(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        raise ConfigError(f"--server: expected ADDRESS:PORT, got {text!r}")
    return host.strip("[]"), int(port)


def _over_udp(host: str, port: int, packet: bytes) -> bytes:
    for _ in range(TRIES):
        with socket.socket(_family(host), socket.SOCK_DGRAM) as sock:
            sock.settimeout(TIMEOUT_SECONDS)
            try:
                sock.connect((host, port))
                sock.send(packet)
                reply = sock.recv(65_535)
            except TimeoutError:
                continue
            except OSError as error:
                raise ItmError(f"{host}:{port}: {error.strerror}") from error
        if reply[:2] == packet[:2]:
            return reply
    raise ItmError(f"{host}:{port}: no reply")


def _over_tcp(host: str, port: int, packet: bytes) -> bytes:
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_SECONDS) as sock:
            sock.sendall(struct.pack(">H", len(packet)) + packet)
            stream = sock.makefile("rb")
            (length,) = struct.unpack(">H", stream.read(2).ljust(2, b"\0"))
            reply = stream.read(length)
    except OSError as error:
        raise ItmError(f"{host}:{port}: {error.strerror or error}") from error
    if not length or len(reply) < length:
        raise ItmError(f"{host}:{port}: the connection was closed")
    return reply


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
