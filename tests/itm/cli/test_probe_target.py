import argparse
from pathlib import Path

import pytest

from itm.cli import probe_target
from itm.dns.listen import Listen
from itm.errors import ConfigError
from itm.ops import target
from tests.gateway.certificates import Certificates


def test_every_address_given_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process for any number of POP addresses; plain HTTP and no policy unless they are asked for."""
    seen: list[object] = []
    monkeypatch.setattr(
        target, "run", lambda listens, secure, headers: seen.extend((listens, secure, headers))
    )
    monkeypatch.setattr("itm.log.configure", lambda _: None)
    parser = argparse.ArgumentParser()
    probe_target.configure(parser)
    assert probe_target.run(parser.parse_args(["--listen", "127.0.0.1:1", "[::1]:2"])) == 0
    assert seen == [[Listen("127.0.0.1", 1), Listen("::1", 2)], None, ()]
    with pytest.raises(ConfigError, match=r"^--listen: "):
        probe_target.run(parser.parse_args(["--listen", "nonsense"]))


def test_what_is_wrong_with_a_certificate_names_the_option(tmp_path: Path) -> None:
    """Before anything is served."""
    parser = argparse.ArgumentParser()
    probe_target.configure(parser)
    pem = Certificates(tmp_path).server()
    for words, told in (
        (["--key", str(pem)], r"^--key: needs --certificate"),
        (["--certificate", "none.pem"], r"^--certificate: none\.pem: No such file"),
        (["--certificate", str(pem), "--key", str(tmp_path / "ca.pem")], r"^--key: .*holds no private key"),
    ):
        with pytest.raises(ConfigError, match=told):
            probe_target.run(parser.parse_args(["--listen", "127.0.0.1:0", *words]))
