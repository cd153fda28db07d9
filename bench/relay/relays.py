"""The relays under test, each one process pinned to CPU 0: how it is started, its CPU time, its memory."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from bench.meter import Meter

RELAY_CPU, LOAD_CPU = 0, max(0, (os.cpu_count() or 1) - 1)

HAPROXY = """\
global
    nbthread 1
    maxconn 9000
    tune.ssl.default-dh-param 2048
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
defaults
    mode tcp
    timeout connect 10s
    timeout client 600s
    timeout server 600s
frontend front
    bind 127.0.0.1:{port} ssl crt {certificate}
    default_backend back
backend back
    server one 127.0.0.1:{backend}{tls}
"""


class Relay:
    """One running relay."""

    def __init__(self, name: str, process: subprocess.Popen[str], port: int) -> None:
        self.name, self.port, self._process = name, port, process
        meter = Meter(process.pid)
        self.cpu_seconds, self.memory_kb = meter.cpu_seconds, meter.memory_kb

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def start_backend(certificate: Path | None) -> Relay:
    words = [sys.executable, "-m", "bench.relay.backend", *([str(certificate)] if certificate else [])]
    process = _pinned(words, LOAD_CPU)
    return Relay("backend", process, _port(process))


def start_ours(certificate: Path, backend: int, *, is_tls: bool) -> Relay:
    words = [sys.executable, "-m", "bench.relay.ours", str(certificate), str(backend)]
    process = _pinned(words + (["--backend-tls"] if is_tls else []), RELAY_CPU)
    return Relay("ours", process, _port(process))


def start_haproxy(certificate: Path, backend: int, *, is_tls: bool, directory: Path) -> Relay:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tls = " ssl verify none" if is_tls else ""
    path = directory / f"haproxy-{port}.cfg"
    path.write_text(HAPROXY.format(port=port, certificate=certificate, backend=backend, tls=tls))
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    process = _pinned([program, "-db", "-f", str(path)], RELAY_CPU)
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    return Relay("haproxy", process, port)


def haproxy_version() -> str:
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    text = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stdout
    return text.split()[2]


def _pinned(words: list[str], cpu: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["taskset", "-c", str(cpu), *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())
