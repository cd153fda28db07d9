"""Who a connector is: key, short-lived certificate and the authority it trusts, in one file of mode 0600.

The private key is made here and never leaves the directory. All of it is one file that a renewal replaces at
once, so that a crash leaves a key and a certificate that fit together.
"""

from __future__ import annotations

import json
import os
import ssl
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.errors import ConfigError

FILE: Final = "connector.json"


@dataclass(frozen=True, slots=True)
class Credential:
    """An enrolled connector; `renew_at` and `expires_at` are seconds since 1970.

    `vda` are the names of the VDA that it is the agent of, empty for a location's connector.
    """

    connector: str
    location: str
    broker: str
    gateway_name: str
    pops: tuple[str, ...]
    key_pem: str
    cert_pem: str
    ca_pem: str
    renew_at: float
    expires_at: float
    gateway_port: int = 443
    vda: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A fresh key and the request to certify it."""

    key_pem: str
    csr_pem: str


def new_key_request() -> KeyRequest:
    """Make a P-256 key and its signing request; the name in it is the authority's to decide."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "connector")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyRequest(key_pem.decode(), request.public_bytes(serialization.Encoding.PEM).decode())


def certificate_end(cert_pem: str) -> float:
    """Return when the certificate expires, in seconds since 1970."""
    return x509.load_pem_x509_certificate(cert_pem.encode()).not_valid_after_utc.timestamp()


def way_back(expires_at: float, now: float, role: str) -> str:
    """Return what to do about a certificate that has expired (seconds since 1970); empty while it holds.

    An expired one renews nothing: the broker's handshake refuses it.
    """
    if now < expires_at:
        return ""
    end = datetime.fromtimestamp(expires_at, UTC)
    return (
        f"the certificate expired at {end:%Y-%m-%d %H:%M:%S} UTC;"
        f" start with --broker, --ca and a new --token of `{role} token`"
    )


def why_not_renewed(error: Exception, expires_at: float, now: float, role: str) -> str:
    """Return the error, and the way back once the certificate has expired."""
    return "; ".join(filter(None, (str(error), way_back(expires_at, now, role))))


def save_credential(state: Path, credential: Credential) -> None:
    """Write it; after this returns a restart finds it."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = state / f"{FILE}.new"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(credential), file)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(state / FILE)


def load_credential(state: Path) -> Credential | None:
    """Return the saved credential, None before enrolment; `ConfigError` for a damaged file."""
    path = state / FILE
    try:
        fields = json.loads(path.read_text())
        lists = {"pops": tuple(fields["pops"]), "vda": tuple(fields.get("vda", ()))}
        return Credential(**(fields | lists))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); remove it and enrol again") from error


def client_context(credential: Credential, state: Path) -> ssl.SSLContext:
    """Return a TLS client context that presents this certificate and trusts only its authority."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=credential.ca_pem)
    pair = state / "connector.pem"  # the ssl module reads key and certificate from a file only
    descriptor = os.open(pair, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(credential.key_pem + credential.cert_pem)
    context.load_cert_chain(pair)
    return context
