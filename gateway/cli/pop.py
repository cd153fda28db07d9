"""`itm-gateway pop`: run one host of a POP."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable
from pathlib import Path

from gateway import log
from gateway.connector.credential import way_back
from gateway.errors import ConfigError
from gateway.pop import credential, nel
from gateway.pop.config import Caps, ItmConfig, PopConfig, Times, parse_address
from gateway.pop.credential import Credential
from gateway.pop.program import serve
from gateway.protocol.hello import Alternate


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--state", type=Path, default=Path("state/pop"), help="key, certificate, what is learned"
    )
    parser.add_argument(
        "--broker", action="append", default=[], metavar="URL", help="https://HOST:PORT (repeatable)"
    )
    parser.add_argument("--token", default="", help="the one-time token of `pop token`, to enrol")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the authority's certificate, to enrol")
    parser.add_argument(
        "--listen", action="append", default=[], metavar="HOST:PORT", help="0.0.0.0:443 (repeatable)"
    )
    parser.add_argument(
        "--address", action="append", default=[], metavar="HOST:PORT",
        help="where connectors and clients reach this host, if not where it listens (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--signal", action="append", default=[], metavar="HOST:PORT", help="the broker's signal port"
    )
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="PEM chain and key that clients see")
    parser.add_argument(
        "--admin", default="127.0.0.1:0", metavar="HOST:PORT", help="metrics and traces, loopback"
    )
    parser.add_argument(
        "--alternate", action="append", default=[], metavar="NAME@HOST:PORT",
        help="another POP that clients may resume at, in addition to those the broker names (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--origin", action="append", default=[], metavar="URL",
        help="https://HOST[:PORT] whose pages may open sessions; default: the gateway's own (repeatable)",
    )  # fmt: skip
    parser.add_argument("--report-to", default="", metavar="URL", help="where browsers report failures (NEL)")
    parser.add_argument(
        "--success-fraction", type=float, default=nel.SUCCESS_FRACTION, metavar="SHARE",
        help=f"of successes reported as well: 0, or {nel.LEAST_FRACTION} to 1 ({nel.SUCCESS_FRACTION})",
    )  # fmt: skip
    parser.add_argument(
        "--itm", default="", metavar="URL", help="ITM's ops API, to report to and be drained by"
    )
    parser.add_argument("--itm-token-file", type=Path, metavar="FILE", help="its token of scope feed")
    parser.add_argument(
        "--itm-pop", default="", metavar="ID", help="this POP in ITM's catalog (its own name)"
    )
    parser.add_argument(
        "--itm-ca", type=Path, metavar="FILE", help="who signed ITM's certificate (the system's)"
    )
    for kind, field in _limits():
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=kind,
            default=field.default,
            metavar="N",
            help=f"({field.default})",
        )


def _limits() -> list[tuple[type, dataclasses.Field[object]]]:
    """Return every time limit and cap: each is an option of its name."""
    fields = [*dataclasses.fields(Times), *dataclasses.fields(Caps)]
    return [(type(field.default), field) for field in fields]


def run(args: argparse.Namespace) -> int:
    """Run until stopped and drained."""
    log.configure("pop")
    asyncio.run(serve(_config(args), _identity(args, time.time)))
    return 0


def _identity(args: argparse.Namespace, clock: Callable[[], float]) -> Credential:
    """Return what was saved, or what enrolment brings: at first, and after the certificate has expired."""
    if (stored := _stored(args, clock())) is not None:
        return stored
    if not args.broker or not args.token:
        raise ConfigError(f"{args.state} holds no credential: enrol with --broker and --token")
    return credential.enrol(args.state, args.broker[0], args.token, args.ca, clock)


def _stored(args: argparse.Namespace, now: float) -> Credential | None:
    """Return what was saved; None when there is nothing, or it has expired and a token is given."""
    who = credential.load(args.state)
    if who is None:
        return None
    way = way_back(who.expires_at, now, "pop")
    if not way:
        return who
    if not args.token:
        raise ConfigError(f"{args.state}: {way}")
    logging.getLogger(__name__).warning("certificate.expired", extra={"pop": who.name, "reason": way})
    return None


def _config(args: argparse.Namespace) -> PopConfig:
    values = vars(args)
    return PopConfig(
        state=args.state,
        listen=tuple(parse_address("--listen", text) for text in args.listen or ["0.0.0.0:443"]),
        addresses=tuple(args.address),
        certificate=args.certificate,
        brokers=tuple(args.broker),
        signal=tuple(parse_address("--signal", text) for text in args.signal),
        admin=parse_address("--admin", args.admin),
        alternates=tuple(_alternate(text) for text in args.alternate),
        itm=_itm(args),
        report_to=args.report_to,
        success_fraction=args.success_fraction,
        origins=tuple(args.origin),
        times=Times(**{field.name: values[field.name] for field in dataclasses.fields(Times)}),
        caps=Caps(**{field.name: values[field.name] for field in dataclasses.fields(Caps)}),
    )


def _itm(args: argparse.Namespace) -> ItmConfig | None:
    if not args.itm:
        if args.itm_token_file or args.itm_pop or args.itm_ca:
            raise ConfigError("--itm: expected ITM's URL beside --itm-token-file, --itm-pop and --itm-ca")
        return None
    if args.itm_token_file is None:
        raise ConfigError("--itm-token-file: expected the file of a token of scope feed")
    return ItmConfig(args.itm, args.itm_token_file, args.itm_pop, args.itm_ca)


def _alternate(text: str) -> Alternate:
    name, at, address = text.partition("@")
    if not at or not name:
        raise ConfigError(f"--alternate: expected NAME@HOST:PORT, not {text!r}")
    return Alternate(name, *parse_address("--alternate", address))
