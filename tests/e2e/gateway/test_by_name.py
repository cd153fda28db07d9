"""POPs found by asking ITM's own DNS for the gateway's name: a POP of two hosts, and a second POP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.gateway.stack import Stack
from tests.e2e.gateway.test_refusals import launch
from tests.e2e.serving import free_ports
from tests.programs import dig, tail, wait_until

NAME = "hdx.gw.test"
HOSTS = {"a1": "127.61.0.1", "a2": "127.61.0.2", "b": "127.61.0.3"}

CATALOG = """\
healthcheck: {{protocol: tcp, port: {port}, interval_seconds: 1, rise: 1, fall: 2}}
zones: [gw.test.zone]
services:
  hdx.gw.test.:
    ttl: 1
    pools:
      first: {{values: [a], fallback: second}}
      second: {{values: [b]}}
    rules: [{{pool: first}}]
    values: [127.61.0.1]
pops:
  a: {{provider: x, city: Oslo, country: NO, lat: 59.9, lon: 10.7, ipv4: [127.61.0.1, 127.61.0.2]}}
  b: {{provider: x, city: Bergen, country: NO, lat: 60.4, lon: 5.3, ipv4: 127.61.0.3}}
"""
ZONE = """\
$ORIGIN gw.test.
$TTL 300
@   SOA ns1 hostmaster 1 3600 600 86400 60
    NS  ns1
ns1 A   127.0.0.1
"""


@contextlib.contextmanager
def steered_gateway(folder: Path, port: int) -> Iterator[Stack]:
    """A gateway whose POPs all listen on one port of addresses of their own; no connector yet."""
    names = ("api", "signal", "echo")
    stack = Stack(folder, dict(zip(names, free_ports(len(names)), strict=True)) | {"pop-a": port})
    steered = ("--set", f"gateway={NAME}:{port}")
    words = (*stack.broker_words(), *steered)

    def desk(*command: str, stdin: str | None = None) -> str:
        return stack.run(*command, *words, stdin=stdin).splitlines()[0]

    try:
        stack.start("broker", "broker", *words, ready="broker.ready")
        desk("location", "create", "site")
        desk("user", "add", "ann", stdin="a long enough password\n")
        desk("resource", "add", "echo", "--location", "site", "--target", f"127.0.0.1:{stack.ports['echo']}")
        stack.start("echo-vda", "echo-vda", "--listen", f"127.0.0.1:{stack.ports['echo']}", ready="listens")
        for name, host in HOSTS.items():
            token = desk("pop", "token", f"pop-{name[0]}", "--address", f"{host}:{port}")
            stack.start(
                name,
                *("pop", "--state", str(folder / name), "--listen", f"{host}:{port}"),
                *("--broker", f"https://127.0.0.1:{stack.ports['api']}", "--ca", str(stack.ca)),
                *("--token", token, "--ping-seconds", "1"),
                ready="pop.ready",
            )
        yield stack
    finally:
        for process in reversed(list(stack.running.values())):
            process.kill()


@pytest.mark.long
def test_found_by_name_and_one_hosts_death_takes_one_address_out(start: StartServer, tmp_path: Path) -> None:
    """Connector and launcher ask ITM; a dead host's address is left alone, a dead POP gives way."""
    (port,) = free_ports(1)
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    (catalog / "catalog.yaml").write_text(CATALOG.format(port=port))
    (catalog / "gw.test.zone").write_text(ZONE)
    folder = tmp_path / "gateway"
    folder.mkdir()
    with steered_gateway(folder, port) as stack:
        server = start(demo__catalog=str(catalog))
        resolver = ("--resolver", f"{server.dns[0]}:{server.dns[1]}")

        def answer() -> list[str]:
            return sorted(dig(NAME, server=server.dns[0], port=server.dns[1]))

        def opens() -> tuple[int, str, float]:
            file = folder / "launch.ica"
            words = (*stack.broker_words(), "--set", f"gateway={NAME}:{port}")
            stack.run("launch-file", "echo", "--user", "ann", "-o", str(file), *words)
            return launch(stack, file, *resolver)

        wait_until(lambda: answer() == [HOSTS["a1"], HOSTS["a2"]], 30, f"ITM answers POP a: {answer()}")
        words = (*stack.broker_words(), "--set", f"gateway={NAME}:{port}")
        token = stack.run("connector", "token", "site", *words).splitlines()[0]
        connector = stack.start(
            "connector",
            *("connector", "--state", str(folder / "connector"), "--token", token, *resolver),
            *("--broker", f"https://127.0.0.1:{stack.ports['api']}", "--ca", str(stack.ca)),
            *("--allow", "127.0.0.1:*"),
            ready="control.standing",
        )
        wait_until(lambda: "pop=pop-b" in connector.text(), 10, "a channel at the second POP")
        assert "pop=pop-a" in connector.text(), tail(connector.log)
        assert opens()[0] == 0, stack.logs()
        stack.running["a2"].kill()
        assert answer() == [HOSTS["a1"], HOSTS["a2"]]  # DNS still names it
        for _ in range(3):
            status, said, _ = opens()
            assert status == 0, said + stack.logs()
        stack.running["a1"].kill()
        wait_until(lambda: answer() == [HOSTS["b"]], 15, "ITM answers POP b")
        status, said, _ = opens()
        assert status == 0, said + stack.logs()
