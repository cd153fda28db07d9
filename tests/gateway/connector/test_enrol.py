"""Buying certificates from a broker."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.connector.enrol import enrol, post_json, renew
from gateway.errors import ConfigError, Refused, Unreachable

NOW = 1_000_000.0
CONTEXT = ssl.create_default_context()


class Broker:
    """Signs whatever it is asked to, with a throw-away key."""

    def __init__(self, **changes: Any) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._changes = changes

    def __call__(self, url: str, path: str, body: dict[str, str], context: ssl.SSLContext) -> dict[str, Any]:
        self.asked.append((path, body))
        csr = x509.load_pem_x509_csr(body["csr_pem"].encode())
        start = datetime.fromtimestamp(NOW, UTC)
        builder = x509.CertificateBuilder(csr.subject, csr.subject, csr.public_key(), 1)
        builder = builder.not_valid_before(start).not_valid_after(start + timedelta(seconds=900))
        cert = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        return {
            "connector": "c1",
            "location": "l1",
            "cert_pem": cert.public_bytes(serialization.Encoding.PEM).decode(),
            "ca_pem": "CA",
            "pops": ["192.0.2.1:443"],
            "gateway_name": "gw.example",
            "renew_after_seconds": 600,
        } | self._changes


def test_enrol_then_renew() -> None:
    """The token is spent once; a renewal brings a new key and later times, for the same connector."""
    broker = Broker()
    first = enrol("https://b", "TOKEN", CONTEXT, lambda: NOW, broker)
    assert (first.connector, first.pops, first.renew_at, first.expires_at) == (
        "c1",
        ("192.0.2.1:443",),
        NOW + 600,
        NOW + 900,
    )
    second = renew(first, CONTEXT, lambda: NOW + 600, broker)
    assert [path for path, _ in broker.asked] == ["/connectors/enrol", "/connectors/renew"]
    assert broker.asked[0][1]["token"] == "TOKEN"
    assert "token" not in broker.asked[1][1]
    assert second.key_pem != first.key_pem
    assert second.renew_at == NOW + 1200


def test_an_agent_and_a_port_of_ones_own() -> None:
    """What the token was made for and where the gateway listens come with the certificate."""
    broker = Broker(gateway_port=9443, vda=["desk-7", "10.0.0.7"])
    made = enrol("https://b", "TOKEN", CONTEXT, lambda: NOW, broker)
    assert (made.gateway_port, made.vda) == (9443, ("desk-7", "10.0.0.7"))


def test_a_renewal_for_another_is_not_taken() -> None:
    """A broker that answers with another location's certificate is refused."""
    first = enrol("https://b", "TOKEN", CONTEXT, lambda: NOW, Broker())
    with pytest.raises(Refused, match="another connector"):
        renew(first, CONTEXT, lambda: NOW, Broker(location="l2"))


@pytest.mark.parametrize("wrong", [{"pops": None}, {"cert_pem": "x"}, {"renew_after_seconds": "soon"}])
def test_an_incomplete_answer_is_refused(wrong: dict[str, Any]) -> None:
    """Half a credential is none."""
    with pytest.raises(Refused, match="incomplete"):
        enrol("https://b", "TOKEN", CONTEXT, lambda: NOW, Broker(**wrong))


def test_urls_and_dead_brokers() -> None:
    """Only https; nobody there is told as such."""
    with pytest.raises(ConfigError, match="https"):
        post_json("http://127.0.0.1:1", "/", {}, CONTEXT)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        post_json("https://127.0.0.1:1", "/", {}, CONTEXT)
