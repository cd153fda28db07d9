from __future__ import annotations

import base64
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.broker.authority import Authority, open_authority
from gateway.connector.credential import new_key_request
from gateway.errors import ConfigError, Invalid
from gateway.identity import Identity
from tests.gateway.broker.world import Clock


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return open_authority(tmp_path / "state", Clock())


def test_a_certificate_names_what_the_broker_decided(authority: Authority) -> None:
    """The request gives the key; role, id, location, usage and life are ours."""
    identity = Identity("connector", "c-1", "acme", "berlin-1")
    issued = authority.issue(new_key_request().csr_pem, identity, 3600)
    cert = x509.load_pem_x509_certificate(issued.cert_pem.encode())
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == list(identity.uris())
    usage = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert f"{cert.serial_number:x}" == issued.serial
    assert (cert.not_valid_after_utc - cert.not_valid_before_utc).total_seconds() == 3600 + 300
    cert.verify_directly_issued_by(authority.root)


def test_a_pop_may_serve_under_its_names(authority: Authority) -> None:
    """A POP's certificate is a server's as well, for the names and addresses given to it."""
    issued = authority.issue(
        new_key_request().csr_pem, Identity("pop", "fra"), 60, ["gw.example", "10.0.0.1"]
    )
    cert = x509.load_pem_x509_certificate(issued.cert_pem.encode())
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gw.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    usage = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.SERVER_AUTH in usage


def test_the_state_survives(tmp_path: Path) -> None:
    """A restart has the same root, token key and secrets; files are the owner's alone."""
    first, second = (open_authority(tmp_path / "state", Clock()) for _ in range(2))
    assert first.ca_pem == second.ca_pem == (tmp_path / "state" / "ca.pem").read_text()
    assert first.token_public_pem == second.token_public_pem
    assert first.secret("a") == second.secret("a") != first.secret("b")
    for name in ("authority.pem", "token.key"):
        assert stat.S_IMODE((tmp_path / "state" / name).stat().st_mode) == 0o600
    assert len(list((tmp_path / "state").iterdir())) == 3


def test_two_programs_at_once_agree(tmp_path: Path) -> None:
    """Whoever comes second uses what the first has made."""
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(open_authority(tmp_path / "s", Clock()).ca_pem))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


def test_damaged_files_are_named(tmp_path: Path) -> None:
    """A broken root is an error, not a new root."""
    open_authority(tmp_path, Clock())
    (tmp_path / "authority.pem").write_text("nothing")
    with pytest.raises(ConfigError, match=r"broker\.state: .*damaged"):
        open_authority(tmp_path, Clock())


def requests() -> list[str]:
    def signed(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def changed(old: bytes, new: bytes) -> str:
        """Another version, an algorithm that nobody knows."""
        raw = x509.load_pem_x509_csr(good.encode()).public_bytes(serialization.Encoding.DER)
        assert raw.count(old) >= 1
        text = base64.encodebytes(raw.replace(old, new, 1)).decode()
        return f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"

    good = new_key_request().csr_pem
    lines = good.splitlines()
    other = new_key_request().csr_pem.splitlines()
    forged = "\n".join([*lines[:3], *other[3:]])
    return [
        "",
        "nonsense",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        forged,
        good + "x" * 9000,
        signed(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        signed(ec.generate_private_key(ec.SECP384R1())),
        "\udcff",
        changed(b"\x02\x01\x00", b"\x02\x01\x02"),
        changed(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce420201")),
    ]


@pytest.mark.parametrize("csr", requests(), ids=range(10))
def test_wrong_requests(authority: Authority, csr: str) -> None:
    """Malformed, forged, too long, or with another kind of key."""
    with pytest.raises(Invalid, match=r"^csr_pem: "):
        authority.issue(csr, Identity("pop", "fra"), 60)


def test_the_revocation_list_is_signed(authority: Authority) -> None:
    """It names the serials and when to fetch it again."""
    crl = x509.load_pem_x509_crl(authority.revocations(["ab1", "2"], 60).encode())
    root_key = authority.root.public_key()
    assert isinstance(root_key, ec.EllipticCurvePublicKey)
    assert crl.is_signature_valid(root_key)
    assert sorted(each.serial_number for each in crl) == [2, 0xAB1]
    assert crl.next_update_utc is not None
    assert (crl.next_update_utc - crl.last_update_utc).total_seconds() == 60
