"""What an idle connection costs a worker: its own memory, before and with a crowd that asked once each."""

from __future__ import annotations

import resource
import socket
import ssl
import struct
import subprocess
from pathlib import Path

from bench.dns import load
from bench.dns.world import NAME

CLIENTS = 8
"""Loopback addresses that the crowd comes from: one would run out of ports."""
WINDOW = 16


def certificate(directory: Path) -> Path:
    """Make a self-signed ECDSA certificate with its key in one PEM file."""
    path = directory / "tls.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost"
    argv = ["openssl", *words.split(), "-keyout", "-", "-out", "-"]
    path.write_bytes(subprocess.run(argv, capture_output=True, check=True).stdout)
    return path


def own_kb(pid: int) -> int:
    """Return the memory that is the process's alone."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


def ask(channel: socket.socket, count: int) -> None:
    """Ask so many times on one connection, a window of queries under way."""
    packets = [struct.pack(">H", len(packet)) + packet for packet in load.queries(NAME, count)]
    got = b""
    for start in range(0, count, WINDOW):
        some = packets[start : start + WINDOW]
        channel.sendall(b"".join(some))
        waiting = len(some)
        while waiting:
            part = channel.recv(65_536)
            if not part:
                raise ConnectionError("closed by the server")
            got += part
            while len(got) >= 2 and len(got) >= (size := 2 + int.from_bytes(got[:2], "big")):
                got = got[size:]
                waiting -= 1


def crowd(port: int, count: int, *, is_tls: bool) -> list[socket.socket]:
    """Open connections, each of which asks once and then says nothing."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    packet = load.queries(NAME, 1)[0]
    found = []
    for n in range(count):
        sock = socket.create_connection(("127.0.0.1", port), 10, (f"127.0.0.{2 + n % CLIENTS}", 0))
        channel = context.wrap_socket(sock) if is_tls else sock
        channel.sendall(struct.pack(">H", len(packet)) + packet)
        answer = channel.recv(2)
        while len(answer) < 2 + int.from_bytes(answer[:2], "big"):
            answer += channel.recv(4096)
        found.append(channel)
    return found
