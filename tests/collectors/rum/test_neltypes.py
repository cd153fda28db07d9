from pathlib import Path

import pytest

from collectors.rum.neltypes import TYPES, meaning_of

SPECIFIED = (
    "dns.unreachable", "dns.name_not_resolved", "dns.failed", "dns.address_changed",
    "tcp.timed_out", "tcp.closed", "tcp.reset", "tcp.refused", "tcp.aborted", "tcp.address_invalid",
    "tcp.address_unreachable", "tcp.failed", "tls.version_or_cipher_mismatch", "tls.bad_client_auth_cert",
    "tls.cert.name_invalid", "tls.cert.date_invalid", "tls.cert.authority_invalid", "tls.cert.invalid",
    "tls.cert.revoked", "tls.cert.pinned_key_not_in_cert_chain", "tls.protocol.error", "tls.failed",
    "http.error", "http.protocol.error", "http.response.invalid", "http.response.redirect_loop",
    "http.failed", "abandoned", "unknown", "ok",
)  # fmt: skip
"""W3C Network Error Logging, section 6."""

CHROMIUM = (
    "dns.timed_out", "dns.protocol", "dns.server", "tls.unrecognized_name_alert", "h2.ping_failed",
    "h2.protocol.error", "h3.protocol.error", "http.response.empty", "http.response.invalid.empty",
    "http.response.headers.truncated", "http.request.range_not_satisfiable",
)  # fmt: skip


@pytest.mark.parametrize("kind", [*SPECIFIED, *CHROMIUM])
def test_every_type_that_browsers_send_has_a_meaning(kind: str) -> None:
    """With a reason that can be told."""
    found = meaning_of(kind, 404)
    assert found is not None
    assert found.why


@pytest.mark.parametrize(
    ("kind", "status", "available"),
    [
        ("ok", 200, 1.0),
        ("tcp.refused", 0, 0.0),
        ("tcp.reset", 0, 0.0),
        ("tcp.timed_out", 0, 0.0),
        ("tcp.aborted", 0, None),
        ("tls.protocol.error", 0, 0.0),
        ("tls.cert.name_invalid", 0, None),
        ("tls.cert.revoked", 0, 0.0),
        ("http.error", 500, 0.0),
        ("http.error", 599, 0.0),
        ("http.error", 499, None),
        ("http.error", 600, None),
        ("http.error", None, None),
        ("http.response.invalid.empty", 0, 0.0),
        ("http.response.redirect_loop", 0, None),
        ("dns.name_not_resolved", 0, None),
        ("abandoned", 0, None),
    ],
)
def test_only_what_the_pop_did_speaks_for_it(kind: str, status: int | None, available: float | None) -> None:
    """The longest beginning that the table has decides."""
    found = meaning_of(kind, status)
    assert found is not None
    assert found.available == available


@pytest.mark.parametrize("kind", ["", "tcpx", "okay", "quic.reset", ".tcp", "OK"])
def test_what_nobody_has_named_means_nothing(kind: str) -> None:
    """It is refused and counted, not guessed."""
    assert meaning_of(kind, None) is None


def test_the_table_is_the_documented_one() -> None:
    """docs/nel.md has every row, and counts it the same."""
    text = (
        (Path(__file__).parents[3] / "docs" / "nel.md")
        .read_text()
        .partition("| type | counts |")[2]
        .partition("## ")[0]
    )
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in text.splitlines()[2:] if line]
    documented = {kind.strip("`"): counts[:1] for kind, counts in rows}
    expected = {kind: "" if row.available is None else f"{row.available:g}" for kind, row in TYPES.items()}
    assert documented == {**expected, "http.error": "0"}


def test_no_row_is_in_vain() -> None:
    """A row that says what its beginning says would be noise."""
    for kind, meaning in TYPES.items():
        above = kind.rpartition(".")[0]
        assert not above or TYPES.get(above) != meaning
