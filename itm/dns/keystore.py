"""Private keys on disk: one directory a zone, one file a key, mode 0600, replaced at once.

A file is JSON: the key's place in its life (`keyring.ZoneKey`) and the private key as PKCS #8 PEM. The signer
and the API both change keys; `locked` lets one do it at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from itm.dns import dnssec
from itm.dns.dnssec import PrivateKey, SigningKey
from itm.dns.keyring import Role, Stage, ZoneKey
from itm.dns.name import decode
from itm.errors import ConfigError

SUFFIX: Final = ".key"
LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key's life and the key itself."""

    life: ZoneKey
    signing: SigningKey

    @property
    def tag(self) -> int:
        """The tag that DNSKEY, DS and RRSIG name it by."""
        return self.signing.public.tag


class Keystore:
    """The keys of the zone `origin` (lower-case wire name) below `directory`."""

    def __init__(self, directory: Path, origin: bytes) -> None:
        self._origin = origin
        self.directory = directory / (decode(origin).rstrip(".").replace("/", "\\047") or "root")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the zone's keys against other processes; the directory is made when it is not there."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.directory / LOCK).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def load(self) -> tuple[StoredKey, ...]:
        """Return the keys, oldest first. Raises `ConfigError` naming a file that cannot be read."""
        return tuple(self._load(path) for path in sorted(self.directory.glob(f"*{SUFFIX}")))

    def make(self, role: Role, stage: Stage, algorithm: int, now: float) -> StoredKey:
        """Make a key with a tag of its own (RFC 4034 B: tags may collide) and keep it, durable before it is
        used.
        """
        taken = {key.tag for key in self.load()}
        while True:
            private = dnssec.generate(algorithm)
            public = dnssec.public_of(private, is_entry_point=role != "zsk")
            if public.tag not in taken:
                break
        made = time.strftime("%Y%m%d%H%M%S", time.gmtime(now))
        life = ZoneKey(f"{made}-{public.tag:05d}", role, algorithm, stage, now)
        stored = StoredKey(life, SigningKey(self._origin, public, private))
        self.save(stored)
        return stored

    def save(self, key: StoredKey) -> None:
        """Write a key's file anew."""
        pem = key.signing.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        aside = self.directory / f".{key.life.id}.{os.getpid()}"
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({**asdict(key.life), "pem": pem.decode()}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path(key.life.id))

    def remove(self, key_id: str) -> None:
        """Forget a key for good."""
        self._path(key_id).unlink(missing_ok=True)

    def stamp(self) -> tuple[tuple[str, int], ...]:
        """Return what changes whenever a key does: names and times of the files."""
        paths = sorted(self.directory.glob(f"*{SUFFIX}"))
        return tuple((path.name, path.stat().st_mtime_ns) for path in paths)

    def _path(self, key_id: str) -> Path:
        return self.directory / f"{key_id}{SUFFIX}"

    def _load(self, path: Path) -> StoredKey:
        try:
            fields: dict[str, Any] = json.loads(path.read_text())
            private = _private(fields.pop("pem").encode())
            life = ZoneKey(**fields)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"{path}: not a zone key: {error}") from error
        public = dnssec.public_of(private, is_entry_point=life.is_entry_point)
        return StoredKey(life, SigningKey(self._origin, public, private))


def _private(pem: bytes) -> PrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise ValueError(f"expected an EC P-256 or Ed25519 key, got {type(key).__name__}")
    return key
