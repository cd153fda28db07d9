from __future__ import annotations

from typing import Any

from itm.dns.udp import drain


class Scripted:
    """A socket that plays what it is given; exceptions are raised."""

    def __init__(self, *script: Any) -> None:
        self._script = list(script)
        self.port = 4000
        self.sent: list[tuple[bytes, Any]] = []

    def recvfrom(self, size: int, /) -> tuple[bytes, Any]:
        item = self._script.pop(0) if self._script else BlockingIOError()
        if isinstance(item, Exception):
            raise item
        return item, ("192.0.2.1", self.port)

    def sendto(self, data: bytes, address: Any, /) -> int:
        if data == b"unreachable":
            raise ConnectionRefusedError
        self.sent.append((data, address))
        return len(data)


def test_a_batch_is_drained() -> None:
    """Everything waiting is answered; silence is kept where the answer is None."""
    sock = Scripted(b"1", b"quiet", b"3")
    assert drain(sock, lambda packet, peer: None if packet == b"quiet" else packet + peer.encode()) == 3
    assert [data for data, _ in sock.sent] == [b"1192.0.2.1", b"3192.0.2.1"]


def test_a_batch_has_an_end() -> None:
    """TCP and timers get their turn under load."""
    sock = Scripted(*[b"x"] * 10)
    assert drain(sock, lambda packet, _: packet, batch=4) == 4


def test_errors_of_the_network_are_not_ours() -> None:
    """A refused earlier reply and a reply that cannot be sent change nothing for the others."""
    sock = Scripted(ConnectionRefusedError(), b"unreachable", b"ok")
    assert drain(sock, lambda packet, _: packet) == 3
    assert [data for data, _ in sock.sent] == [b"ok"]


def test_port_zero_is_not_answered() -> None:
    """Nobody listens there; it is a spoofed packet."""
    sock = Scripted(b"x")
    sock.port = 0
    drain(sock, lambda packet, _: packet, batch=1)
    assert sock.sent == []
