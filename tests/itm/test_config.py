from __future__ import annotations

from pathlib import Path

import pytest

from itm.config import Config, load
from itm.errors import ConfigError


def test_defaults_need_nothing() -> None:
    """Without file, environment or words the defaults hold."""
    assert load(env={}) == Config()


def test_words_beat_environment_beats_file(tmp_path: Path) -> None:
    """Precedence is defaults < file < environment < words; each value takes its setting's type."""
    file = tmp_path / "itm.toml"
    file.write_text(
        'state = "a"\n[dns]\nworkers = 2\nlisten = ["127.0.0.1:1", "[::1]:1"]\n[probe]\nrise = 7\n'
    )
    config = load(
        file, env={"ITM_DNS__WORKERS": "3", "ITM_PROBE__FALL": "9", "HOME": "x"}, sets=["dns.workers=4"]
    )
    assert (config.state, config.dns.workers, config.dns.listen) == ("a", 4, ("127.0.0.1:1", "[::1]:1"))
    assert (config.probe.rise, config.probe.fall) == (7, 9)


def test_lists_and_booleans_from_text() -> None:
    """A list is comma-separated, a boolean is true or false."""
    config = load(env={}, sets=["dns.listen=127.0.0.1:53, [::1]:53", "demo.enabled=TRUE"])
    assert config.dns.listen == ("127.0.0.1:53", "[::1]:53")
    assert config.demo.enabled


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("dns.worker=1", r"^dns\.worker: no such setting \(known: .*workers"),
        ("dns.workers=two", r"^dns\.workers: expected int, got 'two'"),
        ("dns.workers=-1", r"^dns\.workers: expected int, got '-1'"),
        ("dns.workers=0", r"^dns\.workers: expected at least 1"),
        ("collect.journal_max_bytes=1000", r"^collect\.journal_max_bytes: expected at least 4 times"),
        ("dns.tls_listen=[::1]:853", r"^dns\.tls_certificate: needed with dns\.tls_listen"),
        ("public.tls_listen=[::1]:443", r"^public\.tls_certificate: needed with public\.tls_listen"),
        ("demo.enabled=maybe", r"^demo\.enabled: expected bool"),
        ("dns=1", r"^dns: expected a section"),
        ("nothing", r"^--set nothing: expected name=value"),
    ],
)
def test_a_wrong_setting_is_named(item: str, message: str) -> None:
    """The error starts with the setting and says what was expected."""
    with pytest.raises(ConfigError, match=message):
        load(env={}, sets=[item])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file and broken TOML name the file."""
    with pytest.raises(ConfigError, match=r"gone\.toml: No such file"):
        load(tmp_path / "gone.toml", env={})
    broken = tmp_path / "broken.toml"
    broken.write_text("dns = [")
    with pytest.raises(ConfigError, match=r"broken\.toml: "):
        load(broken, env={})


def test_the_store_defaults_to_the_state_directory(tmp_path: Path) -> None:
    """Without a URL the control database is SQLite beside everything else."""
    config = load(env={}, sets=[f"state={tmp_path}"])
    assert config.store_url == f"sqlite:///{tmp_path}/itm.db"
    assert load(env={}, sets=["store.url=postgresql://x/y"]).store_url == "postgresql://x/y"
