"""DNS over every transport with other people's clients, proxies and resolvers; several workers; no root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import pytest

from bench.dns.idle import crowd, own_kb
from tests.e2e.dnsworkers import (
    AMSTERDAM,
    IN_AMSTERDAM,
    IN_TOKYO,
    IS_ROOT,
    NEW_YORK,
    TOKYO,
    answer,
    cmdline,
    program,
    state_directory,
    user_of,
    worker,
)
from tests.e2e.serving import children_of, free_ports, serving
from tests.gateway.certificates import Certificates
from tests.programs import need, need_port_53, python_for_all, tail, wait_until

NOBODY = pwd.getpwnam("nobody").pw_uid
PROXY = "127.0.0.2"
"""Where a proxy speaks from; whoever else asks from the loopback is its own client."""


def test_kdig_over_tls(tmp_path: Path) -> None:
    """knot's client trusts the certificate, gets a padded answer, and many on one connection."""
    kdig = need("kdig", "knot-dnsutils")
    pem = Certificates(tmp_path).server()
    plain, tls = free_ports(2)
    sets = (f"dns.listen=127.0.0.1:{plain}", f"dns.tls_listen=127.0.0.1:{tls}", f"dns.tls_certificate={pem}")
    with state_directory() as state, worker(state, *sets) as one:
        argv = [kdig, "@127.0.0.1", "-p", str(tls), "+tls-host=gw.test", f"+tls-ca={tmp_path / 'ca.pem'}"]
        argv += ["+edns", "+keepopen", "-b", IN_TOKYO, "gw.example.net", "A", "www.example.net", "A"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode == 0, done.stderr + done.stdout
        assert TOKYO in done.stdout
        assert "192.0.2.80" in done.stdout
        assert "TLS session (TLS1.3)" in done.stdout
        assert done.stdout.count("PADDING") == 2, done.stdout
        wait_until(lambda: one.told().get("tls") == 2, 5, "both queries are counted")
        assert (one.told()["tls_handshakes"], one.told()["tls_failed"]) == (1, 0)


def test_unbound_forwards_over_tls(tmp_path: Path) -> None:
    """A resolver that insists on our certificate resolves through us; with a foreign one it gets nothing."""
    unbound = need("unbound", "unbound")
    made = Certificates(tmp_path)
    (tmp_path / "foreign").mkdir()
    foreign = Certificates(tmp_path / "foreign").ca
    plain, tls, port, other = free_ports(4)
    sets = (
        f"dns.listen=127.0.0.1:{plain}",
        f"dns.tls_listen=127.0.0.1:{tls}",
        f"dns.tls_certificate={made.server()}",
    )

    def configured(name: str, port: int, ca: Path) -> Path:
        path = tmp_path / name
        path.write_text(
            f"""server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  outgoing-interface: {IN_AMSTERDAM}
  module-config: "iterator"
  tls-cert-bundle: {ca}
remote-control:
  control-enable: no
forward-zone:
  name: example.net
  forward-tls-upstream: yes
  forward-addr: 127.0.0.1@{tls}#gw.test
"""
        )
        return path

    with (
        state_directory() as state,
        worker(state, *sets) as one,
        program(
            unbound, "-d", "-c", str(configured("unbound.conf", port, made.ca)), log=tmp_path / "unbound.log"
        ),
        program(
            unbound, "-d", "-c", str(configured("foreign.conf", other, foreign)), log=tmp_path / "foreign.log"
        ),
    ):
        wait_until(lambda: answer(port) == [AMSTERDAM], 15, "unbound resolves over TLS")
        assert one.told()["tcp"] == 0
        assert answer(other) == []


def test_dnsdist_says_whose_it_is(tmp_path: Path) -> None:
    """Over UDP and TCP its clients are steered by their own addresses, not by dnsdist's."""
    dnsdist = need("dnsdist", "dnsdist")
    plain, port = free_ports(2)
    conf = tmp_path / "dnsdist.conf"
    conf.write_text(
        f"""setLocal("127.0.0.1:{port}")
addACL("127.0.0.0/8")
newServer{{address="127.0.0.1:{plain}", useProxyProtocol=true, source="{PROXY}", checkName="example.net."}}
"""
    )
    sets = (f"dns.listen=127.0.0.1:{plain}", f"dns.proxy_from={PROXY}/32")
    with (
        state_directory() as state,
        worker(state, *sets) as one,
        program(dnsdist, "--supervised", "-C", str(conf), log=tmp_path / "dnsdist.log"),
    ):
        wait_until(lambda: answer(port) == [NEW_YORK], 15, "dnsdist answers")
        for words in ((), ("+tcp",), ("+tcp", "+keepopen")):
            assert answer(port, "-b", IN_TOKYO, *words) == [TOKYO], tail(tmp_path / "dnsdist.log")
            assert answer(port, "-b", IN_AMSTERDAM, *words) == [AMSTERDAM]
        assert answer(plain, "-b", IN_TOKYO) == [TOKYO], "who comes straight is still who it is"
        wait_until(lambda: one.told().get("tcp", 0) >= 4, 5, "TCP went through as TCP")
        assert one.told()["proxy_malformed"] == 0


def test_haproxy_says_whose_it_is(tmp_path: Path) -> None:
    """Over TCP and, passed through, over TLS; a proxy that says nothing is cut off and counted."""
    haproxy, kdig = need("haproxy", "haproxy"), need("kdig", "knot-dnsutils")
    plain, tls, port, tls_port, dumb = free_ports(5)
    made = Certificates(tmp_path)
    conf = tmp_path / "haproxy.cfg"
    conf.write_text(
        f"""defaults
  mode tcp
  timeout connect 5s
  timeout client 10s
  timeout server 10s
listen dns
  bind 127.0.0.1:{port}
  server itm 127.0.0.1:{plain} source {PROXY} send-proxy-v2 check
listen dot
  bind 127.0.0.1:{tls_port}
  server itm 127.0.0.1:{tls} source {PROXY} send-proxy-v2
listen dumb
  bind 127.0.0.1:{dumb}
  server itm 127.0.0.1:{plain} source {PROXY}
"""
    )
    sets = (f"dns.listen=127.0.0.1:{plain}", f"dns.proxy_from={PROXY}/32")
    sets += (f"dns.tls_listen=127.0.0.1:{tls}", f"dns.tls_certificate={made.server()}")
    with (
        state_directory() as state,
        worker(state, *sets) as one,
        program(haproxy, "-db", "-f", str(conf), log=tmp_path / "haproxy.log"),
    ):
        wait_until(lambda: answer(port, "+tcp") == [NEW_YORK], 15, "haproxy answers")
        assert answer(port, "+tcp", "-b", IN_TOKYO) == [TOKYO]
        argv = [kdig, "@127.0.0.1", "-p", str(tls_port), "+tls-host=gw.test", f"+tls-ca={made.ca}", "+short"]
        argv += ["-b", IN_AMSTERDAM, "gw.example.net", "A"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
        assert done.stdout.split() == [AMSTERDAM], done.stderr + done.stdout
        wait_until(lambda: "proxy_malformed" in one.told(), 5, "counters are there")
        before = one.told()["proxy_malformed"]
        assert answer(dumb, "+tcp") == []
        wait_until(lambda: one.told()["proxy_malformed"] > before, 5, "it is counted")


def test_two_workers_on_addresses_of_both_families() -> None:
    """They share every address; each answers; the replies come from the address that was asked."""
    need("dig", "dnsutils")
    [port] = free_ports(1)
    listen = f"dns.listen=127.0.0.77:{port},127.0.0.78:{port},[::1]:{port}"
    with state_directory() as state, worker(state, listen) as one, worker(state, listen, index=1) as two:
        for server in ("127.0.0.77", "127.0.0.78", "::1"):
            for words in ((), ("+tcp",)):
                assert [answer(port, *words, server=server) for _ in range(8)] == [[NEW_YORK]] * 8
        wait_until(lambda: one.told()["queries"] + two.told()["queries"] == 48, 5, "all are counted")
        assert one.told()["queries"] > 0
        assert two.told()["queries"] > 0
        two.process.kill()
        two.process.wait()
        wait_until(lambda: [answer(port) for _ in range(8)] == [[]] * 8, 5, "nobody listens at 127.0.0.1")
        assert [answer(port, server="::1") for _ in range(8)] == [[NEW_YORK]] * 8


@pytest.mark.long
def test_ten_thousand_idle_connections() -> None:
    """A worker holds them in less than 50 MB, and answers UDP and new connections at once meanwhile."""
    need("dig", "dnsutils")
    count = 10_000
    [port] = free_ports(1)
    sets = (f"dns.listen=127.0.0.1:{port}", "dns.tcp_idle_seconds=300", f"dns.tcp_connections={count + 10}")
    with state_directory() as state, worker(state, *sets) as one:
        for streams in crowd(port, 20, is_tls=False):
            streams.close()
        before = own_kb(one.process.pid)
        held = crowd(port, count, is_tls=False)
        assert (own_kb(one.process.pid) - before) / 1024 < 50
        wait_until(lambda: one.told()["connections"]["tcp"] == count, 5, "all of them are open")
        for words in ((), ("+tcp",)):
            assert [answer(port, *words) for _ in range(10)] == [[NEW_YORK]] * 10
        for streams in held:
            streams.close()


@pytest.mark.skipif(not IS_ROOT, reason="only root has root to give up")
def test_a_worker_on_port_53_is_not_root() -> None:
    """It binds port 53 and port 853, and is another user for good before the first answer."""
    address = "127.53.0.1"
    need_port_53(address)
    with state_directory() as state:
        made = Certificates(state)
        pem = made.server()
        for path in (state, pem):
            os.chown(path, NOBODY, -1)
        pem.chmod(0o600)
        sets = (f"dns.listen={address}:53", f"dns.tls_listen={address}:853", f"dns.tls_certificate={pem}")
        with worker(state, *sets, "user=nobody", python=python_for_all()) as one:
            assert answer(53, server=address) == [NEW_YORK]
            assert answer(53, "+tcp", server=address) == [NEW_YORK]
            assert user_of(one.process.pid) == {NOBODY}
            assert (state / "dns-0.json").stat().st_uid == NOBODY
            before = one.told()["time"]
            wait_until(lambda: one.told()["time"] > before, 5, "it goes on telling")


@pytest.mark.skipif(not IS_ROOT, reason="only root can play the service manager")
def test_the_right_to_bind_is_lent_and_given_back() -> None:
    """As with AmbientCapabilities of systemd: a user binds port 53, then holds no capability."""
    address = "127.53.0.3"
    need_port_53(address)
    lent = ("--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service")
    python = (need("setpriv", "util-linux"), "--reuid=nobody", "--clear-groups", *lent, *python_for_all())
    with state_directory() as state:
        os.chown(state, NOBODY, -1)
        with worker(state, f"dns.listen={address}:53", python=python) as one:
            assert answer(53, server=address) == [NEW_YORK]
            lines = Path(f"/proc/{one.process.pid}/status").read_text().splitlines()
            held = {line.split(":")[0]: int(line.split()[1], 16) for line in lines if line.startswith("Cap")}
            assert [held[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0] * 4


@pytest.mark.long
@pytest.mark.skipif(not IS_ROOT, reason="only root has root to give up")
def test_a_whole_server_started_by_root(predictor: Path) -> None:
    """No process works as root, the state is the user's, and a DNS worker that dies binds port 53 again."""
    address = "127.53.0.2"
    need_port_53(address)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        Path(name).chmod(0o755)
        state = Path(name) / "state"
        state.mkdir()
        shutil.copy(predictor, state)
        made = Certificates(Path(name))
        pem = made.server(names=("gw.test", address))
        pem.rename(state / pem.name)
        for path in (state, *state.iterdir()):
            os.chown(path, NOBODY, -1)
        [gateway] = free_ports(1)
        sets = {"user": "nobody", "dns.listen": f"{address}:53", "dns.workers": "2"}
        sets["demo.gateway_port"] = str(gateway)
        sets |= {"public.tls_listen": f"{address}:443", "public.tls_certificate": str(state / pem.name)}
        server = stack.enter_context(serving(state, sets, python=python_for_all()))
        children = children_of(server.process.pid)
        assert {frozenset(user_of(pid)) for pid in children} == {frozenset({NOBODY})}
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        assert f"Uid:\t0\t{NOBODY}\t0\t{NOBODY}" in status, "root stands in reserve"
        left = [path for path in state.rglob("*") if path.name != "serve.log"]
        assert {path.stat().st_uid for path in left if path.exists()} == {NOBODY}
        with urllib.request.urlopen(f"https://{address}/healthz", context=made.client_context()) as page:
            assert page.status == 200
        assert server.itm("pop", "drain", "az-jp-e").returncode == 0

        def beside() -> list[int]:
            return [pid for pid in children_of(server.process.pid) if b"gateway" in cmdline(pid)]

        wait_until(lambda: bool(beside()), 10, "the demo's gateway has been started")
        wait_until(
            lambda: {frozenset(user_of(pid)) for pid in beside()} == {frozenset({NOBODY})}, 5, "nor is it"
        )
        workers = [pid for pid in children if b"--index" in cmdline(pid)]
        assert len(workers) == 2
        for pid in workers:
            os.kill(pid, 9)
        wait_until(lambda: bool(answer(53, server=address)), 15, "restarted workers answer on port 53")
        fresh = set(children_of(server.process.pid)) - set(children)
        wait_until(lambda: all(user_of(pid) == {NOBODY} for pid in fresh), 10, "nor are they root")
        assert server.stop() == 0
