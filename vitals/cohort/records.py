"""Read the records of the 2012 challenge into blocks: ``set-a/*.txt`` many at a time, ``events.parquet`` whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pcompute
import pyarrow.csv as pc

from vitals.cohort.alike import read_alike
from vitals.cohort.reading import parquet, read_frame
from vitals.cohort.tables import require
from vitals.errors import DataError
from vitals.windowing.types import Float32, Int16, Int32, Int64

_COLUMNS = {"Time": pa.string(), "Parameter": pa.dictionary(pa.int32(), pa.string()), "Value": pa.float32()}
_PARQUET_COLUMNS = ("record_id", "set", "minutes", "parameter", "value")
_FILES_AT_ONCE = 1000
_RECORDS_AT_ONCE = 2000


@dataclass(frozen=True)
class Block:
    """Some records, row after row.

    Attributes:
        ids: record ids, ``(S,)``.
        sets: the challenge's set of each record, ``(S,)``.
        record: position in ``ids``, ``(n,)``, non-decreasing.
        minutes: since admission, ``(n,)``.
        parameter: position in ``names``, ``(n,)``.
        value: ``(n,)``.
        names: the challenge's names of parameters.
        files: the file of each record, or the one file of all.
        first_row: number of rows of that one file before this block.
        size: bytes of the source that this block stands for.
    """

    ids: list[str]
    sets: list[str]
    record: Int32
    minutes: Int64
    parameter: Int16
    value: Float32
    names: tuple[str, ...]
    files: Sequence[Path]
    first_row: int
    size: int

    def place(self, row: int) -> str:
        """Where a row of this block lies, in words."""
        record = int(self.record[row])
        if self.files[0].suffix == ".txt":  # line 1 is the header, line 2 the record id
            return f"{self.files[record]}, line {row - int(np.searchsorted(self.record, record)) + 3}"
        return f"{self.files[0]}, row {self.first_row + row + 1} (record {self.ids[record]})"


def read_text(paths: Sequence[Path]) -> Iterator[Block]:
    """The records of many ``set-a/*.txt``.

    Raises:
        DataError: an empty file, a short line, a time or value of another form, a first line that is no record id.
    """
    for begin in range(0, len(paths), _FILES_AT_ONCE):
        files = paths[begin : begin + _FILES_AT_ONCE]
        table, starts = read_alike(files, ",", _COLUMNS)
        names = table["Parameter"].unify_dictionaries().combine_chunks()
        parameter = names.indices.to_numpy().astype(np.int16)
        known = tuple(names.dictionary.to_pylist())
        value = table["Value"].to_numpy()
        first = starts[:-1]
        ids = [path.stem for path in files]
        for path, code, number in zip(files, parameter[first].tolist(), value[first].tolist(), strict=True):
            if known[code] != "RecordID" or number != float(path.stem):
                came = f"{known[code]} {number:g}"
                raise DataError(f"{path}, line 2", came, f"RecordID {path.stem}", "give the file its record's name")
        record = np.repeat(np.arange(len(files), dtype=np.int32), np.diff(starts))
        minutes = _minutes(table["Time"], record, starts, files)
        rest = np.ones(len(record), np.bool_)
        rest[first] = False
        sets = [path.parent.name.removeprefix("set-") for path in files]
        size = sum(path.stat().st_size for path in files)
        yield Block(ids, sets, record[rest], minutes[rest], parameter[rest], value[rest], known, files, 0, size)


def read_parquet(path: Path) -> Iterator[Block]:
    """The records of an ``events.parquet``; its rows must lie record by record.

    Raises:
        DataError: a damaged or empty file, a missing column or value.
    """
    with parquet(path) as file:
        for name in _PARQUET_COLUMNS:
            if name not in file.schema_arrow.names:
                came = ", ".join(file.schema_arrow.names)
                raise DataError(str(path), f"columns {came}", f'a column "{name}"', "take the file as it was published")
        table = file.read(columns=list(_PARQUET_COLUMNS))
    if not len(table):
        raise DataError(str(path), "no row", "the rows of the challenge", "download it again")
    for name in _PARQUET_COLUMNS:
        if table[name].null_count:
            row = int(np.flatnonzero(table[name].is_null().to_numpy())[0])
            raise DataError(
                f"{path}, row {row + 1}, column {name}", "nothing", "a value in every row", "remove the row"
            )
    record_id = table["record_id"].to_numpy()
    names = table["parameter"].dictionary_encode().unify_dictionaries().combine_chunks()
    parameter, known = names.indices.to_numpy().astype(np.int16), tuple(names.dictionary.to_pylist())
    minutes, value = table["minutes"].to_numpy().astype(np.int64), table["value"].to_numpy().astype(np.float32)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(record_id)) + 1, [len(record_id)]])
    sets = np.asarray(table["set"].take(pa.array(starts[:-1])).to_pylist())
    for i in range(0, len(starts) - 1, _RECORDS_AT_ONCE):
        bounds = starts[i : i + _RECORDS_AT_ONCE + 1]
        rows = slice(int(bounds[0]), int(bounds[-1]))
        record = np.repeat(np.arange(len(bounds) - 1, dtype=np.int32), np.diff(bounds))
        ids = [str(number) for number in record_id[bounds[:-1]].tolist()]
        share = path.stat().st_size * (rows.stop - rows.start) // len(record_id)
        here = sets[i : i + _RECORDS_AT_ONCE].tolist()
        yield Block(ids, here, record, minutes[rows], parameter[rows], value[rows], known, [path], rows.start, share)


def read_deaths(path: Path) -> dict[str, bool]:
    """Which records ended with death in hospital, from ``Outcomes-a.txt`` or ``outcomes.parquet``.

    Raises:
        DataError: a damaged file, a missing column, an outcome that is neither 0 nor 1.
    """
    if path.suffix == ".parquet":
        frame, key = read_frame(path), "record_id"
    else:
        try:
            frame, key = pc.read_csv(path).to_pandas(), "RecordID"
        except (pa.ArrowException, OSError) as error:
            raise DataError(str(path), str(error), "a table of outcomes", "download it again") from None
    require(frame, (key, "In-hospital_death"), str(path))
    died = frame["In-hospital_death"]
    if not died.isin([0, 1]).all():
        row = int(np.flatnonzero(~died.isin([0, 1]).to_numpy())[0])
        where, came = f"{path}, row {row + 1}, column In-hospital_death", repr(died.iloc[row])
        raise DataError(where, came, "0 or 1", "mend the value")
    return {str(record): bool(dead) for record, dead in zip(frame[key].tolist(), died.tolist(), strict=True)}


def _minutes(clock: pa.ChunkedArray, record: Int32, starts: Int64, files: Sequence[Path]) -> Int64:
    """``"HH:MM"`` as minutes, each distinct text read once."""
    coded = clock.dictionary_encode().unify_dictionaries().combine_chunks()
    texts = coded.dictionary
    well = pcompute.match_substring_regex(texts, r"^\d{2,3}:[0-5]\d$").to_numpy(zero_copy_only=False)
    code = coded.indices.to_numpy()
    if not well.all():
        row = int(np.flatnonzero(~well[code])[0])
        where = f"{files[record[row]]}, line {row - int(starts[record[row]]) + 2}, column Time"
        raise DataError(where, f'"{texts[code[row]].as_py()}"', 'a time such as "07:15"', "mend the time")
    minutes = np.array([int(text[:-3]) * 60 + int(text[-2:]) for text in texts.to_pylist()], np.int64)
    return np.asarray(minutes[code])
