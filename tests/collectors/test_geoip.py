"""Databases in, places out: made .mmdb files in all three schemas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collectors import geoip
from collectors.errors import GeoipError
from collectors.geoip import GeoipReader
from collectors.network import Network
from collectors.places import PlaceTable
from tests.collectors.databases import (
    ASN,
    CITY,
    LONDON,
    OSAKA,
    TOKYO,
    flat,
    nested,
    write,
    write_asn,
    write_city,
)


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return write_city(tmp_path / "city.mmdb")


@pytest.fixture
def asn(tmp_path: Path) -> Path:
    return write_asn(tmp_path / "asn.mmdb")


def described(table: PlaceTable, network: str) -> tuple[str, int]:
    place = table.place_of(Network.of(network))
    return table.countries[table.country[place]], int(table.asn[place])


def test_networks_become_places(city: Path, asn: Path) -> None:
    """Both families, City without AS, AS without City, neither."""
    table = geoip.compact([city], asn)
    assert [
        described(table, network)
        for network in (
            "1.0.0.1",
            "1.0.5.0",
            "1.0.6.0",
            "9.9.9.9",
            "10.0.0.1",
            "2001:db8::",
            "2001:db8:8000::",
        )
    ] == [("JP", 64500), ("GB", 64500), ("GB", 0), ("", 64502), ("", 0), ("GB", 64500), ("GB", 0)]


def test_one_cell_and_as_is_one_place(city: Path, asn: Path) -> None:
    """Tokyo and Chiba share a square: one run across both /24s, positioned between them.

    One /24 and a half are in Tokyo, one /24 in Chiba.
    """
    table = geoip.compact([city], asn)
    first, end = table.run_of(Network.of("1.0.0.0"))
    assert (first, end) == (1 << 16, (1 << 16) + 2)
    assert float(table.lon[table.place_of(Network.of("1.0.0.0"))]) == pytest.approx(139.46, abs=0.01)


def test_finer_networks_fold_into_their_unit_by_majority(city: Path, asn: Path) -> None:
    """128 addresses in Tokyo against 96 in Osaka; a /50 in Osaka against one /64 in Tokyo."""
    table = geoip.compact([city], asn)
    assert table.lat[table.place_of(Network.of("1.0.2.0"))] == pytest.approx(35.6, abs=0.2)
    assert table.lat[table.place_of(Network.of("2001:db9::"))] == pytest.approx(34.69, abs=0.01)


def test_the_same_databases_give_the_same_digest(city: Path, asn: Path) -> None:
    """And another edition another one."""
    digest = geoip.compact([city], asn).digest
    assert geoip.compact([city], asn).digest == digest
    assert geoip.compact([city], asn, edition="other").digest != digest


def test_the_flat_schema_serves_the_other_family(tmp_path: Path, asn: Path) -> None:
    """IPv4 nested, IPv6 flat: as shipped."""
    four = write_city(
        tmp_path / "v4.mmdb", {prefix: row for prefix, row in CITY.items() if ":" not in prefix}
    )
    six = write(tmp_path / "v6.mmdb", "city ipv6", {"2001:db8::/32": flat(*LONDON)})
    table = geoip.compact([four, six], asn)
    assert described(table, "2001:db8::") == ("GB", 64500)
    assert described(table, "1.0.0.1") == ("JP", 64500)
    assert table.credit == geoip.DBIP_CREDIT
    assert table.edition.startswith("Test City 2026-06; city ipv6 ")


def test_the_first_database_of_a_family_counts(tmp_path: Path, asn: Path) -> None:
    """A City file that adds no family is a mistake, and is named."""
    one = write_city(tmp_path / "one.mmdb", {"1.0.0.0/24": TOKYO})
    two = write_city(tmp_path / "two.mmdb", {"1.0.0.0/24": OSAKA, "2001:db8::/32": OSAKA})
    table = geoip.compact([one, two], asn)
    assert table.lat[table.place_of(Network.of("1.0.0.1"))] == pytest.approx(35.68, abs=0.01)
    with pytest.raises(GeoipError, match=r"one\.mmdb: adds no address family"):
        geoip.compact([two, one], asn)


@pytest.mark.parametrize(
    ("record", "position"),
    [
        ({"registered_country": {"iso_code": "DE"}}, "DE"),
        ({"country_code": "ZZ", "latitude": 1.0, "longitude": 1.0}, ""),
        ({"country": {"iso_code": "A1"}}, ""),
        ({"country_code": "", "latitude": 91.0, "longitude": 0.0}, ""),
        ({}, ""),
    ],
)
def test_odd_records_are_placed_as_far_as_they_go(record: dict[str, object], position: str) -> None:
    """No country, a reserved one, none of two letters; a position off the globe is none."""
    country, lat, _ = geoip.position_of(record)
    assert country == position
    assert np.isnan(lat) or lat == 1.0


@pytest.mark.parametrize(("number", "expected"), [(7, 7), (None, 0), (-1, 0), (2**32, 0)])
def test_an_impossible_as_number_is_none(number: int | None, expected: int) -> None:
    """RFC 6793: 32 bits."""
    assert geoip.asn_of({"autonomous_system_number": number}) == expected


def test_info_tells_schema_date_and_credit(city: Path, asn: Path, tmp_path: Path) -> None:
    """DB-IP's credit, MaxMind's, or none that we know."""
    described = geoip.info(city)
    assert (described.schema, described.edition, described.credit) == (
        "city",
        "Test City 2026-06",
        geoip.DBIP_CREDIT,
    )
    assert (geoip.info(asn).schema, geoip.info(asn).credit) == ("asn", geoip.DBIP_CREDIT)
    lite = write(tmp_path / "lite.mmdb", "GeoLite2-City", {"1.0.0.0/24": nested(*TOKYO)})
    assert geoip.info(lite).credit == geoip.GEOLITE_CREDIT
    own = write(tmp_path / "own.mmdb", "Acme-City", {"1.0.0.0/24": nested(*TOKYO)})
    assert geoip.info(own).credit == ""


def test_what_is_no_database_is_refused_by_name(tmp_path: Path, city: Path, asn: Path) -> None:
    """Missing, not an .mmdb, of another kind, or in the other's place."""
    text = tmp_path / "text.mmdb"
    text.write_text("not a database")
    domain = write(tmp_path / "domain.mmdb", "GeoIP2-Domain", {"1.0.0.0/24": {"domain": "example.com"}})
    for path, reason in (
        (tmp_path / "absent.mmdb", "No such file"),
        (text, "."),
        (domain, "neither City nor ASN"),
    ):
        with pytest.raises(GeoipError, match=f"{path.name}: .*{reason}"):
            geoip.info(path)
    with pytest.raises(GeoipError, match="an ASN database where a City database is expected"):
        geoip.compact([asn], asn)
    with pytest.raises(GeoipError, match="a City database where an ASN database is expected"):
        geoip.compact([city], city)


