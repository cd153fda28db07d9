"""`itm geoip`: what it prints, and what it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors import places
from collectors.geoip import DBIP_CREDIT
from collectors.network import Network
from itm.__main__ import main
from tests.collectors.databases import write_asn, write_city


@pytest.fixture
def made(tmp_path: Path) -> Path:
    write_city(tmp_path / "city.mmdb")
    write_asn(tmp_path / "asn.mmdb")
    return tmp_path


def compact(made: Path, *more: str) -> int:
    return main(
        [
            "geoip",
            "compact",
            "--city",
            f"{made}/city.mmdb",
            "--asn",
            f"{made}/asn.mmdb",
            "-o",
            f"{made}/out.itm",
            *more,
        ]
    )


def test_compact_makes_a_table_the_server_can_load(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The description names edition, digest, counts and credit."""
    assert compact(made, "--edition", "Test 2026-06") == 0
    table = places.load(made / "out.itm")
    assert table.place_of(Network.of("1.0.0.1")) > 0
    printed = capsys.readouterr().out
    assert "edition    Test 2026-06" in printed
    assert table.digest in printed
    assert DBIP_CREDIT in printed
    assert "announced addresses" not in printed


def test_loss_is_printed_when_asked_for(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line per address family."""
    assert compact(made, "--loss", "--sample", "100") == 0
    printed = capsys.readouterr().out
    assert "IPv4, 100 announced addresses: position off by" in printed
    assert "IPv6, 100 announced addresses: position off by" in printed


def test_info_describes_the_bundled_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file, and with the credit."""
    assert main(["geoip", "info"]) == 0
    printed = capsys.readouterr().out
    assert "places.itm" in printed
    assert DBIP_CREDIT in printed


def test_info_describes_a_database(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its suffix."""
    assert main(["geoip", "info", f"{made}/asn.mmdb"]) == 0
    printed = capsys.readouterr().out
    assert "DBIP-ASN-Lite (compat=GeoLite2-ASN), schema asn" in printed
    assert "edition    Test ASN 2026-06" in printed


def test_a_file_that_is_neither_is_one_line_of_error(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2 and the file's name."""
    (made / "places.txt").write_text("hello")
    assert main(["geoip", "info", f"{made}/places.txt"]) == 2
    assert capsys.readouterr().err == f"itm: {made}/places.txt: not a place table of this version\n"
