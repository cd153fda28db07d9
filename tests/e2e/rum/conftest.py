"""What the browser's tests share: one Chromium, one stand-in collector, POPs at known distances."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.e2e.gateway.browser import Browser, chromium
from tests.e2e.rum.collector import Collector, collecting
from tests.e2e.rum.pops import HOSTS, RTT_MS, SHY_MS, Pops
from tests.e2e.serving import ROOT, free_ports
from tests.gateway.certificates import Certificates


@pytest.fixture(scope="package")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("browser"), certificates.ca) as opened:
        yield opened


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="package")
def pops(certificates: Certificates) -> Iterator[Pops]:
    """Real probe targets behind delaying proxies; one POP is dead, one hangs."""
    secure, plain, port = free_ports(3)
    pem = certificates.server(names=tuple(HOSTS[pop] for pop in RTT_MS))
    ways = [f"{HOSTS[pop]}:{port}={secure},{rtt}" for pop, rtt in RTT_MS.items()]
    shy = f"{HOSTS['shy']}:{port}={plain},{SHY_MS},hide"
    with (
        socket.create_server((HOSTS["hanging"], port), backlog=64),
        _running("itm", "probe-target", "--listen", f"127.0.0.1:{secure}", "--certificate", str(pem)),
        _running("itm", "probe-target", "--listen", f"127.0.0.1:{plain}"),
        _running("tests.e2e.rum.delays", *ways, shy),
    ):
        yield Pops(port)


@contextlib.contextmanager
def _running(*words: str) -> Iterator[None]:
    """Run a module until the end of the block; it is ready when it says so."""
    with subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"ready" in process.stderr.readline()
        try:
            yield
        finally:
            process.terminate()
