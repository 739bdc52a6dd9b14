"""The samples of a long or wide table, in the catalogue's units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from vitals.cohort.columns import Columns
from vitals.cohort.mapping import Channel
from vitals.cohort.tables import Samples
from vitals.cohort.units import conversion
from vitals.errors import DataError, nearest
from vitals.signals import catalogue
from vitals.windowing.types import Int32, Int64

_NAMES = tuple(catalogue())


@dataclass(frozen=True)
class ReadSamples:
    """Samples in the order of their file.

    Attributes:
        columns: the file.
        samples: what was in it.
        row: the row of each sample, ``(n,)``.
    """

    columns: Columns
    samples: Samples
    row: Int64

    def place(self, position: int) -> str:
        """Where a sample comes from, in words."""
        return f"{self.columns.path}, row {self.row[position] + 1}"


def read_long(columns: Columns, stay_ids: pd.Series) -> ReadSamples:
    """The samples of a table with a row for each of them.

    Raises:
        DataError: as :func:`vitals.cohort.table.import_table` says.
    """
    rules = columns.mapping
    names = columns.text(rules.events.signal)
    code, distinct = pd.factorize(names)
    for i, name in enumerate(distinct):
        _refuse_unknown(str(name), columns, columns.place(int(np.argmax(code == i)), rules.events.signal))
    # An empty value in a row of its own says nothing that the row's absence would not: it is refused like "null" is,
    # unless the mapping names it.
    given = columns.present(rules.events.value, blank_is_missing=False)
    read = given & np.array([name in rules.signals for name in distinct])[code]
    value = np.full(len(columns), np.nan)
    signal = np.zeros(len(columns), np.int16)
    for i, name in enumerate(distinct):
        rows = np.flatnonzero(read & (code == i))
        if len(rows):
            channel = rules.signals[str(name)]
            signal[rows] = _NAMES.index(channel.signal)
            numbers = columns.numbers(rules.events.value, rows, channel.codes)
            value[rows] = _converted(numbers, rows, channel, columns)
    rows = np.flatnonzero(read)
    return _read(columns, stay_ids, rows, signal[rows], value[rows])


def read_wide(columns: Columns, stay_ids: pd.Series) -> ReadSamples:
    """The samples of a table with a row for each time and a column for each signal.

    Raises:
        DataError: as :func:`vitals.cohort.table.import_table` says.
    """
    rules = columns.mapping
    used = {rules.events.stay_id, rules.events.time, rules.events.arrival}
    for name in columns.frame.columns:
        if name not in used:
            _refuse_unknown(name, columns, f"{columns.path}, column {name}")
    here = [name for name in rules.signals if name in columns.frame.columns]
    value = np.full((len(columns), len(here)), np.nan)
    for i, name in enumerate(here):
        rows = np.flatnonzero(columns.present(name))
        numbers = columns.numbers(name, rows, rules.signals[name].codes)
        value[rows, i] = _converted(numbers, rows, rules.signals[name], columns)
    row, column = np.nonzero(~np.isnan(value))
    signal = np.array([_NAMES.index(rules.signals[name].signal) for name in here], np.int16)
    return _read(columns, stay_ids, row, signal[column], value[row, column])


def _read(columns: Columns, stay_ids: pd.Series, row: Int64, signal: np.ndarray, value: np.ndarray) -> ReadSamples:
    events = columns.mapping.events
    distinct, of_row = np.unique(row, return_inverse=True)
    stay = _stay_positions(columns, stay_ids, distinct)[of_row]
    time = columns.times(events.time, distinct)[of_row]
    arrival = columns.times(events.arrival, distinct)[of_row] if events.arrival else None
    samples = Samples(stay, time, signal, value.astype(np.float32), _NAMES, arrival)
    read = ReadSamples(columns, samples, row)
    if arrival is None:
        _refuse_backwards(read, stay_ids)
    return read


def _stay_positions(columns: Columns, stay_ids: pd.Series, rows: Int64) -> Int32:
    text = columns.text(columns.mapping.events.stay_id, rows)
    position = pd.Index(stay_ids).get_indexer(pd.Index(text))
    unknown = np.flatnonzero(position < 0)
    if len(unknown):
        came = f'stay "{text.iloc[unknown[0]]}" ({len(unknown)} such rows)'
        place = columns.place(int(rows[unknown[0]]), columns.mapping.events.stay_id)
        raise DataError(place, came, "a stay of the table of stays", "add the stay there, or remove the rows")
    return np.asarray(position, np.int32)


def _converted(numbers: np.ndarray, rows: Int64, channel: Channel, columns: Columns) -> np.ndarray:
    """Numbers in the catalogue's unit: from the unit of the row, else the mapping's, else they are in it already."""
    unit_column = columns.mapping.events.unit
    if not unit_column:
        factor, offset = conversion(channel.signal, channel.unit) if channel.unit else (1.0, 0.0)
        return numbers * factor + offset
    present = columns.present(unit_column)[rows]
    units = columns.frame[unit_column].iloc[rows].astype(str).where(present, channel.unit)
    out = numbers.copy()
    for unit in dict.fromkeys(units):
        mine = (units == unit).to_numpy()
        place = columns.place(int(rows[np.argmax(mine)]), unit_column)
        if not unit:
            cure = f"fill it in, or give {channel.signal} a unit in [signals]"
            raise DataError(place, f"no unit ({int(mine.sum())} such rows)", f"the unit of {channel.signal}", cure)
        factor, offset = conversion(channel.signal, unit, place)
        out[mine] = numbers[mine] * factor + offset
    return out


def _refuse_unknown(name: str, columns: Columns, place: str) -> None:
    rules = columns.mapping
    if name not in rules.signals and not rules.ignores(name):
        cure = f"add it to [signals] or to ignore; {nearest(name, rules.signals)}"
        raise DataError(place, f'unknown signal "{name}"', "a name that the mapping knows", cure)


def _refuse_backwards(read: ReadSamples, stay_ids: pd.Series) -> None:
    samples = read.samples
    rank = np.argsort(samples.stay, kind="stable")
    stay, time = samples.stay[rank], samples.time[rank]
    back = np.flatnonzero((np.diff(time) < 0) & (np.diff(stay) == 0)) + 1
    if len(back):
        at = int(rank[back[np.argmin(rank[back])]])
        where = f"{read.place(at)}, column {read.columns.mapping.events.time}"
        came = (
            f"a time before that of the row before, of stay {stay_ids.iloc[samples.stay[at]]} ({len(back)} such rows)"
        )
        cure = "sort each stay by time, or name the column of the arrival"
        raise DataError(where, came, "times that run forwards", cure)
