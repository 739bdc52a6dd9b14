"""Columns of somebody's CSV or Parquet file, with every error naming the file, the row and the column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc

from vitals.cohort.mapping import Mapping
from vitals.cohort.reading import read_frame
from vitals.cohort.tables import microseconds, require
from vitals.errors import DataError, nearest
from vitals.windowing.types import Int64

_SINCE_1970 = {"s": 1_000_000, "ms": 1_000, "us": 1}
_ZONE = r"\d:\d\d.*(?:[Zz]|[+-]\d\d:?\d\d)$"


@dataclass(frozen=True)
class Columns:
    """A file as a table whose values are read one column at a time.

    Attributes:
        path: the file.
        frame: CSV: all text, an empty cell being ""; Parquet: as stored.
        mapping: which texts are missing, how times are written.
    """

    path: Path
    frame: pd.DataFrame
    mapping: Mapping

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.frame)

    def place(self, row: int, column: str) -> str:
        """Where a value is, in words; rows count from 1 below the header."""
        return f"{self.path}, row {row + 1}, column {column}"

    def present(self, column: str, *, blank_is_missing: bool = True) -> np.ndarray:
        """Which rows have a value, ``(n,)`` bool.

        A value is missing when it is one of the mapping's ``missing``, or, with ``blank_is_missing``, when it is an
        empty cell (Parquet: null or NaN).

        Raises:
            DataError: no such column.
        """
        require(self.frame, [column], str(self.path))
        values, missing = self.frame[column], set(self.mapping.missing)
        absent = values.isna().to_numpy() & (blank_is_missing or bool(missing & {"", "NaN"}))
        if not pd.api.types.is_numeric_dtype(values.dtype):
            absent = absent | values.isin(list(missing | ({""} if blank_is_missing else set()))).to_numpy()
        return np.asarray(~absent)

    def text(self, column: str, rows: np.ndarray | None = None) -> pd.Series:
        """The values of some rows (None: of all) as text.

        Raises:
            DataError: no such column, or a row without a value.
        """
        return self._given(column, rows).astype(str)

    def _given(self, column: str, rows: np.ndarray | None) -> pd.Series:
        present = self.present(column)
        rows = np.arange(len(self)) if rows is None else rows
        absent = rows[~present[rows]]
        if len(absent):
            came = f"nothing ({len(absent)} such rows)"
            cure = "fill it in or remove the row"
            raise DataError(self.place(int(absent[0]), column), came, "a value in every row", cure)
        return self.frame[column].iloc[rows]

    def numbers(self, column: str, rows: np.ndarray, codes: dict[str, float]) -> np.ndarray:
        """The values of some rows as float64; ``codes`` says what words mean.

        Raises:
            DataError: a value that is no finite number.
        """
        values = self.frame[column].iloc[rows]
        if codes:
            words = values.astype(str)
            numbers = words.map(codes).astype(np.float64)
            numbers = numbers.where(words.isin(list(codes)), pd.to_numeric(words, errors="coerce"))
        else:
            numbers = pd.to_numeric(values, errors="coerce")
        out = numbers.to_numpy(np.float64, na_value=np.nan)
        bad = np.flatnonzero(~np.isfinite(out))
        if len(bad):
            came = f'"{values.iloc[bad[0]]}" ({len(bad)} such values)'
            cure = "mend it, name it in missing if it means not measured, or say in codes what it means"
            raise DataError(self.place(int(rows[bad[0]]), column), came, "a finite number", cure)
        return out

    def words(self, column: str, codes: dict[str, str], known: tuple[str, ...]) -> list[str]:
        """What every row says: one of ``known``, by itself or by ``codes``; "" where there is nothing.

        Raises:
            DataError: no such column, or another word.
        """
        present = self.present(column)
        cells = self.frame[column].astype(str).where(present, "").tolist()
        out = [codes.get(cell, cell) for cell in cells]
        unknown = [row for row, word in enumerate(out) if word and word not in known]
        if unknown:
            word = out[unknown[0]]
            came, wanted = f'"{word}" ({len(unknown)} such rows)', "one of " + ", ".join((*known, *codes))
            cure = f"{nearest(word, (*known, *codes))} else say in ended_codes what it means"
            raise DataError(self.place(unknown[0], column), came, wanted, cure)
        return out

    def times(self, column: str, rows: np.ndarray | None = None) -> Int64:
        """The times of some rows (None: of all) in microseconds UTC.

        Raises:
            DataError: no such column, a row without a time, a text that is no time of the mapping's form.
        """
        rows = np.arange(len(self)) if rows is None else rows
        values = self._given(column, rows)
        form = self.mapping.time_format
        if pd.api.types.is_datetime64_any_dtype(values.dtype):
            return self._localised(values, column)
        if form in _SINCE_1970:
            return np.asarray(np.rint(self.numbers(column, rows, {}) * _SINCE_1970[form]), np.int64)
        text = values.astype(str)
        zoned = text.str.contains(_ZONE, regex=True).to_numpy() if form == "iso" else np.full(len(text), "%z" in form)
        if zoned.any() and not zoned.all():
            odd = int(rows[np.flatnonzero(zoned != zoned[0])[0]])
            came = f'"{self.frame[column].iloc[odd]}"'
            raise DataError(self.place(odd, column), came, "all times with a zone, or none", "write them alike")
        pattern = "ISO8601" if form == "iso" else form
        parsed = pd.to_datetime(text, format=pattern, errors="coerce", utc=bool(zoned.any()))
        bad = np.flatnonzero(parsed.isna().to_numpy())
        if len(bad):
            came = f'"{text.iloc[bad[0]]}" ({len(bad)} such values)'
            wanted = "a time such as 2024-03-01T10:05:00" if form == "iso" else f"a time of the form {form}"
            raise DataError(self.place(int(rows[bad[0]]), column), came, wanted, "mend it, or change time_format")
        return self._localised(parsed, column)

    def _localised(self, times: pd.Series, column: str) -> Int64:
        where = f"{self.path}, column {column}"
        if times.dt.tz is None:
            try:
                times = times.dt.tz_localize(self.mapping.timezone)
            except (ValueError, KeyError) as error:  # an unknown zone, or an hour that summer time repeats or skips
                cure = "write the times with their zone, or in UTC"
                raise DataError(where, f"{error!r}", f"times of the zone {self.mapping.timezone}", cure) from None
        return microseconds(times, where)


def read_columns(path: Path, mapping: Mapping) -> Columns:
    """Open a CSV or Parquet file.

    Raises:
        DataError: no such file, an empty or damaged one, a line with too few or too many values.
    """
    if path.suffix == ".parquet":
        frame = read_frame(path)
    else:
        frame = _csv(path, mapping.delimiter)
    if not len(frame):
        raise DataError(str(path), "no row", "at least one row", "check that it is the file you meant")
    return Columns(path, frame, mapping)


def find_files(root: Path, pattern: str) -> list[Path]:
    """The files beneath ``root`` that a name or pattern means, in alphabetical order.

    Raises:
        DataError: there is none.
    """
    found = sorted(path for path in root.glob(pattern) if path.is_file())
    if not found:
        there = [path.name for path in root.iterdir() if path.is_file()] if root.is_dir() else []
        cure = nearest(pattern, there) if there else "check the path"
        raise DataError(str(root / pattern), "no such file", "a CSV or Parquet file", cure)
    return found


def _csv(path: Path, delimiter: str) -> pd.DataFrame:
    if path.stat().st_size == 0:
        raise DataError(str(path), "an empty file", "a header and rows below it", "make it again")
    try:
        with pc.open_csv(path, parse_options=pc.ParseOptions(delimiter=delimiter)) as reader:
            names = reader.schema.names
        convert = pc.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
        options = pc.ReadOptions(use_threads=False)  # only then does an error name its row
        table = pc.read_csv(path, options, pc.ParseOptions(delimiter=delimiter), convert)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _csv_error(path, str(error)) from None
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(str(path), f'two columns "{twice[0]}"', "each column once", "rename one of them")
    return pd.DataFrame(table.to_pandas())


def _csv_error(path: Path, message: str) -> DataError:
    match = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if match:
        where = f"{path}, row {int(match[1]) - 1}"
        return DataError(where, f"{match[3]} values", f"{match[2]} values, as in the header", "mend the line")
    return DataError(str(path), message, "a CSV file in UTF-8", "save it as CSV again; check the delimiter")
