"""Which place table a process uses: the bundled one, or one made from the operator's own databases.

A table made from databases is kept in a cache directory under a name that tells which files it was made of,
so that a restart loads it in a second. Knows files and their times; what is in them is `geoip.py`'s.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from collectors import geoip, places
from collectors.errors import CollectorsError, GeoipError
from collectors.places import PlaceTable


class PlaceSource:
    """Gives the table and notices when its files were replaced.

    Without `city` and `asn` it is the table at `bundled`; with them, one compacted from them into `cache`
    (about two minutes for the whole Internet). Raises `GeoipError` when only one of the two is given, and
    `CollectorsError` when there is no table to begin with.
    """

    def __init__(
        self,
        bundled: Path,
        cache: Path,
        city: Sequence[Path] = (),
        asn: Path | None = None,
        *,
        check_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if bool(city) != bool(asn):
            raise GeoipError("a place table needs both a City and an ASN database")
        self._bundled = bundled
        self._cache = cache
        self._city = tuple(city)
        self._asn = asn
        self._check_seconds = check_seconds
        self._clock = clock
        self._checked = clock()
        self._stamp = self._stamp_now()
        self.error = ""
        self.table = self._make(self._stamp)

    def refresh(self) -> bool:
        """Make `table` anew if its files were replaced; return whether it is another one now.

        Looks at most every `check_seconds`. While the new files cannot be used the old table stays and
        `error` says why.
        """
        now = self._clock()
        if now - self._checked < self._check_seconds:
            return False
        self._checked = now
        before = self.table.digest
        try:
            stamp = self._stamp_now()
            if stamp != self._stamp:
                self.table, self._stamp = self._make(stamp), stamp
            self.error = ""
        except CollectorsError as error:
            self.error = str(error)
        return self.table.digest != before

    def _stamp_now(self) -> str:
        """Return what changes when a file is replaced: names, sizes and times, as one word."""
        facts = []
        for path in (*self._city, self._asn or self._bundled):
            try:
                stat = path.stat()
            except OSError as error:
                raise GeoipError(f"{path}: {error.strerror}") from error
            facts.append((str(path), stat.st_size, stat.st_mtime_ns))
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def _make(self, stamp: str) -> PlaceTable:
        if self._asn is None:
            return places.load(self._bundled)
        kept = self._cache / f"places-{stamp}.itm"
        try:
            return places.load(kept)
        except CollectorsError:  # not made yet, or by another version, or damaged: made anew
            table = geoip.compact(self._city, self._asn)
        self._keep(table, kept)
        return table

    def _keep(self, table: PlaceTable, kept: Path) -> None:
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            places.save(table, kept)
            for other in self._cache.glob("places-*.itm"):
                if other != kept:
                    other.unlink(missing_ok=True)
        except OSError as error:
            raise GeoipError(f"{kept}: {error.strerror}") from error
