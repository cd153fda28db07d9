import argparse

import pytest

from itm.cli import probe_target
from itm.dns.listen import Listen
from itm.errors import ConfigError
from itm.ops import target


def test_every_address_given_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process for any number of POP addresses."""
    seen: list[list[Listen]] = []
    monkeypatch.setattr(target, "run", seen.append)
    monkeypatch.setattr("itm.log.configure", lambda _: None)
    parser = argparse.ArgumentParser()
    probe_target.configure(parser)
    assert probe_target.run(parser.parse_args(["--listen", "127.0.0.1:1", "[::1]:2"])) == 0
    assert seen == [[Listen("127.0.0.1", 1), Listen("::1", 2)]]
    with pytest.raises(ConfigError, match=r"^--listen: "):
        probe_target.run(parser.parse_args(["--listen", "nonsense"]))
