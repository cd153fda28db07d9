"""Keys and certificates of a connector on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from gateway.connector.credential import (
    FILE,
    Credential,
    load_credential,
    new_key_request,
    save_credential,
    why_not_renewed,
)
from gateway.errors import ConfigError

SOME = Credential("c1", "l1", "https://b", "gw.example", ("p:443",), "KEY", "CERT", "CA", 5.0, 9.0)


def test_comes_back_from_disk(tmp_path: Path) -> None:
    """What was saved last is found, readable by its owner only; before enrolment there is nothing."""
    state = tmp_path / "state"
    assert load_credential(state) is None
    save_credential(state, SOME)
    save_credential(state, replace(SOME, cert_pem="NEXT"))
    assert load_credential(state) == replace(SOME, cert_pem="NEXT")
    assert (state / FILE).stat().st_mode & 0o777 == 0o600


def test_a_file_of_an_older_version_is_read(tmp_path: Path) -> None:
    """One without the gateway's port and an agent's names: 443, a location's connector."""
    save_credential(tmp_path, SOME)
    fields = json.loads((tmp_path / FILE).read_text())
    del fields["gateway_port"], fields["vda"]
    (tmp_path / FILE).write_text(json.dumps(fields))
    assert load_credential(tmp_path) == SOME


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """The operator learns which file to remove."""
    (tmp_path / FILE).write_text("{")
    with pytest.raises(ConfigError, match=FILE):
        load_credential(tmp_path)


def test_an_expired_certificate_is_told_with_the_way_back() -> None:
    """From its last second on the reason of a failed renewal says what to do."""
    fault = OSError("no answer")
    assert why_not_renewed(fault, 1000.0, 999.0, "pop") == "no answer"
    assert why_not_renewed(fault, 1000.0, 1000.0, "pop") == (
        "no answer; the certificate expired at 1970-01-01 00:16:40 UTC;"
        " start with --broker, --ca and a new --token of `pop token`"
    )


def test_each_request_has_a_new_key() -> None:
    """The request is signed by its own key, and no two keys are the same."""
    first, second = new_key_request(), new_key_request()
    assert x509.load_pem_x509_csr(first.csr_pem.encode()).is_signature_valid
    assert first.key_pem != second.key_pem
