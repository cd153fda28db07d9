"""`itm worker`: one process of the server, started and watched by `itm serve`.

Each kind imports its own world and nothing of the others'. All stop on SIGTERM and at the end of
their input pipe, and die with their supervisor.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from itm import log, privileges, tether
from itm.cli import settings
from itm.config import Config
from itm.privileges import User

KINDS = ("dns", "signer", "edge", "collector", "builder", "trainer", "targets")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the kind and the settings."""
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--index", type=int, default=0, help="which of the DNS workers (from 0)")
    parser.add_argument(
        "--supervisor", type=int, default=0, metavar="PID", help="end with this parent (0: run by hand)"
    )
    settings.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Run until told to stop, or until the supervisor is gone; 1 if it is gone before anything began."""
    if args.supervisor and not tether.tie(args.supervisor):
        return 1
    config = settings.config_of(args)
    log.configure(f"dns-{args.index}" if args.kind == "dns" else args.kind)
    user = privileges.user_of(config.user)
    if args.kind == "dns":
        _dns(config, args.index, _binding(user, args.supervisor))
        return 0
    if args.kind == "edge":
        _edge(config, _binding(user, args.supervisor))
        return 0
    if user is not None:
        _become(user, args.supervisor)
    if args.kind == "signer":
        _signer(config)
    elif args.kind == "collector":
        _collector(config)
    elif args.kind == "builder":
        _builder(config)
    elif args.kind == "trainer":
        _trainer(config)
    else:
        _targets(config)
    return 0


@contextlib.contextmanager
def _binding(user: User | None, supervisor: int) -> Iterator[None]:
    """Have the right to bind inside the block, and never again."""
    if user is None:
        yield
        privileges.shed_capabilities()
    else:
        with user.as_root():
            yield
        _become(user, supervisor)


def _become(user: User, supervisor: int) -> None:
    """Be the user; tied anew, for the kernel unties a process that becomes another user."""
    user.become()
    if supervisor and not tether.tie(supervisor):
        sys.exit(1)


def _dns(config: Config, index: int, binding: AbstractContextManager[None]) -> None:
    from itm.dns import cookie, signatures
    from itm.dns.amplification import NO_LIMIT, Factors
    from itm.dns.certificate import Pair
    from itm.dns.node import NodeConfig, run
    from itm.dns.ratelimit import Rates

    run(
        NodeConfig(
            listen=config.dns.listen,
            maps=config.state_dir / "maps",
            health=config.state_dir / "health.table",
            stats=config.state_dir / f"dns-{index}.json",
            signatures=config.state_dir / signatures.FILE,
            udp_payload_bytes=config.dns.udp_payload_bytes,
            tcp_idle_seconds=config.dns.tcp_idle_seconds,
            tcp_connections=config.dns.tcp_connections,
            tcp_per_client=config.dns.tcp_per_client,
            tcp_exempt=config.dns.tcp_exempt,
            tls_listen=config.dns.tls_listen,
            certificate=Pair(*config.dns.tls_files) if config.dns.tls_files else None,
            tls_connections=config.dns.tls_connections,
            tls_handshakes_per_second=config.dns.tls_handshakes_per_second,
            proxy_from=config.dns.proxy_from,
            nsid=config.dns.nsid,
            version=config.dns.version,
            cookie_secrets=_secrets(config, cookie.FILE) if config.dns.cookies else None,
            tsig_keys=_tsig_keys(config),
            rates=Rates(
                config.dns.rrl_answers,
                config.dns.rrl_negatives,
                config.dns.rrl_referrals,
                config.dns.rrl_errors,
                config.dns.rrl_slip,
                config.dns.rrl_exempt,
            ),
            factors=Factors(config.dns.udp_factor or NO_LIMIT, config.dns.udp_factor_signed or NO_LIMIT),
            state=config.state_dir,
            queries=config.state_dir / "queries",
        ),
        binding,
    )


def _secrets(config: Config, name: str) -> Path:
    return (
        Path(config.dns.cookie_secrets).absolute() if config.dns.cookie_secrets else config.state_dir / name
    )


def _tsig_keys(config: Config) -> Path | None:
    return Path(config.dns.tsig_keys).absolute() if config.dns.tsig_keys else None


def _signer(config: Config) -> None:
    from itm.dns import notifier, signatures, signer
    from itm.dns.notifier import Notifier
    from itm.dns.signer import KEYS, Signer
    from itm.dns.tsigkeys import KeyFile
    from itm.stopping import stop_requested

    state = config.state_dir
    signing = Signer(state / "maps", state / KEYS, state / signatures.FILE)
    telling = Notifier(state, lambda: signing.routemap, KeyFile(_tsig_keys(config)), config.dns.listen)

    async def work() -> None:
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(signer.run(signing, stopping))
            tasks.create_task(notifier.run(telling, stopping))
            await stop_requested(supervised=True)
            stopping.set()

    asyncio.run(work())


def _edge(config: Config, binding: AbstractContextManager[None]) -> None:
    from itm.ops import edge

    edge.run(config, binding)


def _collector(config: Config) -> None:
    from itm import collector

    collector.run(config)


def _builder(config: Config) -> None:
    from itm.steer import process

    process.run(config)


def _trainer(config: Config) -> None:
    from itm.steer import trainer

    trainer.run(config)


def _targets(config: Config) -> None:
    from itm.ops import demo, target

    target.run(demo.targets(config.demo), "demo.probe_target_port", supervised=True)
