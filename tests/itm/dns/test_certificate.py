from __future__ import annotations

import logging
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from itm.dns.certificate import Certificate, Pair
from itm.errors import ConfigError
from tests.gateway.certificates import Certificates


def loaded(certificate: Path, key: Path) -> Certificate:
    return Certificate(Pair(certificate, key), ("x.tls_certificate", "x.tls_key"), "dot")


def test_certificates_are_taken_up_when_they_change(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A broken file is told once and changes nothing; a good one is for new connections."""
    caplog.set_level(logging.INFO)
    made = Certificates(tmp_path)
    pem = made.server()
    certificate = loaded(pem, pem)
    first = certificate.context
    certificate.look()
    assert certificate.context is first
    good = pem.read_bytes()
    pem.write_bytes(good[: len(good) // 2])
    for _ in range(3):
        certificate.look()
    pem.unlink()
    for _ in range(3):
        certificate.look()
    assert certificate.context is first
    assert [r.message for r in caplog.records] == ["certificate.refused"] * 2
    made.server()
    certificate.look()
    assert certificate.context is not first
    assert caplog.records[-1].message == "certificate.loaded"


def test_certificate_and_key_that_do_not_belong_together(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Renewal replaces one file after the other: the old pair stays until both are there."""
    made = Certificates(tmp_path)
    pem, other = made.server(), made.server("other.pem")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    for path in (chain, key):
        path.write_bytes(pem.read_bytes())
    certificate = loaded(chain, key)
    first = certificate.context
    chain.write_bytes(other.read_bytes())
    certificate.look()
    assert certificate.context is first
    assert "does not belong to the certificate in" in caplog.records[-1].__dict__["reason"]
    key.write_bytes(other.read_bytes())
    certificate.look()
    assert certificate.context is not first


def test_without_a_sound_pair_there_is_no_start(tmp_path: Path) -> None:
    """One line that names the setting, the file and what it lacks."""
    made = Certificates(tmp_path)
    good, other = made.server(), made.server("other.pem")
    missing, junk = tmp_path / "none.pem", tmp_path / "junk.pem"
    junk.write_text("junk")
    alone = tmp_path / "alone.pem"
    alone.write_text(good.read_text().partition("-----BEGIN PRIVATE")[0])
    broken = tmp_path / "broken.pem"
    broken.write_text(good.read_text().replace("MI", "IM", 1))
    secret = tmp_path / "secret.pem"
    secret.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    for certificate, key, told in (
        (missing, missing, r"^x\.tls_certificate: .*none\.pem: No such file"),
        (good, missing, r"^x\.tls_key: .*none\.pem: No such file"),
        (junk, good, r"^x\.tls_certificate: .*junk\.pem: holds no certificate"),
        (alone, alone, r"^x\.tls_certificate: .*alone\.pem: holds no private key"),
        (good, junk, r"^x\.tls_key: .*junk\.pem: holds no private key"),
        (good, secret, r"^x\.tls_key: .*secret\.pem: holds an encrypted key"),
        (good, other, r"^x\.tls_key: .*other\.pem: does not belong to the certificate in .*server\.pem"),
        (broken, broken, r"^x\.tls_certificate: .*broken\.pem: not usable: "),
    ):
        with pytest.raises(ConfigError, match=told):
            loaded(certificate, key)
