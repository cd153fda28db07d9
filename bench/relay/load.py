"""The clients: TLS 1.3 through a relay (or plain, straight to the backend), one kind of load at a time."""

from __future__ import annotations

import select
import socket
import ssl
import time

MESSAGE = bytes(64)


def client_context() -> ssl.SSLContext:
    """Return a context that trusts anybody: speed is measured, not trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_ciphers("ECDHE+AESGCM")
    return context


CONTEXT = client_context()


def dial(port: int, kind: bytes, *, is_plain: bool = False) -> socket.socket:
    """Connect, shake hands, ask the backend for `kind`."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    channel = sock if is_plain else CONTEXT.wrap_socket(sock)
    channel.sendall(kind)
    return channel


def bulk(port: int, kind: bytes, seconds: float) -> tuple[int, float]:
    """Move as much as possible down (`d`) or up (`u`) on one session; return bytes and seconds."""
    sock = dial(port, kind)
    buffer, block = bytearray(262_144), bytes(262_144)
    moved, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for _ in range(16):
            moved += sock.recv_into(buffer) if kind == b"d" else sock.send(block)
    took = time.perf_counter() - begun
    sock.close()
    return moved, took


class PingPong:
    """`sessions` connections that send 64 B and wait for their echo."""

    def __init__(self, port: int, sessions: int, *, is_plain: bool = False) -> None:
        self.sockets = [dial(port, b"e", is_plain=is_plain) for _ in range(sessions)]
        self._epoll = select.epoll()
        self._by_fd = {sock.fileno(): sock for sock in self.sockets}
        for sock in self.sockets:
            sock.setblocking(False)
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def saturate(self, seconds: float) -> tuple[int, float]:
        """Keep every session in flight; return round trips and seconds."""
        for sock in self.sockets:
            sock.send(MESSAGE)
        trips, begun = 0, time.perf_counter()
        while (now := time.perf_counter()) - begun < seconds:
            for fd, _ in self._epoll.poll(1):
                if self._receive(fd):
                    trips += 1
                    self._by_fd[fd].send(MESSAGE)
        took = now - begun
        self._settle(0.3)
        return trips, took

    def pace(self, seconds: float, per_second: float) -> list[float]:
        """Send evenly spaced messages over the sessions in turn; return the round trips in ms, sorted."""
        sent: dict[int, float] = {}
        times: list[float] = []
        begun = time.perf_counter()
        number = 0
        while (now := time.perf_counter()) - begun < seconds:
            due = begun + number / per_second
            if now >= due:
                sock = self.sockets[number % len(self.sockets)]
                if sock.fileno() not in sent:
                    sent[sock.fileno()] = time.perf_counter()
                    sock.send(MESSAGE)
                number += 1
                continue
            for fd, _ in self._epoll.poll(max(0.0, due - now)):
                if self._receive(fd) and fd in sent:
                    times.append((time.perf_counter() - sent.pop(fd)) * 1000)
        self._settle(0.2)
        return sorted(times)

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()

    def _receive(self, fd: int) -> bool:
        try:
            return bool(self._by_fd[fd].recv(4096))
        except (BlockingIOError, ssl.SSLWantReadError):
            return False

    def _settle(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            for fd, _ in self._epoll.poll(left):
                self._receive(fd)
