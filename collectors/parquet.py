"""Exported rows as a Parquet file, by pyarrow, which is an optional package: loaded when a file is begun."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from collectors.errors import ExportError
from collectors.export import Columns

ROWS_PER_GROUP = 131_072
"""A row group is what is held in memory before it is written."""


class ParquetFile:
    """Writes columns to a file, in groups of rows. A context manager: whole once left without an error.

    Raises `ExportError` when pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._arrow = importlib.import_module("pyarrow")
            parquet = importlib.import_module("pyarrow.parquet")
        except ModuleNotFoundError as error:
            raise ExportError("Parquet needs pyarrow: pip install 'itm[parquet]' (or export CSV)") from error
        self._schema = _schema(self._arrow)
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._waiting: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()

    def write(self, rows: Columns) -> None:
        """Add rows."""
        pa = self._arrow
        times = pa.array((rows.time * 1000).round().astype("int64")).cast(pa.timestamp("ms", tz="UTC"))
        words = (pa.array(column) for column in (rows.network, rows.pop, rows.metric))
        columns = [times, *words, pa.array(rows.value), pa.array(rows.source), pa.array(rows.coarse)]
        self._waiting.append(pa.Table.from_arrays(columns, schema=self._schema))
        if sum(map(len, self._waiting)) >= ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(self._arrow.concat_tables(self._waiting).combine_chunks())
            self._waiting = []


def _schema(pa: Any) -> Any:
    words = [(name, pa.string()) for name in ("network", "pop", "metric")]
    rest = [("value", pa.float32()), ("source", pa.string()), ("coarse", pa.bool_())]
    return pa.schema([("time", pa.timestamp("ms", tz="UTC")), *words, *rest])
