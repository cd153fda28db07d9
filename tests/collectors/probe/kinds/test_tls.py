from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.probe import connection
from collectors.probe.target import Target
from tests.collectors.probe.kinds.servers import checked, silent
from tests.gateway.certificates import Certificates

TARGET = Target("tls", "127.0.0.1", 0, 10.0)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Certificates]:
    """An authority that this machine trusts for the length of a test."""
    made = Certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.ca))
    connection._context.cache_clear()
    yield made
    connection._context.cache_clear()


def test_a_name_is_verified_with_what_the_machine_trusts(authority: Certificates) -> None:
    """The certificate's own name passes, and the days it has left are told; another name is refused."""
    context = authority.server_context()
    good = checked(replace(TARGET, sni="gw.test", verify=True), silent, context)
    assert good.up
    assert good.days_left is not None
    assert good.days_left > 0
    bad = checked(replace(TARGET, sni="other.test", verify=True), silent, context)
    assert (bad.up, bad.detail) == (
        False,
        "certificate: Hostname mismatch, certificate is not valid for 'other.test'.",
    )


def test_an_address_is_verified_when_no_name_is_given(authority: Certificates) -> None:
    """The certificate has to be for the address then."""
    assert checked(replace(TARGET, verify=True), silent, authority.server_context()).up
    context = authority.server_context()
    context.load_cert_chain(authority.server("named.pem", names=("gw.test",)))
    assert not checked(replace(TARGET, verify=True), silent, context).up


def test_a_stranger_passes_unverified_only(tmp_path: Path) -> None:
    """Whose certificate it is matters only when that is asked."""
    context = Certificates(tmp_path).server_context()
    assert checked(replace(TARGET, sni="gw.test"), silent, context).up
    refused = checked(replace(TARGET, sni="gw.test", verify=True), silent, context)
    assert refused.detail.startswith("certificate: ")


def test_the_server_sees_the_name_that_is_asked_for(tmp_path: Path) -> None:
    """SNI is sent; without a name, none is."""
    seen: list[str | None] = []
    context = Certificates(tmp_path).server_context()
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    for sni in ("gw.test", ""):
        checked(replace(TARGET, sni=sni), silent, context)
    assert seen == ["gw.test", None]


def test_a_certificate_that_expires_soon_passes_with_a_notice(tmp_path: Path) -> None:
    """It serves today; within the wanted days somebody is told."""
    context = Certificates(tmp_path).server_context()
    outcome = checked(replace(TARGET, certificate_days=3000), silent, context)
    assert outcome.up
    assert outcome.notice.startswith("the certificate expires in ")
    assert checked(replace(TARGET, certificate_days=0.001), silent, context).notice == ""


def test_an_expired_certificate_fails_a_check_that_looks_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unverified and unasked it passes."""
    context = Certificates(tmp_path).server_context()
    monkeypatch.setattr(connection.time, "time", lambda: 4e9)
    looked, unlooked = (checked(replace(TARGET, certificate_days=days), silent, context) for days in (14, 0))
    assert (looked.up, unlooked.up) == (False, True)
    assert looked.detail.startswith("the certificate expired ")


def test_a_certificate_that_cannot_be_read_fails_who_asks_for_its_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS is less strict than the reader of certificates; nobody's check ends in an error of ours."""
    context = Certificates(tmp_path).server_context()

    def unreadable(certificate: bytes, now: float) -> float:
        raise ValueError("negative serial")

    monkeypatch.setattr(connection.certificate, "days_left", unreadable)
    looked, unlooked = (checked(replace(TARGET, certificate_days=days), silent, context) for days in (14, 0))
    assert (looked.up, looked.detail) == (False, "the certificate cannot be read: negative serial")
    assert (unlooked.up, unlooked.days_left) == (True, None)


def test_plain_text_is_no_tls() -> None:
    """A server that does not speak TLS fails with a reason."""

    async def greet(reader: object, writer: object) -> None:
        writer.write(b"220 mail.example.net\r\n")  # type: ignore[attr-defined]

    outcome = checked(TARGET, greet)
    assert (outcome.up, outcome.detail) == (False, "TLS: wrong version number")
