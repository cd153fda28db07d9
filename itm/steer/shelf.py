"""The kept maps as the builder sees them: which is served, which number the next one has."""

from __future__ import annotations

import logging
from pathlib import Path

from itm.errors import SnapshotError
from itm.routemap import current, snapshot
from itm.routemap.routemap import RouteMap
from itm.steer import inputs as inputs_file
from itm.steer.world import World

log = logging.getLogger(__name__)


class Shelf:
    """Maps in `directory`; the `newest` that was read or put here is not read again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.newest: RouteMap | None = None

    @property
    def next_version(self) -> int:
        """A number that was never given."""
        return max([*current.versions(self._directory), current.live_version(self._directory) or 0]) + 1

    @property
    def is_pointed_at(self) -> bool:
        """Whether the pointer to the live map is there and readable."""
        return current.live_version(self._directory) is not None

    def served(self) -> RouteMap | None:
        """Return the map that is served, read anew where the pointer was moved by somebody else."""
        version = current.served_version(self._directory)
        if self.newest is None or self.newest.version != version:
            self.newest = None if version is None else self._read(version)
        return self.newest

    def is_explained(self, world: World) -> bool:
        """Say whether `why` can tell the newest map from this world: not after its places were replaced."""
        if self.newest is None:
            return True
        try:
            found = inputs_file.load(self._directory, self.newest.version)
        except SnapshotError:
            return False
        return found.predictions_digest == world.digest

    def _read(self, version: int) -> RouteMap | None:
        try:
            return snapshot.read(current.path_of(self._directory, version))
        except (SnapshotError, OSError) as error:
            log.warning("map.unreadable", extra={"version": version, "reason": str(error)})
            return None
