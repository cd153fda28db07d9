import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import dnslib

from itm.config import Config, Dns, Ops
from itm.ops.front import Front


class Handler(BaseHTTPRequestHandler):
    """An ops listener with two pages."""

    def do_GET(self) -> None:
        pages = {
            "/readyz": (503, {"ready": False, "faults": {"map": "no map"}}),
            "/api/v1/pops": (200, {"pops": [{"id": "tokyo", "ipv4": ["192.0.2.1"]}]}),
        }
        status, page = pages[self.path]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(page).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def server(subnets: list[bytes]) -> Iterator[Config]:
    """A DNS server for one query, whose client subnet it notes, beside the pages."""
    pages = HTTPServer(("127.0.0.1", 0), Handler)
    dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    dns.bind(("127.0.0.1", 0))

    def answer() -> None:
        packet, peer = dns.recvfrom(4096)
        query = dnslib.DNSRecord.parse(packet)
        subnets.append(query.ar[0].rdata[0].data)
        reply = query.reply()
        reply.add_answer(*dnslib.RR.fromZone("gw.example.net. 20 A 192.0.2.1"))
        dns.sendto(reply.pack(), peer)

    threads = [threading.Thread(target=pages.serve_forever), threading.Thread(target=answer, daemon=True)]
    for thread in threads:
        thread.start()
    listen = f"127.0.0.1:{dns.getsockname()[1]}"
    try:
        yield Config(dns=Dns(listen=(listen,)), ops=Ops(listen=f"127.0.0.1:{pages.server_port}"))
    finally:
        pages.shutdown()
        threads[0].join()
        pages.server_close()
        dns.close()


def test_the_pop_of_a_network_is_what_the_dns_answers() -> None:
    """Asked with the network as client subnet (RFC 7871), matched by address."""
    subnets: list[bytes] = []
    with server(subnets) as config:
        assert Front(config).pop_of("gw.example.net", "133.11.0.0/24") == "tokyo"
    assert subnets == [bytes([0, 1, 24, 0, 133, 11, 0])]


def test_what_is_missing_is_read_from_a_503() -> None:
    """An answer that says not ready is an answer."""
    with server([]) as config:
        assert Front(config).faults() == {"map": "no map"}


def test_a_server_that_is_not_there_yet() -> None:
    """No exception: it is starting."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        front = Front(Config(ops=Ops(listen=f"127.0.0.1:{closed.getsockname()[1]}")))
        assert set(front.faults()) == {"edge"}
