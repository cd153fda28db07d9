"""Load on the loopback: ECS queries with random subnets, as fast as answered or at a fixed rate."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import time

from itm.dns.name import encode


def queries(name: str, count: int, seed: int = 1) -> list[bytes]:
    """Return A queries with an IPv4 /24 each, ids 0 .. count - 1 modulo 65536."""
    rng = random.Random(seed)
    question = encode(name) + struct.pack(">HH", 1, 1)
    opt = struct.pack(">BHHIHHHHBB", 0, 41, 1232, 0, 11, 8, 7, 1, 24, 0)
    return [
        struct.pack(">6H", n & 0xFFFF, 0, 1, 0, 0, 1) + question + opt + rng.randbytes(3)
        for n in range(count)
    ]


def _socket(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    sock.connect(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


def saturate(port: int, packets: list[bytes], seconds: float, window: int = 64) -> tuple[int, float]:
    """Keep `window` queries under way; return (answers, seconds)."""
    sock = _socket(port)
    send, receive = sock.send, sock.recv
    under_way = answers = place = 0
    started = last = time.monotonic()
    while time.monotonic() - started < seconds:
        while under_way < window:
            send(packets[place])
            place = (place + 1) % len(packets)
            under_way += 1
        try:
            while True:
                receive(4096)
                answers += 1
                under_way -= 1
        except BlockingIOError:
            if under_way < window:
                last = time.monotonic()
            elif time.monotonic() - last > 0.5:
                under_way = 0  # lost: start again
    took = time.monotonic() - started
    sock.close()
    return answers, took


def stream(
    port: int, packets: list[bytes], seconds: float, window: int = 64, *, is_tls: bool = False
) -> tuple[int, float]:
    """Keep `window` queries under way on one connection; return (answers, seconds)."""
    answers = place = under_way = 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    bare = socket.create_connection(("127.0.0.1", port))
    started = time.monotonic()
    with context.wrap_socket(bare) if is_tls else bare as sock, sock.makefile("rb") as replies:
        while time.monotonic() - started < seconds:
            some = [packets[(place + n) % len(packets)] for n in range(window - under_way)]
            place, under_way = place + len(some), window
            sock.sendall(b"".join(len(one).to_bytes(2, "big") + one for one in some))
            for _ in range(window // 2):
                if len(replies.read(int.from_bytes(replies.read(2), "big"))) < 12:
                    raise ConnectionError("closed by the server")
            answers, under_way = answers + window // 2, window // 2
    return answers, time.monotonic() - started


def steady(port: int, packets: list[bytes], rate: float, seconds: float) -> tuple[int, int]:
    """Send `rate` queries a second; return (sent, lost)."""
    sock = _socket(port)
    sent = answers = 0
    started = time.monotonic()
    while (now := time.monotonic() - started) < seconds:
        while sent < now * rate:
            sock.send(packets[sent % len(packets)])
            sent += 1
        answers += _received(sock)
        time.sleep(0.0002)
    deadline = time.monotonic() + 2
    while answers < sent and time.monotonic() < deadline:
        answers += _received(sock)
    sock.close()
    return sent, sent - answers


def _received(sock: socket.socket) -> int:
    count = 0
    try:
        while sock.recv(4096):
            count += 1
    except BlockingIOError:
        return count
    return count
