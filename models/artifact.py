"""The predictor as the rest of ITM holds it, and its file.

A `Predictor` answers sites with round trips; its file is a skops archive that loads nothing outside an
explicit list of trusted types, and only with the data and the library versions it was trained with.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from models.errors import ArtifactMismatch
from models.features import Ends
from models.latency import LatencyModel, Prediction
from models.sites import Sites

FORMAT: Final = 2
"""Version of the artifact's layout and of what the model makes of places: counts up when either changes."""

KEYS: Final = {"format", "data_digest", "trained_at", "versions", "digest", "continents", "model"}

LIBRARIES: Final = ("numpy", "scikit-learn", "skops")

TRUSTED: Final = ("models.features.Ends", "models.kriging.Kriging", "models.latency.LatencyModel")
"""Types an artifact may hold beside those skops trusts by itself (which ones depends on its release)."""

GRID: Final = Sites.of(
    lat=[52, 43, 35, 1, 19, 25, -33, 37, 41, -23, 30, 6, -26],
    lon=[5, 77, 139, 104, 73, 55, 151, -122, -74, -47, 31, 3, 28],
    country=["NL", "KZ", "JP", "SG", "IN", "AE", "AU", "US", "US", "BR", "EG", "NG", "ZA"],
)
"""Sites whose predictions name a predictor: every continent, and the regions that distance gets wrong."""

UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    ImportError,
)
"""What skops and numpy raise on a damaged or foreign archive."""

ROWS_AT_ONCE: Final = 65_536
"""Pairs predicted in one go: half a megabyte each of sums and products, which stay in the cache."""


QUARTILES: Final = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a predictor comes from."""

    data_digest: str  # of the training table and the geography
    trained_at: float  # seconds since the epoch
    versions: tuple[tuple[str, str], ...]  # library, version


@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """Round trips of any place to any place.

    `continents` maps ISO country codes to continent codes; `digest` names what it predicts.
    """

    model: LatencyModel
    continents: Mapping[str, str]
    origin: Origin
    digest: str

    @classmethod
    def of(cls, model: LatencyModel, continents: Mapping[str, str], origin: Origin) -> Predictor:
        """Return the predictor of a fitted model, with its digest."""
        unnamed = cls(model, continents, origin, "")
        return replace(unnamed, digest=_digest(unnamed))

    @property
    def data_digest(self) -> str:
        """Digest of the training table and the geography it was trained with."""
        return self.origin.data_digest

    @property
    def trained_at(self) -> float:
        """When it was trained, in seconds since the epoch."""
        return self.origin.trained_at

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of the libraries it was trained with."""
        return dict(self.origin.versions)

    def predict(self, clients: Sites, servers: Sites) -> Prediction:
        """Return the quantiles in ms, `(n_clients, n_servers)`; NaN rows for clients without a position.

        Row by row: one client alone gets bit for bit the numbers it gets among others. Raises `ValueError`
        for a server without a position.
        """
        return Prediction(*_predict(self, clients, servers))


def current_versions() -> tuple[tuple[str, str], ...]:
    """Return the installed versions of the libraries an artifact depends on."""
    return tuple((library, version(library)) for library in sorted(LIBRARIES))


def save(predictor: Predictor, path: Path) -> None:
    """Write the predictor to `path`, whole or not at all."""
    archive = {
        "format": FORMAT,
        "data_digest": predictor.data_digest,
        "trained_at": predictor.trained_at,
        "versions": predictor.versions,
        "digest": predictor.digest,
        "continents": dict(predictor.continents),
        "model": predictor.model,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(skops.io.dumps(archive, compression=zipfile.ZIP_DEFLATED))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path, data_digest: str | None = None) -> Predictor:
    """Read a predictor trained with that data (None: with any) and these library versions.

    Raises `ArtifactMismatch` for any other, for a damaged file and for one with foreign types; `OSError`
    when the file cannot be read.
    """
    archive = _archive(path)
    origin = Origin(archive["data_digest"], archive["trained_at"], tuple(sorted(archive["versions"].items())))
    if data_digest is not None and origin.data_digest != data_digest:
        raise ArtifactMismatch(f"{path}: trained with other data ({origin.data_digest[:12]})")
    if origin.versions != current_versions():
        raise ArtifactMismatch(f"{path}: trained with {_text(origin.versions)}")
    predictor = Predictor.of(archive["model"], archive["continents"], origin)
    if predictor.digest != archive["digest"]:
        raise ArtifactMismatch(f"{path}: predicts other numbers here than where it was trained")
    return predictor


def _archive(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    try:
        archive = skops.io.loads(data, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise ArtifactMismatch(f"{path}: {error}") from error
    except UNREADABLE as error:
        raise ArtifactMismatch(f"{path}: not a readable artifact ({error})") from error
    if not isinstance(archive, dict) or not archive.keys() >= KEYS or archive["format"] != FORMAT:
        raise ArtifactMismatch(f"{path}: not an artifact of format {FORMAT}")
    return archive


def _text(versions: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{library} {number}" for library, number in versions)


def _predict(predictor: Predictor, clients: Sites, servers: Sites) -> npt.NDArray[np.float32]:
    """Return the quartiles of the round trips, `(3, n_clients, n_servers)`."""
    if not servers.is_placed.all():
        raise ValueError("a server has no position")
    said = np.full((len(QUARTILES), len(clients), len(servers)), np.nan, np.float32)
    placed = np.flatnonzero(clients.is_placed)
    towards = predictor.model.towards(Ends.of(servers, predictor.continents))
    ends = Ends.of(clients.take(placed), predictor.continents)
    step = max(1, ROWS_AT_ONCE // max(1, len(servers)))
    for first in range(0, len(placed) if len(servers) else 0, step):
        block = slice(first, first + step)
        said[:, placed[block]] = towards.predict(ends.take(block), QUARTILES)
    return said


def _digest(predictor: Predictor) -> str:
    """Return a digest of what the predictor says of the grid."""
    prediction = predictor.predict(GRID, GRID)
    quantiles = (prediction.p25, prediction.p50, prediction.p75)
    return hashlib.sha256(b"".join(values.tobytes() for values in quantiles)).hexdigest()
