"""Which book a worker is to answer from: it looks at the map pointer and the signatures, and loads the new.

A map is read, verified and made a book aside; one that is not sound is refused and the last good one stays.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from itm.dns import book
from itm.dns.book import Book
from itm.dns.signatures import SignedBy
from itm.errors import CatalogError, NotSigned, SnapshotError
from itm.routemap import snapshot
from itm.routemap.current import POINTER, live_version, path_of, versions
from itm.routemap.health import HealthReader

log = logging.getLogger(__name__)


class Follower:
    """Follows the pointer of a map directory and the signatures file: a book when either is another.

    A map whose signed zones lack signatures waits for them; what was served before goes on.
    """

    def __init__(self, maps: Path, health: HealthReader, signatures: Path) -> None:
        self._maps = maps
        self._health = health
        self._signed = SignedBy(signatures)
        self._waits_for = ""
        self._seen: int | None = None
        self._unpointed: list[int] | None = None  # what the last look found there without a pointer
        self._unsound: set[int] = set()
        self._is_lost = False
        self.refused = 0

    def load(self, old: Book) -> tuple[Book, int] | None:
        """Return the live map's book and the health sequence it was made by; None: nothing new.

        A map that cannot be used is logged and not tried again until pointer or signatures move. As long as
        there is no map at all, the newest sound one in the directory is taken instead; so it is when
        the pointer is lost. A pointer that can be read always wins, also with an older version.
        """
        version = live_version(self._maps)
        if version is None:
            return self._without_pointer(old)
        self._unpointed, self._is_lost = [], False
        if not self._signed.look() and version == self._seen:
            return None
        self._seen = version
        found = self._load(version, old)
        if found is None and old.routemap is None:
            found = self._newest(set(versions(self._maps)) - {version}, old)
        return found

    def _without_pointer(self, old: Book) -> tuple[Book, int] | None:
        """Tell of a lost pointer once. A first map's file is there a moment before its pointer is: only
        the look at start, which must not wait, believes what the look before did not see.
        """
        there = versions(self._maps)
        before, self._unpointed = self._unpointed, there
        kept = set(there) if before is None else set(there) & set(before)
        if kept and not self._is_lost:
            self._is_lost = True
            log.error("map.pointer_lost", extra={"path": str(self._maps / POINTER), "newest": max(kept)})
        return self._newest(kept - self._unsound, old) if old.routemap is None else None

    def _newest(self, kept: set[int], old: Book) -> tuple[Book, int] | None:
        for version in sorted(kept, reverse=True):
            found = self._load(version, old)
            if found is not None:
                return found
        return None

    def _load(self, version: int, old: Book) -> tuple[Book, int] | None:
        started = time.monotonic()
        sequence = self._health.sequence()
        try:
            routemap = snapshot.read(path_of(self._maps, version))
            made = book.build(routemap, old, self._health.read(), self._signed.content)
        except NotSigned as error:
            if str(error) != self._waits_for:
                self._waits_for = str(error)
                log.warning("map.not_signed", extra={"version": version, "reason": self._waits_for})
            return None
        except (SnapshotError, CatalogError, ValueError) as error:
            self.refused += 1
            self._unsound.add(version)
            log.error("map.refused", extra={"version": version, "reason": str(error)})
            return None
        seconds = time.monotonic() - started
        log.info("map.loaded", extra={"version": version, "seconds": round(seconds, 3)})
        return made, sequence
