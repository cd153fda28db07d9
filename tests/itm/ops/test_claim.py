import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from itm.config import Config, Dns, Ops, Public
from itm.dns.listen import Listen
from itm.errors import ConfigError
from itm.ops.claim import check_dns, check_listeners, check_public, state_lock
from tests.itm.ops.test_listen import taken

FREE = Config(
    dns=Dns(listen=("127.0.0.1:0",)), public=Public(listen="127.0.0.1:0"), ops=Ops(listen="127.0.0.1:0")
)


def test_a_second_server_on_one_state_directory_is_refused(tmp_path: Path) -> None:
    """The error names the setting, the directory and the process that holds it."""
    code = (
        "import sys, pathlib\nfrom itm.ops.claim import state_lock\n"
        "with state_lock(pathlib.Path(sys.argv[1])):\n print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(ConfigError, match=rf"^state: .*{tmp_path.name}.*process {holder.pid}"),
            state_lock(tmp_path),
        ):
            pass
        holder.kill()
        holder.wait()
        with state_lock(tmp_path):
            pass  # the lock died with its process


def test_the_directory_is_made(tmp_path: Path) -> None:
    """First start needs no preparation."""
    with state_lock(tmp_path / "a" / "state"):
        assert (tmp_path / "a" / "state" / "lock").exists()


def test_a_state_directory_that_cannot_be_made_names_the_setting(tmp_path: Path) -> None:
    """A file where the directory should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^state: "), state_lock(tmp_path / "file"):
        pass


def test_free_addresses_pass() -> None:
    """Port 0 is always free."""
    check_listeners(FREE, [Listen("127.0.0.1", 0)])


@pytest.mark.parametrize("udp", [True, False])
def test_a_taken_dns_port_names_dns_listen(udp: bool) -> None:
    """UDP is found taken although the DNS workers bind with SO_REUSEPORT."""
    with (
        taken(udp=udp, reuseport=True) as listen,
        pytest.raises(ConfigError, match=rf"^dns\.listen: .*{listen}"),
    ):
        check_listeners(replace(FREE, dns=Dns(listen=(str(listen),))))


def test_a_taken_tls_port_names_tls_listen() -> None:
    """It is TCP alone."""
    with taken() as listen, pytest.raises(ConfigError, match=rf"^dns\.tls_listen: .*TCP {listen}"):
        check_listeners(replace(FREE, dns=replace(FREE.dns, tls_listen=(str(listen),))))


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        (Dns(proxy_from=("10.0.0.1/8",)), "dns.proxy_from"),
        (Dns(tcp_exempt=("here",)), "dns.tcp_exempt"),
        (Dns(rrl_exempt=("::1/129",)), "dns.rrl_exempt"),
        (Dns(tls_listen=("127.0.0.1:0",), tls_certificate="none.pem"), "dns.tls_certificate"),
    ],
)
def test_what_keeps_every_worker_down_is_told_at_once(changed: Dns, setting: str) -> None:
    """Not by workers that die one after the other."""
    check_dns(FREE)
    with pytest.raises(ConfigError, match=f"^{setting}: "):
        check_dns(replace(FREE, dns=changed))


def test_what_keeps_the_edge_down_is_told_at_once() -> None:
    """A certificate that is not there."""
    check_public(FREE)
    with pytest.raises(ConfigError, match=r"^public\.tls_certificate: .*none\.pem: No such file"):
        check_public(replace(FREE, public=Public(tls_listen=("127.0.0.1:0",), tls_certificate="none.pem")))


def test_every_http_listener_names_its_own_setting() -> None:
    """public.listen, public.tls_listen, ops.listen and the demo's probe targets."""
    with taken() as listen:
        for setting, changed in (
            ("public.listen", replace(FREE, public=Public(listen=str(listen)))),
            ("public.tls_listen", replace(FREE, public=replace(FREE.public, tls_listen=(str(listen),)))),
            ("ops.listen", replace(FREE, ops=Ops(listen=str(listen)))),
        ):
            with pytest.raises(ConfigError, match=f"^{setting}: cannot listen on TCP {listen}"):
                check_listeners(changed)
        with pytest.raises(ConfigError, match=r"^demo\.probe_target_port: "):
            check_listeners(FREE, [listen])
