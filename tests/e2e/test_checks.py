"""Checks of real servers that are not ours: a DNS check of unbound."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from collectors.probe.check import check
from collectors.probe.target import Target
from tests.e2e.serving import free_ports
from tests.programs import dig, need, wait_until

UNBOUND = """\
server:
  interface: 127.0.0.1@{port}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  module-config: "iterator"
  local-zone: "example.net." static
  local-data: "gw.example.net. 20 A 192.0.2.1"
  local-data: "gw.example.net. 20 A 192.0.2.2"
  local-data: "gw.example.net. 20 TXT ready"
remote-control:
  control-enable: no
"""


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_resolver_is_checked_as_its_clients_use_it(tmp_path: Path, transport: str) -> None:
    """It has to give one answer, may give it with others, and has to know what does not exist."""
    (port,) = free_ports(1)
    (tmp_path / "unbound.conf").write_text(UNBOUND.format(port=port, folder=tmp_path))
    command = [need("unbound", "unbound"), "-d", "-c", str(tmp_path / "unbound.conf")]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            ask = ("gw.example.net", "TXT")
            wait_until(lambda: bool(dig(*ask, server="127.0.0.1", port=port)), 10, "unbound answers")
            gw = {"name": "gw.example.net.", "transport": transport}
            wanted = [
                ({"answer": "192.0.2.2"}, ""),
                ({"answer": "192.0.2.9"}, "the answer does not hold 192.0.2.9"),
                ({"record_type": "TXT", "answer": '"ready"'}, ""),
                ({"name": "no.example.net."}, "rcode NXDOMAIN"),
                ({"name": "no.example.net.", "rcode": "NXDOMAIN"}, ""),
            ]
            for fields, detail in wanted:
                target = Target("dns", "127.0.0.1", port, 5.0, **{**gw, **fields})  # type: ignore[arg-type]
                assert asyncio.run(check(target)).detail == detail
        finally:
            process.terminate()
