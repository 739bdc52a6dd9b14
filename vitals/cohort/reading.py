"""Read the files of a cohort folder, and say which is damaged and what to do about it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vitals.cohort.tables import Samples
from vitals.cohort.writing import FORMAT, MANIFEST
from vitals.errors import DataError
from vitals.windowing.types import Int32, Int64


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a cohort folder.

    Raises:
        DataError: none there, unreadable, or written by a newer version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise DataError(
            str(folder), f"a folder without {MANIFEST}", "a cohort folder", "make one with: vitals import …"
        )
    try:
        manifest = json.loads(path.read_text("utf-8"))
        version = int(manifest["format"])
        manifest["digest"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(str(path), f"{error!r}", "the manifest of a cohort", "import again") from None
    if version > FORMAT:
        raise DataError(str(path), f"format {version}", f"format {FORMAT} or older", "update vitals, or import again")
    return dict(manifest)


@contextlib.contextmanager
def parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """An open Parquet file; a missing or damaged one becomes a :class:`DataError`, also while it is being read."""
    if not path.is_file():
        raise DataError(str(path), "no such file", "a Parquet file", "check the path")
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        came = "an empty file" if path.stat().st_size == 0 else f"a file that cannot be read ({error})"
        raise DataError(str(path), came, "a whole Parquet file", "copy or make it again; it may be cut short") from None


def read_frame(path: Path) -> pd.DataFrame:
    """A whole Parquet file as a data frame.

    Raises:
        DataError: a missing or damaged file.
    """
    with parquet(path) as file:
        frame: pd.DataFrame = file.read().to_pandas()
    for name in frame.columns:  # of whatever texts or numbers
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            frame[name] = frame[name].astype(str)
    return frame


def read_samples(folder: Path, bounds: Int64, first: int, last: int) -> Iterator[Samples]:
    """The samples of stays ``first`` to ``last - 1``, a row group at a time; other row groups are not read.

    Args:
        folder: the cohort folder.
        bounds: where the samples of each stay begin in ``events.parquet``, ``(S + 1,)``.
        first: position of the first stay.
        last: position after the last stay.

    Raises:
        DataError: a damaged ``events.parquet``.
    """
    low, high = int(bounds[first]), int(bounds[last])
    stay_of: Int32 = np.repeat(np.arange(first, last, dtype=np.int32), np.diff(bounds[first : last + 1]))
    with parquet(folder / "events.parquet") as file:
        columns = [name for name in ("time", "signal", "value", "arrival") if name in file.schema_arrow.names]
        begin = 0
        for group in range(file.num_row_groups):
            end = begin + file.metadata.row_group(group).num_rows
            a, b = max(begin, low), min(end, high)
            if a < b:
                table = file.read_row_group(group, columns=columns).slice(a - begin, b - a).combine_chunks()
                yield _samples(table, stay_of[a - low : b - low])
            begin = end


def _samples(table: pa.Table, stay: Int32) -> Samples:
    signal = table["signal"].combine_chunks()
    if not pa.types.is_dictionary(signal.type):
        signal = signal.dictionary_encode()
    return Samples(
        stay,
        _integers(table["time"]),
        signal.indices.to_numpy().astype(np.int16),
        table["value"].to_numpy(),
        tuple(signal.dictionary.to_pylist()),
        _integers(table["arrival"]) if "arrival" in table.column_names else None,
    )


def _integers(times: pa.ChunkedArray) -> Int64:
    return np.asarray(times.cast(pa.int64()).to_numpy(), np.int64)
