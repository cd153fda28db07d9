"""The gateway's own certificate authority (RFC 5280) and the key that signs routing tokens.

One P-256 root in the state directory signs short-lived certificates; a certificate request gives the key
only, every name in a certificate is the broker's decision. The files are made once, mode 0600, and a
program that finds them made by another one uses those. Who was issued what stands in `certificates`.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.errors import ConfigError, Invalid
from gateway.identity import Identity

ROOT_DAYS: Final = 3650
SKEW_SECONDS: Final = 300  # a new certificate must hold on a machine whose clock is this late
CA_FILE: Final = "ca.pem"
"""The root certificate alone: what POPs, connectors and launchers are given."""

MAX_REQUEST: Final = 8192  # characters of a PEM request; a P-256 one has some 450

_PUBLIC = serialization.Encoding.PEM
_KEYS: Final = (ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate as PEM, its serial in hex, and its validity in Unix seconds."""

    cert_pem: str
    serial: str
    issued_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates and holds the token key; `open_authority` makes one."""

    root: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    token_key: ed25519.Ed25519PrivateKey
    clock: Callable[[], float]

    @property
    def ca_pem(self) -> str:
        """The root certificate."""
        return self.root.public_bytes(_PUBLIC).decode()

    @property
    def token_public_pem(self) -> str:
        """The key that verifies routing tokens."""
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.token_key.public_key().public_bytes(_PUBLIC, info).decode()

    def secret(self, purpose: str) -> bytes:
        """Return 32 bytes that only this authority can derive (RFC 5869), the same after a restart."""
        hkdf = HKDF(hashes.SHA256(), 32, salt=None, info=purpose.encode())
        return hkdf.derive(self.token_key.private_bytes_raw())

    def issue(self, csr_pem: str, identity: Identity, seconds: float, hosts: Sequence[str] = ()) -> Issued:
        """Certify the request's key for `identity`; `hosts` are names and addresses it may serve under.

        Raises `Invalid` for a request that is malformed, not signed by its key or of an unusual key.
        """
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
        names = [*(x509.UniformResourceIdentifier(uri) for uri in identity.uris()), *_general(hosts)]
        return self._sign(_public_key(csr_pem), identity.id, names, usages, seconds)

    def issue_server(
        self, hosts: Sequence[str], seconds: float, identity: Identity | None = None
    ) -> tuple[Issued, str]:
        """Make a key and certify it for a TLS server under `hosts`; return both, the key as PEM.

        With `identity` the certificate also speaks for it, as a client.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        names, usages = _general(hosts), [ExtendedKeyUsageOID.SERVER_AUTH]
        if identity is not None:
            names += [x509.UniformResourceIdentifier(uri) for uri in identity.uris()]
            usages.append(ExtendedKeyUsageOID.CLIENT_AUTH)
        return self._sign(key.public_key(), hosts[0], names, usages, seconds), _private_pem(key)

    def revocations(self, serials: Iterable[str], seconds: float) -> str:
        """Return the signed list of revoked certificates (a CRL as PEM), to be fetched again in `seconds`."""
        now = _time(self.clock())
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.root.subject).last_update(now)
        builder = builder.next_update(now + datetime.timedelta(seconds=seconds))
        for serial in serials:
            revoked = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(now)
            builder = builder.add_revoked_certificate(revoked.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(_PUBLIC).decode()

    def _sign(
        self,
        public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
        subject: str,
        names: Sequence[x509.GeneralName],
        usages: Sequence[x509.ObjectIdentifier],
        seconds: float,
    ) -> Issued:
        now = self.clock()
        builder = _builder(subject, self.root.subject, public, now - SKEW_SECONDS, now + seconds)
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        pem = certificate.public_bytes(_PUBLIC).decode()
        return Issued(pem, f"{certificate.serial_number:x}", now, now + seconds)


def open_authority(state: Path, clock: Callable[[], float]) -> Authority:
    """Return the authority of a state directory, made there if there is none. Raises `ConfigError`."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (state / "authority.pem").exists():
            publish(state / "authority.pem", _new_root(clock()).encode())
        if not (state / "token.key").exists():
            publish(state / "token.key", secrets.token_bytes(32))
        pem = (state / "authority.pem").read_bytes()
        key = serialization.load_pem_private_key(pem, password=None)
        token_key = ed25519.Ed25519PrivateKey.from_private_bytes((state / "token.key").read_bytes())
        root = x509.load_pem_x509_certificate(pem)
    except OSError as error:
        raise ConfigError(f"broker.state: {error.filename}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"broker.state: {state}: the authority's files are damaged: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"broker.state: {state}/authority.pem holds no P-256 key")
    authority = Authority(root, key, token_key, clock)
    if not (state / CA_FILE).exists():
        publish(state / CA_FILE, authority.ca_pem.encode())
    return authority


def _new_root(now: float) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"ITM gateway authority {secrets.token_hex(4)}"
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(name, issuer, key.public_key(), now - SKEW_SECONDS, now + ROOT_DAYS * 86400)
    root = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_ROOT_USAGE, critical=True)
        .sign(key, hashes.SHA256())
    )
    return _private_pem(key) + root.public_bytes(_PUBLIC).decode()


_ROOT_USAGE: Final = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


def _builder(
    subject: str,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
    begin: float,
    end: float,
) -> x509.CertificateBuilder:
    common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(common)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_time(begin))
        .not_valid_after(_time(end))
    )


def _public_key(csr_pem: str) -> ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey:
    try:
        request = x509.load_pem_x509_csr(csr_pem[: MAX_REQUEST + 1].encode())
        is_good = len(csr_pem) <= MAX_REQUEST and request.is_signature_valid
        key = request.public_key()
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise Invalid([f"csr_pem: not a certificate request: {error}"]) from None
    if not is_good or not isinstance(key, _KEYS):
        raise Invalid(["csr_pem: expected a signed request with a P-256 or Ed25519 key"])
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, ec.SECP256R1):
        raise Invalid(["csr_pem: expected a signed request with a P-256 or Ed25519 key"])
    return key


def _general(hosts: Iterable[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in dict.fromkeys(hosts):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return names


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(_PUBLIC, form, serialization.NoEncryption()).decode()


def publish(path: Path, content: bytes) -> None:
    """Make a file of mode 0600 whole or not at all; of several programs that try, the first one's stays."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()


def _time(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)
