from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from models import artifact
from models.artifact import Predictor, load, save
from models.errors import ArtifactMismatch
from models.prior import floor_ms
from models.sites import Sites

SERVERS = Sites.of([52.4, 25.1, 39.0], [4.9, 55.3, -77.5], ["NL", "AE", "US"])


def everywhere(count: int) -> Sites:
    random = np.random.default_rng(3)
    lat, lon = np.degrees(np.arcsin(random.uniform(-1, 1, count))), random.uniform(-180, 180, count)
    return Sites(lat, lon, random.choice(np.array(["NL", "KZ", "US", "ZZ", ""]), count))


def test_one_row_is_what_it_is_in_a_batch(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, for any batch: alone, in threes, and across the blocks that prediction works in."""
    monkeypatch.setattr(artifact, "ROWS_AT_ONCE", 1000)
    clients = everywhere(2020)
    together = predictor.predict(clients, SERVERS)
    for size in (1, 3, 101):
        for first in range(0, 20 * size, size):
            part = predictor.predict(clients.take(slice(first, first + size)), SERVERS)
            for name in ("p25", "p50", "p75"):
                expected = getattr(together, name)[first : first + size]
                assert getattr(part, name).tobytes() == expected.tobytes()


def test_quantiles_ascend_from_the_floor(predictor: Predictor) -> None:
    """No prediction beats light, whatever the corner of the Earth."""
    clients = everywhere(500)
    said = predictor.predict(clients, SERVERS)
    floor = floor_ms(clients, SERVERS).astype(np.float32)
    assert said.p50.dtype == np.float32
    assert said.p50.shape == (500, 3)
    assert ((floor <= said.p25) & (said.p25 <= said.p50) & (said.p50 <= said.p75)).all()


def test_the_detour_is_learned(predictor: Predictor) -> None:
    """KZ is nearer to AE than to NL, and slower."""
    said = predictor.predict(Sites.of([43.2], [76.9], ["KZ"]), SERVERS).p50[0]
    assert said[1] > said[0]


def test_a_client_nowhere_is_not_a_number(predictor: Predictor) -> None:
    """Its row only; a country without a position is not a place."""
    said = predictor.predict(Sites.of([np.nan, 52], [np.nan, 5], ["NL", "NL"]), SERVERS)
    assert np.isnan(said.p50).tolist() == [[True] * 3, [False] * 3]


def test_no_clients_and_no_servers_are_empty_tables(predictor: Predictor) -> None:
    """The shape is always clients by servers."""
    none = Sites.of([], [], [])
    assert predictor.predict(none, SERVERS).p50.shape == (0, 3)
    assert predictor.predict(SERVERS, none).p50.shape == (3, 0)


def test_a_server_nowhere_is_refused(predictor: Predictor) -> None:
    """A POP always has a position."""
    with pytest.raises(ValueError, match="server"):
        predictor.predict(SERVERS, Sites.of([np.nan], [0], ["NL"]))


def test_a_saved_predictor_says_the_same(predictor: Predictor, tmp_path: Path) -> None:
    """Through the file and back: digest, origin and every bit of a prediction."""
    path = tmp_path / "deep" / "predictor.skops"
    save(predictor, path)
    again = load(path, "data")
    assert (again.digest, again.origin) == (predictor.digest, predictor.origin)
    clients = everywhere(50)
    assert np.array_equal(again.predict(clients, SERVERS).p75, predictor.predict(clients, SERVERS).p75)
    assert [entry.name for entry in path.parent.iterdir()] == ["predictor.skops"]


def test_other_data_and_other_libraries_are_a_mismatch(predictor: Predictor, tmp_path: Path) -> None:
    """The message says which."""
    path = tmp_path / "predictor.skops"
    save(predictor, path)
    with pytest.raises(ArtifactMismatch, match="other data"):
        load(path, "newer data")
    origin = dataclasses.replace(predictor.origin, versions=(("numpy", "1.0"),))
    save(dataclasses.replace(predictor, origin=origin), path)
    with pytest.raises(ArtifactMismatch, match=r"numpy 1\.0"):
        load(path, "data")


def test_a_model_that_predicts_otherwise_is_a_mismatch(predictor: Predictor, tmp_path: Path) -> None:
    """The digest is of predictions, so that a file cannot claim another's."""
    save(dataclasses.replace(predictor, digest="0" * 64), tmp_path / "predictor.skops")
    with pytest.raises(ArtifactMismatch, match="other numbers"):
        load(tmp_path / "predictor.skops", "data")


@pytest.mark.parametrize("damage", ["truncated", "flipped", "text", "empty", "foreign zip"])
def test_a_damaged_file_is_a_mismatch(predictor: Predictor, tmp_path: Path, damage: str) -> None:
    """Never a crash: the caller trains anew."""
    path = tmp_path / "predictor.skops"
    save(predictor, path)
    data = path.read_bytes()
    middle = len(data) // 2
    damaged = {
        "truncated": data[:middle],
        "flipped": data[:middle]
        + bytes(byte ^ 255 for byte in data[middle : middle + 64])
        + data[middle + 64 :],
        "text": b"not a zip",
        "empty": b"",
        "foreign zip": b"",
    }[damage]
    path.write_bytes(damaged)
    if damage == "foreign zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "hello")
    with pytest.raises(ArtifactMismatch):
        load(path, "data")


@pytest.mark.parametrize("content", [LinearRegression(), {"format": 1}, [1, 2], zipfile.ZipFile])
def test_a_foreign_archive_is_a_mismatch(tmp_path: Path, content: object) -> None:
    """Nothing outside the trusted list is built, and a trusted thing is not yet a predictor."""
    path = tmp_path / "predictor.skops"
    path.write_bytes(skops.io.dumps(content))
    with pytest.raises(ArtifactMismatch):
        load(path, "data")


def test_the_trusted_list_is_explicit(predictor: Predictor, tmp_path: Path) -> None:
    """It covers what skops asks for, and names nothing but our estimators and boosting's parts."""
    save(predictor, tmp_path / "predictor.skops")
    asked = skops.io.get_untrusted_types(data=(tmp_path / "predictor.skops").read_bytes())
    assert set(asked) <= set(artifact.TRUSTED)
    parts = ("models.", "sklearn._loss.", "sklearn.ensemble._hist_gradient_boosting.")
    assert all(name.startswith(parts) for name in artifact.TRUSTED)
