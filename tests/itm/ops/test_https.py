import asyncio
import contextlib
import json
import ssl
import subprocess
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from collectors.journal import JournalReader
from collectors.network import Network
from itm.config import Collect, Public
from itm.dns import certificate
from itm.dns.certificate import Pair
from itm.dns.listen import Listen
from itm.errors import ConfigError
from itm.ops import https
from itm.ops.https import Https
from itm.ops.listen import Door, bound, served
from tests.gateway.certificates import Certificates
from tests.itm.ops.harness import Served, play
from tests.itm.ops.test_rum import BEACON, GOOD
from tests.programs import need


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_with_and_without_a_name(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """HTTP/1.1 by ALPN; a client that asks for an address sends no name (RFC 6066 3)."""
    made = Certificates(tmp_path)
    context = made.client_context(alpn=("h2", "http/1.1"))
    context.minimum_version = context.maximum_version = version

    async def scenario(address: Listen) -> None:
        for name in ("gw.test", "127.0.0.1"):
            reader, writer = await asyncio.open_connection(
                address.host, address.port, ssl=context, server_hostname=name
            )
            connection = writer.get_extra_info("ssl_object")
            assert connection.selected_alpn_protocol() == "http/1.1"
            writer.write(b"GET /no HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 404")
            writer.close()

    asyncio.run(_at_a_door(made.server(), scenario))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_what_is_too_old_or_no_tls_is_turned_away(tmp_path: Path) -> None:
    """TLS 1.1, plain HTTP, and a client that trusts another authority; the next one is served."""
    made = Certificates(tmp_path)
    (tmp_path / "foreign").mkdir()
    old = made.client_context()
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    foreign = Certificates(tmp_path / "foreign").client_context()

    async def scenario(address: Listen) -> None:
        for context in (old, foreign):
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                await asyncio.open_connection(
                    address.host, address.port, ssl=context, server_hostname="gw.test"
                )
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert b"HTTP" not in await reader.read()
        writer.close()
        assert await _serial(address, made)

    asyncio.run(_at_a_door(made.server(), scenario))


def test_a_renewed_certificate_is_shown_and_a_broken_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a restart; connections that stand are not touched."""
    monkeypatch.setattr(https, "LOOK_SECONDS", 0.01)
    told: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
    for level in ("info", "error"):
        monkeypatch.setattr(certificate.log, level, lambda event, **_: told[event].set())
    made = Certificates(tmp_path)
    pem = made.server()

    async def scenario(address: Listen) -> None:
        first = await _serial(address, made)
        reader, writer = await asyncio.open_connection(
            address.host, address.port, ssl=made.client_context(), server_hostname="gw.test"
        )
        pem.write_text("broken")
        await asyncio.wait_for(told["certificate.refused"].wait(), 5)
        assert await _serial(address, made) == first
        made.server()
        await asyncio.wait_for(told["certificate.loaded"].wait(), 5)
        assert await _serial(address, made) != first
        writer.write(b"GET /no HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 404")
        writer.close()

    asyncio.run(_at_a_door(pem, scenario))


def test_a_beacon_over_https(tmp_path: Path) -> None:
    """The edge takes curl's beacon over TLS and keeps its network, as over plain HTTP."""
    curl = need("curl", "curl")
    made = Certificates(tmp_path)
    public = Public(
        listen="127.0.0.1:0", tls_listen=("127.0.0.1:0", "127.0.0.2:0"), tls_certificate=str(made.server())
    )

    async def scenario(served: Served) -> None:
        assert (await served.public("POST", BEACON, json=GOOD)).status == 204
        for listen in served.now.tls:
            url = f"https://gw.test:{listen.port}{BEACON}"
            argv = [
                curl,
                "-sS",
                "--cacert",
                str(made.ca),
                "--resolve",
                f"gw.test:{listen.port}:{listen.host}",
            ]
            argv += ["--data", json.dumps(GOOD), "-w", "%{http_code} %{ssl_verify_result}", url]
            done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, timeout=20)
            assert done.stdout == "204 0", done.stderr
        told = (await served.ops("GET", "/metrics")).text
        assert "\nitm_https_connections " in told
        assert 'itm_https_connections_shed_total{reason="handshakes"} 0' in told

    play(tmp_path, scenario, public=public, collect=Collect(require_tokens=False))
    records = JournalReader(tmp_path / "journal").read()
    assert {Network(int(r["family"]), int(r["unit"])) for r in records} == {Network.of("127.0.0.0/24")}
    assert len(records) == 3


def test_without_a_sound_certificate_there_is_no_start(tmp_path: Path) -> None:
    """The error names the setting and the file."""
    with pytest.raises(ConfigError, match=r"^public\.tls_certificate: .*none\.pem: No such file"):
        Https(Pair(tmp_path / "none.pem", tmp_path / "none.pem"), https.SETTINGS)


async def _at_a_door(pem: Path, scenario: Callable[[Listen], Awaitable[None]]) -> None:
    secure = Https(Pair(pem, pem), https.SETTINGS)
    with bound([Listen("127.0.0.1", 0)], "x") as (sock,):
        door = Door(sock, secure)
        async with served(web.Application(), [door]):
            watching = asyncio.ensure_future(secure.watch())
            await scenario(door.address)
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching


async def _serial(address: Listen, made: Certificates) -> int:
    """Return the serial number of the certificate that a new connection is shown."""
    context = made.client_context()
    _, writer = await asyncio.open_connection(
        address.host, address.port, ssl=context, server_hostname="gw.test"
    )
    shown = writer.get_extra_info("ssl_object").getpeercert()
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError):
        await writer.wait_closed()
    return int(shown["serialNumber"], 16)