def test_a_damaged_database_is_refused(city: Path, asn: Path) -> None:
    """Its data section overwritten: a reason, no crash."""
    data = bytearray(city.read_bytes())
    data[200:-400] = b"\xff" * (len(data) - 600)
    city.write_bytes(data)
    with pytest.raises(GeoipError, match=r"city\.mmdb: "):
        geoip.compact([city], asn)


def test_the_loss_is_measured_on_both_families(city: Path, asn: Path) -> None:
    """Here: one announced /24 of seven is divided, and the only /48 of one of two IPv6 networks."""
    table = geoip.compact([city], asn)
    report = geoip.loss(table, [city], asn, sample=500)
    assert report.v4 is not None
    assert report.v6 is not None
    assert report.v4.sample == 500
    assert 0.08 < report.v4.divided_share < 0.22
    assert 300 < report.v4.position_km[2] < 500  # Osaka, in the /24 that went to Tokyo
    assert report.v4.asn_share == 0.0
    assert report.v6.divided_share == pytest.approx(0.5, abs=0.1)
    assert report == geoip.loss(table, [city], asn, sample=500)
    assert "IPv4, 500 announced addresses" in str(report)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_reader_tells_where_an_address_is(city: Path, asn: Path) -> None:
    """City, region and organisation by name."""
    reader = GeoipReader(city, asn)
    found = reader.lookup("1.0.0.77")
    assert (found.country, found.region, found.city) == ("JP", "Region of JP", "City of JP")
    assert (found.lat, found.lon, found.accuracy_km) == (35.68, 139.69, 5)
    assert (found.asn, found.organisation) == (64500, "Example One")
    reader.close()


def test_what_is_not_known_is_no_error(city: Path, asn: Path) -> None:
    """Unknown addresses, absent databases; only what is no address is refused."""
    assert GeoipReader(city, asn).lookup("10.0.0.1").country == ""
    assert GeoipReader(city, None).lookup("1.0.0.1").asn == 0
    assert GeoipReader(None, asn).lookup("9.9.9.9").organisation == "Nowhere"
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        GeoipReader(None, None).lookup("tokyo")


def test_a_replaced_database_is_picked_up_in_time(city: Path, asn: Path, tmp_path: Path) -> None:
    """Not before the check is due; then the new answers come."""
    clock = Clock()
    reader = GeoipReader(city, asn, check_seconds=60.0, clock=clock)
    write_city(tmp_path / "new.mmdb", {"1.0.0.0/24": OSAKA, "1.0.1.0/24": LONDON})
    (tmp_path / "new.mmdb").replace(city)
    clock.now = 59.0
    assert reader.lookup("1.0.1.1").country == "JP"
    clock.now = 61.0
    assert reader.lookup("1.0.1.1").country == "GB"
    assert reader.errors == ()


def test_while_the_new_file_is_broken_the_old_one_answers(city: Path, asn: Path) -> None:
    """A download that stopped half way, rewritten in place, then a file that is gone, then a whole one."""
    clock = Clock()
    reader = GeoipReader(city, asn, check_seconds=60.0, clock=clock)
    whole = city.read_bytes()
    city.write_bytes(whole[: len(whole) // 2])
    clock.now = 61.0
    assert reader.lookup("1.0.0.1").country == "JP"
    assert "city.mmdb" in reader.errors[0]
    city.unlink()
    clock.now = 122.0
    assert reader.lookup("1.0.0.1").country == "JP"
    assert "No such file" in reader.errors[0]
    city.write_bytes(whole)
    clock.now = 183.0
    assert reader.lookup("1.0.0.1").country == "JP"
    assert reader.errors == ()


def test_a_reader_of_the_wrong_database_is_refused_at_once(city: Path, asn: Path, tmp_path: Path) -> None:
    """Not at the first look-up."""
    with pytest.raises(GeoipError, match="where City is expected"):
        GeoipReader(asn, None)
    with pytest.raises(GeoipError, match="where GeoLite2-ASN is expected"):
        GeoipReader(None, city)
    with pytest.raises(GeoipError, match="No such file"):
        GeoipReader(tmp_path / "absent.mmdb", None)


def test_the_made_files_hold_what_they_should() -> None:
    """The table of rows above: a guard against a test that compares nothing."""
    assert len(CITY) == 9
    assert len(ASN) == 6
