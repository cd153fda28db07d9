"""Desktops to open, as VDAs run them: TigerVNC and xrdp servers that show a moving picture above a shell, and
the clients' command lines.

The picture is `tests.e2e.gateway.picture`. Servers listen on loopback, with state in a folder of the test.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.gateway.picture import COLUMNS, ROWS
from tests.e2e.gateway.screens import HEIGHT, WIDTH, Screen, display
from tests.e2e.serving import ROOT, free_ports
from tests.programs import need, tail, wait_until


@contextlib.contextmanager
def running(words: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program with its output in `log`; it is killed at the end."""
    with log.open("ab") as output:
        popen = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env=os.environ | environment,
        )
    try:
        yield popen
    finally:
        popen.kill()
        popen.wait()


@dataclass(frozen=True)
class Desktop:
    """A VDA: its port, its own screen, and where it logs its clients."""

    port: int
    screen: Screen
    log: Path
    mark: str
    """What the log says once for every connection."""

    @property
    def connections(self) -> int:
        return self.log.read_text(errors="replace").count(self.mark)


@contextlib.contextmanager
def vnc_desktop(folder: Path, within: Sequence[str] = ()) -> Iterator[Desktop]:
    """Run a TigerVNC server with the moving picture above a shell, started by the words `within`."""
    (port,) = free_ports(1)
    log = folder / "vnc.log"
    words = [*within, need("Xtigervnc", "tigervnc-standalone-server"), "-rfbport", str(port), "-localhost"]
    words += ["-SecurityTypes", "None", "-geometry", f"{WIDTH}x{HEIGHT}", "-depth", "24", "-desktop", "vda"]
    with display(words, log) as screen, contextlib.ExitStack() as programs:
        below = ROWS * 14
        for size, command in (
            (f"{COLUMNS}x{ROWS}+0+0", [sys.executable, "-m", "tests.e2e.gateway.picture"]),
            (f"{COLUMNS}x25+0+{below}", ["/bin/sh"]),
        ):
            xterm = [need("xterm", "xterm"), "-bw", "0", "-b", "0", "-fn", "fixed", "-geometry", size, "-e"]
            programs.enter_context(running([*xterm, *command], folder / "xterm.log", DISPLAY=screen.name))
        screen.wait_for_number()
        yield Desktop(port, screen, log, "Connections: accepted")


XRDP_INI: Final = """
[Globals]
ini_version=1
fork=false
port=tcp://{address}
tcp_nodelay=true
security_layer=tls
certificate={folder}/rdp.pem
key_file={folder}/rdp.key
autorun=Desktop
allow_channels=true
max_bpp=32
use_fastpath=both

[Logging]
LogFile={folder}/xrdp.log
LogLevel=INFO
EnableSyslog=false

[Channels]

[Desktop]
name=Desktop
lib=libvnc.so
ip=127.0.0.1
port={vnc}
username=na
password=na
"""
"""An xrdp of its own: no PAM, no session manager, straight to one VNC server."""


@contextlib.contextmanager
def rdp_desktop(folder: Path, address: str = "", within: Sequence[str] = ()) -> Iterator[Desktop]:
    """Run an xrdp that shows a VNC desktop, at an address (or a free port) of the namespace `within`."""
    address = address or f"127.0.0.1:{free_ports(1)[0]}"
    new_key = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=desk"]
    new_key += ["-keyout", str(folder / "rdp.key"), "-out", str(folder / "rdp.pem")]
    subprocess.run([need("openssl", "openssl"), *new_key], check=True, capture_output=True)
    xrdp, log = need("xrdp", "xrdp"), folder / "xrdp.log"
    with vnc_desktop(folder, within) as vnc:
        config = folder / "xrdp.ini"
        config.write_text(XRDP_INI.format(address=address, folder=folder, vnc=vnc.port))
        with running([*within, xrdp, "--nodaemon", "--config", str(config)], folder / "xrdp.out"):
            wait_until(lambda: log.exists() and "listening" in log.read_text(), 10, f"xrdp: {tail(log)}")
            yield Desktop(int(address.rpartition(":")[2]), vnc.screen, log, "connection received")


def vncviewer(port: int) -> list[str]:
    """Return the words of a TigerVNC viewer that ends when its connection does."""
    words = [
        "-SecurityTypes",
        "None",
        "-FullScreen=1",
        "-RemoteResize=0",
        "-AlertOnFatalError=0",
        "-ReconnectOnError=0",
    ]
    return [need("xtigervncviewer", "tigervnc-viewer"), *words, f"127.0.0.1::{port}"]


def xfreerdp(*words: str) -> list[str]:
    """Return the words of a FreeRDP client that takes the whole display."""
    size = f"/size:{WIDTH}x{HEIGHT}"
    return [need("xfreerdp", "freerdp2-x11"), "/u:na", "/p:na", "/cert:ignore", "/sec:tls", size, *words]
