"""Who this POP is: enrolled once by a token, renewed by itself; four files in its state directory.

`pop.pem` key and certificate (mode 0600), `ca.pem` the authority, `token.pem` the key of routing tokens,
`pop.json` the rest. The private key is made here and never leaves.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway.connector.credential import KeyRequest, certificate_end, new_key_request
from gateway.connector.enrol import Post, post_json
from gateway.errors import ConfigError, Refused
from gateway.protocol import token

FILE: Final = "pop.json"


@dataclass(frozen=True, slots=True)
class Credential:
    """An enrolled POP; `renew_at` and `expires_at` in Unix seconds.

    `signal` is the broker's signal port, `host:port`.
    """

    name: str
    broker: str
    gateway_name: str
    signal: str
    renew_at: float
    expires_at: float


def load(state: Path) -> Credential | None:
    """Return what enrolment left, None before it; `ConfigError` for damaged files."""
    try:
        fields = json.loads((state / FILE).read_text())
        end = certificate_end((state / "pop.pem").read_text())  # the file's own word, whatever was noted
        return Credential(**(fields | {"expires_at": end}))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{state / FILE}: cannot be read ({error}); remove it and enrol again") from error


def token_keys(state: Path) -> dict[str, Ed25519PublicKey]:
    """Return the keys that verify routing tokens."""
    try:
        key = load_pem_public_key((state / "token.pem").read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{state / 'token.pem'}: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{state / 'token.pem'}: expected an Ed25519 public key")
    return token.keyring([key])


def enrol(
    state: Path,
    broker: str,
    one_time: str,
    ca: Path | None,
    clock: Callable[[], float],
    post: Post = post_json,
) -> Credential:
    """Spend the one-time token on a first credential and keep it."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise ConfigError(f"ca: {ca}: {error}") from error
    key = new_key_request()
    answer = post(broker, "/pops/enrol", {"token": one_time, "csr_pem": key.csr_pem}, context)
    return _keep(state, broker, key, answer, clock())


def renew(
    state: Path, old: Credential, context: ssl.SSLContext, clock: Callable[[], float], post: Post = post_json
) -> Credential:
    """Keep and return the next credential, with a new key; `context` presents the old one."""
    key = new_key_request()
    answer = post(old.broker, "/pops/renew", {"csr_pem": key.csr_pem}, context)
    return _keep(state, old.broker, key, answer, clock())


def _keep(state: Path, broker: str, key: KeyRequest, answer: dict[str, Any], now: float) -> Credential:
    try:
        credential = Credential(
            name=str(answer["pop"]),
            broker=broker,
            gateway_name=str(answer["gateway_name"]),
            signal=str(answer["signal"]),
            renew_at=now + float(answer["renew_after_seconds"]),
            expires_at=certificate_end(str(answer["cert_pem"])),
        )
        files = {
            "ca.pem": str(answer["ca_pem"]),
            "token.pem": str(answer["token_key_pem"]),
            "pop.pem": str(answer["cert_pem"]) + key.key_pem,
            FILE: json.dumps(asdict(credential)),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("broker", f"the broker's answer is incomplete: {error!r}") from error
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in files.items():
        _replace(state / name, content)
    return credential


def _replace(path: Path, content: str) -> None:
    aside = path.with_name(path.name + ".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
