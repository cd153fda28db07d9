import asyncio
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import h11
import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.pop.counters import Counters
from gateway.pop.face import Face
from gateway.pop.health import Health
from itm.ops.objects import PIXEL
from itm.ops.target import build
from tests.gateway.certificates import Certificates
from tests.itm.ops.test_listen import taken


def test_the_objects_of_a_pop() -> None:
    """A picture that is never cached and shows its timing to any origin, and a health page."""

    async def scenario() -> None:
        async with TestClient(TestServer(build())) as client:
            picture = await client.get("/probe/v1/r.gif?r=123")
            assert await picture.read() == PIXEL
            assert picture.content_type == "image/gif"
            assert picture.headers["Timing-Allow-Origin"] == "*"
            assert picture.headers["Cache-Control"] == "no-store"
            assert (await client.get("/healthz")).status == 200
            assert (await client.get("/")).status == 404

    asyncio.run(scenario())


def test_a_policy_stands_on_every_answer() -> None:
    """A browser may take it from whatever it asks first, also from what is not there."""

    async def scenario() -> None:
        async with TestClient(TestServer(build([("NEL", "policy")]))) as client:
            for path in ("/probe/v1/r.gif", "/healthz", "/nothing"):
                assert (await client.get(path)).headers["NEL"] == "policy"

    asyncio.run(scenario())


def test_the_command_speaks_https(tmp_path: Path) -> None:
    """With --certificate alone or with --key, to a client that insists on the certificate."""
    made = Certificates(tmp_path)
    pem = made.server()
    with taken() as listen:
        pass
    words = ["--listen", str(listen), "--certificate", str(pem), "--key", str(pem)]
    with subprocess.Popen(
        [sys.executable, "-m", "itm", "probe-target", *words],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "target.ready listeners=1" in process.stderr.readline()
        url = f"https://{listen}/probe/v1/r.gif"
        with urllib.request.urlopen(url, timeout=5, context=made.client_context()) as answer:
            assert answer.read() == PIXEL
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(url, timeout=5, context=ssl.create_default_context())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize(
    ("path", "kind", "size"),
    [("/probe/v1/r.gif", "image/gif", 43), ("/probe/v1/l.bin", "application/octet-stream", 102_400)],
)
def test_the_same_objects_as_the_gateway(path: str, kind: str, size: int) -> None:
    """Byte for byte what a POP's client port serves, with the same headers; HEAD has no body."""
    face = Face(lambda: Health(True, "ok"), Counters())
    asked = h11.Request(method="GET", target=path, headers=[("Host", "pop.test")])
    assert face._answer(asked)[:2] == (200, kind)

    async def scenario() -> None:
        async with TestClient(TestServer(build())) as client:
            for method in ("GET", "HEAD"):
                served = await client.request(method, path)
                assert (served.status, served.content_type) == (200, kind)
                assert served.headers["Content-Length"] == str(size)
                assert {name: served.headers[name] for name, _ in face._headers} == dict(face._headers)
                assert await served.read() == (face._answer(asked)[2] if method == "GET" else b"")

    asyncio.run(scenario())


def test_the_command_serves_until_it_is_told_to_stop() -> None:
    """`itm probe-target` on two addresses, stopped by SIGTERM."""
    with taken() as listen:
        port = listen.port
    words = ["probe-target", "--listen", f"127.0.0.1:{port}", f"127.0.0.2:{port}"]
    with subprocess.Popen(
        [sys.executable, "-m", "itm", *words], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        assert "target.ready listeners=2" in process.stderr.readline()
        for host in ("127.0.0.1", "127.0.0.2"):
            with urllib.request.urlopen(f"http://{host}:{port}/healthz", timeout=5) as answer:
                assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
