from __future__ import annotations

import contextlib
import socket

import pytest

from itm.dns.listen import Listen
from itm.dns.ports import Ports

ANY = [Listen("127.0.0.1", 0), Listen("::1", 0)]


def test_udp_and_tcp_share_a_port_also_with_other_workers() -> None:
    """Port 0 becomes one number for both; a second worker binds the same addresses."""
    with contextlib.ExitStack() as stack:
        first = Ports(ANY, [Listen("127.0.0.1", 0)], idle_seconds=10.0)
        stack.callback(first.close)
        hosts = [host for host, _ in first.addresses]
        assert hosts == ["127.0.0.1", "::1"]
        for address in (*first.addresses, *first.tls_addresses):
            socket.create_connection(address, 5).close()
        places = [Listen(*address) for address in first.addresses]
        second = Ports(places, [Listen(*first.tls_addresses[0])], idle_seconds=10.0)
        stack.callback(second.close)
        assert second.addresses == first.addresses


def test_a_taken_address_leaves_nothing_open() -> None:
    """What was bound before the failure is free again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = Listen(*taken.getsockname())
        with socket.create_server(("127.0.0.1", 0)) as found:
            free = Listen(*found.getsockname())
        for places, tls_places in (([free, busy], []), ([free], [busy])):
            with pytest.raises(OSError, match="in use"):
                Ports(places, tls_places, idle_seconds=10.0)
        with (
            socket.create_server((free.host, free.port)),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        ):
            sock.bind((free.host, free.port))


def test_nobody_is_kept_waiting_for_a_client_that_takes_nothing() -> None:
    """The kernel holds little for it and gives it up after the idle time, on every connection accepted."""
    ports = Ports([], [Listen("127.0.0.1", 0)], idle_seconds=7.0)
    with socket.create_connection(ports.tls_addresses[0], 5):
        ports._tls[0].setblocking(True)
        accepted, _ = ports._tls[0].accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 262_144
    ports.close()
