"""Which place table this server uses, by its settings."""

from __future__ import annotations

from pathlib import Path

from collectors.placesource import PlaceSource
from itm.config import Config


def place_source(config: Config) -> PlaceSource:
    """Return the bundled place table, or the one compacted from the operator's databases.

    Raises `CollectorsError` naming the file or setting that is wrong.
    """
    geoip = config.geoip
    return PlaceSource(
        bundled=Path(geoip.places),
        cache=config.state_dir,
        city=[Path(path) for path in geoip.city],
        asn=Path(geoip.asn) if geoip.asn else None,
        check_seconds=geoip.reload_seconds,
    )
