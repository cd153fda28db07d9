from __future__ import annotations

from pathlib import Path

import pytest

from gateway.broker.config import load, parse_listen
from gateway.errors import ConfigError


def test_later_sources_win(tmp_path: Path) -> None:
    """Defaults < broker.toml < environment < --set."""
    (tmp_path / "broker.toml").write_text(
        'listen = "10.0.0.1:1"\nsignal = "10.0.0.1:2"\nnames = ["b.example"]\ncertificate_hours = 2\n'
    )
    settings = load(str(tmp_path), ["signal=h:4", "names=x, y"], {"ITM_BROKER_LISTEN": "h:3", "OTHER": "x"})
    assert (settings.listen, settings.signal, settings.names) == ("h:3", "h:4", ("x", "y"))
    assert settings.certificate_hours == 2
    assert settings.gateway == "localhost:443"
    assert settings.database_url == f"sqlite:///{tmp_path}/broker.db"
    assert settings.url == "https://x:3"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("listen=nowhere", "broker.listen: expected host:port"),
        ("gateway=gw:0", "broker.gateway: expected host:port"),
        ("colour=red", "broker.colour: no such setting"),
        ("colour", "--set colour: expected name=value"),
        ("sta=lower", "broker.sta: expected 1 to 16"),
        ("certificate_hours=x", "broker.certificate_hours: expected a number"),
        ("certificate_hours=0", "broker.certificate_hours: expected 0.01"),
        ("names=", "broker.names: expected a list"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, item: str, reason: str) -> None:
    """The operator reads which one, and what was expected."""
    with pytest.raises(ConfigError) as caught:
        load(str(tmp_path), [item], {})
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize("text", ["= 1", "listen = 5", "\x80"])
def test_a_wrong_file_is_named(tmp_path: Path, text: str) -> None:
    """Broken TOML and a value of another type."""
    (tmp_path / "broker.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError):
        load(str(tmp_path), [], {})


def test_port_0_lets_the_system_choose() -> None:
    """For tests; the gateway's own port cannot be unknown."""
    assert parse_listen("listen", "127.0.0.1:0") == ("127.0.0.1", 0)
    assert parse_listen("listen", "[::1]:0") == ("::1", 0)
