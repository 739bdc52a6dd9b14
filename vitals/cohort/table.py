"""Any CSV or Parquet tables, long or wide, as a cohort: a mapping file says what the columns mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vitals.cohort.columns import Columns, find_files, read_columns
from vitals.cohort.mapping import Mapping, OutcomeColumns, StayColumns, read_mapping
from vitals.cohort.samples import ReadSamples, read_long, read_wide
from vitals.cohort.store import Cohort, open_cohort
from vitals.cohort.tables import OUTCOME_COLUMNS, OUTCOME_TIMES, Samples, canonical_stays, timestamps
from vitals.cohort.units import conversion
from vitals.cohort.writing import About, Part, write_parts
from vitals.errors import DataError, nearest
from vitals.labelling.labels import ENDED, NO_ONSET
from vitals.windowing.types import Int64

Progress = Callable[[int, int, str], None]


def import_table(
    source: str | Path, destination: str | Path, mapping: str | Path | Mapping, progress: Progress | None = None
) -> Cohort:
    r"""Write somebody's tables as a cohort folder; nothing is repaired, what does not fit is refused.

    Args:
        source: the folder of the tables, or the one file of samples in it.
        destination: the cohort folder to write; it appears whole or not at all.
        mapping: what the columns mean: a TOML file (see ``settings/mappings/``) or a mapping already read.
        progress: called with files done, files in all, and the name of the file.

    Raises:
        SettingsError: a mapping that cannot be meant.
        DataError: a missing column, an unknown name, a unit that does not fit, a value that is no number, a stay, time
            and signal twice, a time that runs backwards without an arrival column, a stay without a sample, an onset
            after discharge, an end before its onset, an unknown word for how a stay ended, a patient in two sites;
            with file, row and column.

    Example:
        >>> import tempfile
        >>> rules = '''
        ... layout = "wide"
        ... events = { files = "chart.csv", stay_id = "stay", time = "time" }
        ... signals = { temp = { signal = "temperature", unit = "degF" } }
        ... [stays]
        ... file = "stays.csv"
        ... stay_id = "stay"
        ... subject_id = "stay"
        ... site_is = "north"
        ... admitted = "from"
        ... discharged = "to"
        ... '''
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "m.toml").write_text(rules)
        ...     _ = Path(folder, "chart.csv").write_text("stay,time,temp\n1,2024-03-01T10:00,100.4\n")
        ...     _ = Path(folder, "stays.csv").write_text("stay,from,to\n1,2024-03-01T09:00,2024-03-01T12:00\n")
        ...     cohort = import_table(folder, folder + "/cohort", folder + "/m.toml")
        ...     round(float(next(cohort.samples()).value[0]), 3)
        38.0
    """
    rules = mapping if isinstance(mapping, Mapping) else read_mapping(mapping)
    source = Path(source)
    if not source.exists():
        raise DataError(str(source), "no such file or folder", "CSV or Parquet tables", "check the path")
    root = source if source.is_dir() else source.parent
    files = find_files(root, rules.events.files) if source.is_dir() else [source]
    stays = _stays(read_columns(find_files(root, rules.stays.file)[0], rules))
    read: list[ReadSamples] = []
    for done, file in enumerate(files, start=1):
        columns = read_columns(file, rules)
        read.append((read_long if rules.layout == "long" else read_wide)(columns, stays["stay_id"]))
        if progress:
            progress(done, len(files), file.name)
    _refuse_unread(read, rules)
    samples = _joined([each.samples for each in read])
    if rules.duplicates == "refuse":
        _refuse_twice(read, samples, stays["stay_id"])
    if rules.empty_stays == "refuse":
        _refuse_empty(samples, stays["stay_id"])
    part = Part(stays, _outcomes(root, rules), samples)
    write_parts(destination, [part], About(rules.source, rules.licence, rules.onset_slack))
    return open_cohort(destination)


def _stays(columns: Columns) -> pd.DataFrame:
    rules: StayColumns = columns.mapping.stays
    table: dict[str, Any] = {
        "stay_id": columns.text(rules.stay_id),
        "subject_id": columns.text(rules.subject_id),
        "site": columns.text(rules.site) if rules.site else rules.site_is,
        "admitted": timestamps(columns.times(rules.admitted)),
        "discharged": timestamps(columns.times(rules.discharged)),
    }
    if rules.ended:
        table["ended"] = columns.words(rules.ended, rules.ended_codes, ENDED)
    for name, channel in rules.demographics.items():
        rows = np.flatnonzero(columns.present(name))
        where = f"{columns.path}, column {name}"
        factor, offset = conversion(channel.signal, channel.unit, where) if channel.unit else (1.0, 0.0)
        values = np.full(len(columns), np.nan, np.float32)
        values[rows] = columns.numbers(name, rows, channel.codes) * factor + offset
        table[channel.signal] = values
    for name in rules.extra:
        columns.present(name)
        if name in table:
            raise DataError(
                f"{columns.path}, column {name}", "a name that a cohort uses itself", "another", "rename it"
            )
        table[name] = columns.frame[name]
    return canonical_stays(pd.DataFrame(table), str(columns.path))


def _outcomes(root: Path, mapping: Mapping) -> pd.DataFrame:
    rules = mapping.outcomes
    if rules is None:
        return pd.DataFrame(dict.fromkeys(OUTCOME_COLUMNS, pd.Series([], dtype="datetime64[us]")))
    columns = read_columns(find_files(root, rules.file)[0], mapping)
    has = columns.present(rules.onset)  # an empty onset: the stay had none
    rows = np.flatnonzero(has)
    kind = columns.text(rules.kind, rows).to_numpy() if rules.kind else rules.kind_is
    stay = columns.text(rules.stay_id, rows).to_numpy()
    table = {"stay_id": stay, "kind": kind, "onset": timestamps(columns.times(rules.onset, rows))}
    _refuse_end_of_nothing(columns, rules, has)
    named = {name: getattr(rules, name) for name in OUTCOME_TIMES}
    return pd.DataFrame(table | {name: _where_known(columns, given, rows) for name, given in named.items() if given})


def _where_known(columns: Columns, column: str, rows: Int64) -> pd.Series:
    """The times of some rows; missing where the cell is empty."""
    known = columns.present(column)[rows]
    when = np.full(len(rows), NO_ONSET, np.int64)
    when[known] = columns.times(column, rows[known])
    return timestamps(when)


def _refuse_end_of_nothing(columns: Columns, rules: OutcomeColumns, has_onset: NDArray[np.bool_]) -> None:
    """An end without an onset; a recognition without one is a suspicion that came to nothing."""
    if rules.end and (odd := np.flatnonzero(columns.present(rules.end) & ~has_onset)).size:
        came = f"an end without an onset ({len(odd)} such rows)"
        cure = "fill in the onset, or leave the end out"
        raise DataError(columns.place(int(odd[0]), rules.end), came, f"a time in {rules.onset} too", cure)


def _joined(pieces: Sequence[Samples]) -> Samples:
    if any((piece.arrival is None) != (pieces[0].arrival is None) for piece in pieces):
        raise DataError("events", "files with and without arrival", "one kind", "import them one by one")
    arrival = None
    if pieces[0].arrival is not None:
        arrival = np.concatenate([piece.arrival for piece in pieces if piece.arrival is not None])
    stay, time, signal, value = (
        np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("stay", "time", "signal", "value")
    )
    return Samples(stay, time, signal, value, pieces[0].names, arrival)


def _refuse_unread(read: Sequence[ReadSamples], rules: Mapping) -> None:
    """A column that the mapping names must be in one of the files at least."""
    if rules.layout == "wide":
        there = {name for each in read for name in each.columns.frame.columns}
        for name in rules.signals:
            if name not in there:
                where = str(read[0].columns.path)
                raise DataError(where, f'no column "{name}"', "every column that [signals] names", nearest(name, there))


def _refuse_twice(read: Sequence[ReadSamples], samples: Samples, stay_ids: pd.Series) -> None:
    rank = np.lexsort((samples.signal, samples.time, samples.stay))
    keys = (samples.stay[rank], samples.time[rank], samples.signal[rank])
    same = np.logical_and.reduce([key[1:] == key[:-1] for key in keys])
    if same.any():
        twice = np.flatnonzero(same)
        at = int(twice[np.argmin(rank[twice + 1])])
        first, second = sorted((int(rank[at]), int(rank[at + 1])))
        came = (
            f"{samples.names[samples.signal[second]]} of stay {stay_ids.iloc[samples.stay[second]]} at the same time as in "
            f"{_place(read, first)} ({int(same.sum())} such samples)"
        )
        cure = 'keep the right one, or write duplicates = "keep" into the mapping'
        raise DataError(_place(read, second), came, "one value for a stay, time and signal", cure)


def _place(read: Sequence[ReadSamples], position: int) -> str:
    for each in read:
        if position < len(each.samples):
            return each.place(position)
        position -= len(each.samples)
    return "events"


def _refuse_empty(samples: Samples, stay_ids: pd.Series) -> None:
    empty = np.flatnonzero(np.bincount(samples.stay, minlength=len(stay_ids)) == 0)
    if len(empty):
        came = f"no sample ({len(empty)} such stays)"
        cure = 'remove the stay, or write empty_stays = "keep" into the mapping'
        raise DataError(f"stay {stay_ids.iloc[empty[0]]}", came, "at least one sample of every stay", cure)
