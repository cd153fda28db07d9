"""What one server claims before it starts anything: its state directory and its listen addresses.

Two servers on one state directory would write one database and one journal; two DNS servers on one
address would share its queries in silence (SO_REUSEPORT). Both are refused with the setting's name, and
so is what would keep the DNS workers from starting, again and again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from itm.config import Config
from itm.dns.certificate import Certificate, Pair
from itm.dns.listen import Listen
from itm.dns.listen import parse as parse_listen
from itm.dns.networks import Networks
from itm.dns.tls import ALPN, SETTINGS
from itm.errors import ConfigError
from itm.ops import https
from itm.ops.listen import check_free


@contextlib.contextmanager
def state_lock(directory: Path) -> Iterator[None]:
    """Hold the state directory, made if need be, for as long as the block runs.

    Raises `ConfigError` naming `state` when another server holds it or it cannot be written. The
    lock is the kernel's: it ends with the process, however that ends.
    """
    path = directory / "lock"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # keys, tokens and who was where
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise ConfigError(f"state: cannot write {path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise ConfigError(
                f"state: {directory} is in use by another itm serve (process {holder}); "
                "stop it, or give this one a directory of its own with --set state=DIR"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def check_dns(config: Config) -> None:
    """Raise `ConfigError` naming the setting that would keep every DNS worker from starting."""
    for setting in ("tcp_exempt", "rrl_exempt", "proxy_from"):
        Networks(getattr(config.dns, setting), f"dns.{setting}")
    if config.dns.tls_files is not None:
        Certificate(Pair(*config.dns.tls_files), SETTINGS, ALPN)


def check_public(config: Config) -> None:
    """Raise `ConfigError` naming the setting that would keep the edge from starting."""
    if config.public.tls_files is not None:
        https.Https(Pair(*config.public.tls_files), https.SETTINGS)


def check_listeners(config: Config, targets: Sequence[Listen] = ()) -> None:
    """Raise `ConfigError` naming the setting of the first address that cannot be bound."""
    for text in config.dns.listen:
        listen = parse_listen(text, "dns.listen")
        check_free(listen, "dns.listen", udp=True)
        check_free(listen, "dns.listen")
    for text in config.dns.tls_listen:
        check_free(parse_listen(text, "dns.tls_listen"), "dns.tls_listen")
    check_free(parse_listen(config.public.listen, "public.listen"), "public.listen")
    for text in config.public.tls_listen:
        check_free(parse_listen(text, "public.tls_listen"), "public.tls_listen")
    check_free(parse_listen(config.ops.listen, "ops.listen"), "ops.listen")
    for target in targets:
        check_free(target, "demo.probe_target_port")
