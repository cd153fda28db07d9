import argparse
from dataclasses import replace
from pathlib import Path

from itm.cli import settings


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    settings.configure(parser)
    return parser.parse_args(words)


def test_the_demo_trusts_loopback_and_has_a_larger_budget() -> None:
    """--demo believes X-Forwarded-For from 127.0.0.0/8, and lets one network measure more."""
    plain, demo = settings.config_of(parsed()), settings.config_of(parsed("--demo"))
    assert (plain.demo.enabled, plain.public.trusted_proxies) == (False, ())
    assert (demo.demo.enabled, demo.public.trusted_proxies) == (True, ("127.0.0.0/8",))
    assert demo.collect == replace(plain.collect, network_sessions_per_hour=3600)


def test_the_demo_by_setting_is_the_demo_by_option() -> None:
    """`--set demo.enabled=true` means the same."""
    assert settings.config_of(parsed("--set", "demo.enabled=true")) == settings.config_of(parsed("--demo"))


def test_a_worker_reads_what_serve_reads(tmp_path: Path) -> None:
    """The words handed on give the same settings again."""
    file = tmp_path / "itm.toml"
    file.write_text('[ops]\nlisten = "127.0.0.1:1"\n')
    args = parsed("--config", str(file), "--set", "dns.workers=3", "--set", "state=s", "--demo")
    again = parsed(*settings.words_of(args))
    assert settings.config_of(again) == settings.config_of(args)
    assert settings.config_of(again).dns.workers == 3
