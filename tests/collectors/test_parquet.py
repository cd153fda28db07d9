"""Exported rows as Parquet; skipped without pyarrow, which is optional."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from collectors import parquet
from collectors.errors import ExportError
from collectors.export import COLUMNS, Columns
from collectors.parquet import ParquetFile
from tests.collectors.observed import NOON, observed


def test_without_pyarrow_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no file is left."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExportError, match=r"^Parquet needs pyarrow: pip install 'itm\[parquet\]'"):
        ParquetFile(tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_rows_and_types_are_those_of_the_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same columns in the same order; times are timestamps in UTC, in ms; groups of rows."""
    pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (the extra `parquet`)")
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 3)
    path = tmp_path / "x.parquet"
    with ParquetFile(path) as file:
        for part in ([1.5, 2], [3, 4], [5]):
            file.write(Columns.of(observed(part, time=NOON + 0.0625, coarse=True)))
    table = pq.read_table(path)
    assert tuple(table.column_names) == COLUMNS
    assert table["value"].to_pylist() == [1.5, 2, 3, 4, 5]
    row = table.slice(0, 1).to_pylist()[0]
    assert row["time"].timestamp() == pytest.approx(NOON + 0.062)
    assert row["time"].utcoffset().total_seconds() == 0
    assert (row["network"], row["pop"], row["metric"]) == ("133.11.0.0/24", "pop-a", "rtt_ms")
    assert (row["source"], row["coarse"]) == ("rum", True)
    assert pq.ParquetFile(path).metadata.num_row_groups == 2
