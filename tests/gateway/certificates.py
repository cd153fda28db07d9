"""Certificates for tests: one authority per directory, short-lived leaves on P-256, TLS contexts."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


class Certificates:
    """An authority: `ca` is its file; `server` and `client` write one PEM of certificate and key."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Test authority")
        builder = _builder(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())
        self.ca = directory / "ca.pem"
        self.ca.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, file: str = "server.pem", *, names: tuple[str, ...] = ("gw.test", "127.0.0.1")) -> Path:
        """Issue for DNS names and addresses, and for an identity URI."""
        return self._issue(file, names[0], [_general(name) for name in names])

    def client(self, *uris: str, file: str = "client.pem") -> Path:
        """Issue for one identity's URIs, the first such as `hdx://connector/tenant/location/id`."""
        return self._issue(file, "client", [x509.UniformResourceIdentifier(uri) for uri in uris])

    def server_context(self, *, mutual: bool = False, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """A server's context, asking for (not insisting on) client certificates when `mutual`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server())
        if mutual:
            context.load_verify_locations(self.ca)
            context.verify_mode = ssl.CERT_OPTIONAL
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def client_context(self, *, identity: Path | None = None, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """A client's context that trusts this authority alone; `identity` is `client(...)`'s file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.ca)
        if identity is not None:
            context.load_cert_chain(identity)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def _issue(self, file: str, common: str, names: list[x509.GeneralName]) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(common), self._name, key.public_key())
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        path = self._directory / file
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return path


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(name: str) -> x509.GeneralName:
    if name.startswith("hdx://"):
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
    )
