"""Settings on the command line: `--config FILE`, `--set name=value`, `--demo`, the same for all processes.

`serve` hands its own words on to its workers, so that every process reads the same settings.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from itm.config import Config, load

LOOPBACK = "127.0.0.0/8"
"""The demo's clients come from here and say in X-Forwarded-For who they play."""

DEMO_SESSIONS_PER_HOUR = 3600.0
"""Least budget of a network in the demo: one machine plays a whole office there, again and again."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (TOML)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="sets", help="one setting"
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="the bundled world of 30 POPs; trusts X-Forwarded-For from loopback",
    )


def config_of(args: argparse.Namespace) -> Config:
    """Return the settings. Raises `ConfigError`."""
    config = load(args.config, sets=args.sets)
    if not args.demo and not config.demo.enabled:
        return config
    proxies = (*config.public.trusted_proxies, LOOPBACK)
    budget = config.collect.network_sessions_per_hour
    generous = max(budget, DEMO_SESSIONS_PER_HOUR) if budget else 0.0
    return replace(
        config,
        collect=replace(config.collect, network_sessions_per_hour=generous),
        demo=replace(config.demo, enabled=True),
        public=replace(config.public, trusted_proxies=tuple(dict.fromkeys(proxies))),
    )


def words_of(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the same options as words of another command line."""
    config = ("--config", str(args.config)) if args.config is not None else ()
    sets = tuple(word for item in args.sets for word in ("--set", item))
    return (*config, *sets, *(("--demo",) if args.demo else ()))
