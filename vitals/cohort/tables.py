"""The three tables of a cohort: their columns, and the refusal of what no cohort can mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vitals.errors import DataError, nearest
from vitals.labelling.labels import NO_ONSET, ended_words
from vitals.signals import catalogue
from vitals.spec.duration import Duration
from vitals.windowing.types import Float32, Int16, Int32, Int64

STAY_COLUMNS = ("stay_id", "subject_id", "site", "admitted", "discharged")
OUTCOME_COLUMNS = ("stay_id", "kind", "onset")
OUTCOME_TIMES = ("end", "recognised")  # where known: when the event was over, when clinicians first saw or treated it
EVENT_COLUMNS = ("stay_id", "time", "signal", "value")
_MISSING = np.iinfo(np.int64).min  # what NaT is as a whole number
DEMOGRAPHICS = tuple(name for name, entry in catalogue().items() if entry.kind == "demographic")


@dataclass(frozen=True)
class Samples:
    """Samples ordered by stay and within a stay as they arrived.

    Attributes:
        stay: position in the table of stays they belong to, ``(n,)`` int32, non-decreasing.
        time: when each was measured, ``(n,)`` int64 microseconds UTC.
        signal: position in ``names``, ``(n,)`` int16.
        value: in the unit of the catalogue, ``(n,)`` float32.
        names: the names of the signals that ``signal`` counts in.
        arrival: when each reached the record, ``(n,)`` int64 microseconds UTC; None where the source does not know.
    """

    stay: Int32
    time: Int64
    signal: Int16
    value: Float32
    names: tuple[str, ...]
    arrival: Int64 | None = None

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.stay)

    @property
    def order(self) -> Int64:
        """The time that orders the samples of a stay: arrival, or time where arrival is unknown."""
        return self.time if self.arrival is None else self.arrival

    def ordered(self) -> Samples:
        """The same samples in order; those that tie keep the order in which they came."""
        stay, order = self.stay, self.order
        step, turn = np.diff(stay), np.diff(order)
        if not ((step < 0) | ((step == 0) & (turn < 0))).any():
            return self
        rank = np.lexsort((order, stay))
        arrival = None if self.arrival is None else self.arrival[rank]
        return Samples(stay[rank], self.time[rank], self.signal[rank], self.value[rank], self.names, arrival)


def require(frame: pd.DataFrame, columns: Iterable[str], where: str) -> None:
    """Refuse a table that lacks a column.

    Raises:
        DataError: the first column that is missing, with the nearest name among those there.
    """
    for column in columns:
        if column not in frame.columns:
            names = [str(name) for name in frame.columns]
            cure = nearest(column, names) if names else "the table has no columns at all"
            raise DataError(where, f'no column "{column}"', f'a column "{column}"', cure)


def microseconds(times: pd.Series, where: str, missing: int | None = None) -> Int64:
    """Times as int64 microseconds UTC; a time without a zone is taken as UTC, a whole number as microseconds.

    Args:
        times: ``(n,)``.
        where: the column, to name in an error.
        missing: what a missing time becomes; without it a missing time is refused.

    Raises:
        DataError: a missing time, or a column that holds no times.

    Example:
        >>> microseconds(pd.Series([7, None]), "outcomes.end", missing=-1).tolist()
        [7, -1]
    """
    gone = times.isna().to_numpy()
    if gone.any() and missing is not None:
        known = times[~gone].infer_objects()
        if pd.api.types.is_float_dtype(known.dtype) and (known % 1 == 0).all():
            known = known.astype(np.int64)  # whole numbers beside a missing one are floats in pandas
        out = np.full(len(times), missing, np.int64)
        out[~gone] = microseconds(known, where)
        return out
    if gone.any():
        row = int(np.flatnonzero(gone)[0])
        came, cure = f"{int(times.isna().sum())} missing, first in row {row + 1}", "fill it in or remove the row"
        raise DataError(where, came, "a time in every row", cure)
    if not len(times):
        return np.empty(0, np.int64)
    if pd.api.types.is_integer_dtype(times.dtype):
        return times.to_numpy(np.int64)
    if not pd.api.types.is_datetime64_any_dtype(times.dtype):
        raise DataError(where, f"{times.dtype} values", "timestamps or whole microseconds", "convert the column")
    utc = times.dt.tz_localize("UTC") if times.dt.tz is None else times.dt.tz_convert("UTC")
    return np.asarray(utc.dt.as_unit("us").astype(np.int64), dtype=np.int64)


def timestamps(times: Int64) -> pd.Series:
    """Int64 microseconds UTC as a column of timestamps; ``NO_ONSET``, a time that is not known, is a missing one.

    Example:
        >>> str(timestamps(np.array([0]))[0])
        '1970-01-01 00:00:00+00:00'
    """
    whole = np.asarray(times, np.int64)
    known = np.where(whole == NO_ONSET, _MISSING, whole)
    return pd.Series(known.view("datetime64[us]")).dt.tz_localize("UTC")


def canonical_stays(stays: pd.DataFrame, where: str = "stays") -> pd.DataFrame:
    """The table of stays with its columns in order, ids as text, times in UTC, demographics as float32.

    A column ``ended``, where there is one, has a word of :data:`~vitals.labelling.labels.ENDED` in every row.

    Raises:
        DataError: a missing column or value, a stay twice, a stay that ends before it begins, a patient in two sites,
            an unknown word in ``ended``.
    """
    require(stays, STAY_COLUMNS, where)
    out = {name: _text(stays[name], f"{where}.{name}") for name in STAY_COLUMNS[:3]}
    admitted, discharged = (microseconds(stays[name], f"{where}.{name}") for name in STAY_COLUMNS[3:])
    out["admitted"], out["discharged"] = timestamps(admitted), timestamps(discharged)
    if "ended" in stays.columns:
        out["ended"] = pd.Series(ended_words(stays["ended"].tolist(), f"{where}.ended"), dtype=str)
    for name in (name for name in DEMOGRAPHICS if name in stays.columns):
        out[name] = _numbers(stays[name], f"{where}.{name}")
    for name in (name for name in stays.columns if name not in out):
        out[name] = stays[name].reset_index(drop=True)
    table = pd.DataFrame(out)
    if not len(table):
        raise DataError(where, "no stay", "at least one stay", "check that the source is the one you meant")
    twice, backwards = table["stay_id"].duplicated().to_numpy(), discharged < admitted
    _refuse_first(twice, table, where, "seen before", "each stay once", "make stay ids distinct")
    wanted = "an end after the beginning"
    _refuse_first(backwards, table, where, "discharged before admitted", wanted, "mend the times")
    _refuse_two_sites(table, where)
    return table


def canonical_outcomes(
    outcomes: pd.DataFrame, stays: pd.DataFrame, slack: Duration, where: str = "outcomes"
) -> pd.DataFrame:
    """The table of outcomes, ordered as the stays are and by onset, ids as text, times in UTC.

    ``end`` and ``recognised`` are kept where they are there, and may be missing in some rows.

    Raises:
        DataError: a missing column or value, an unknown stay, an onset more than ``slack`` after the discharge, an end
            before its onset.
    """
    require(outcomes, OUTCOME_COLUMNS, where)
    onset = microseconds(outcomes["onset"], f"{where}.onset")
    table = pd.DataFrame({name: _text(outcomes[name], f"{where}.{name}") for name in OUTCOME_COLUMNS[:2]})
    position = pd.Index(stays["stay_id"]).get_indexer(pd.Index(table["stay_id"]))
    _refuse_first(position < 0, table, where, "no such stay in stays", "an outcome of a known stay", "remove it")
    after = onset - microseconds(stays["discharged"], "stays.discharged")[position]
    _refuse_first(
        after > slack, table, where, "an onset after discharge",
        f"an onset at most {slack.text} after it", "mend the onset or the discharge, or allow more onset_slack",
    )  # fmt: skip
    table["onset"] = timestamps(onset)
    for name in (name for name in OUTCOME_TIMES if name in outcomes.columns):
        when = microseconds(outcomes[name], f"{where}.{name}", missing=NO_ONSET)
        early = (when < onset) & (name == "end")
        _refuse_first(early, table, where, "an end before its onset", "a later one, or none", "mend the times")
        table[name] = timestamps(when)
    rank = np.lexsort((onset, position))
    return table.iloc[rank].reset_index(drop=True)


def refuse_bad_samples(samples: Samples, stay_ids: pd.Series) -> None:
    """Refuse samples of unknown signals and values that are no numbers.

    Raises:
        DataError: the first of them, with the count.
    """
    for name in samples.names:
        if name not in catalogue():
            raise DataError("events.signal", f'"{name}"', "a signal of the catalogue", nearest(name, catalogue()))
    bad = np.flatnonzero(~np.isfinite(samples.value))
    if len(bad):
        first = int(bad[0])
        where = f"events: stay {stay_ids.iloc[samples.stay[first]]}, {samples.names[samples.signal[first]]}"
        came = f"{samples.value[first]} as a value ({len(bad)} in all)"
        raise DataError(where, came, "finite numbers", "leave out what was not measured")


def _text(column: pd.Series, where: str) -> pd.Series:
    if column.isna().any():
        row = int(np.flatnonzero(column.isna().to_numpy())[0])
        raise DataError(f"{where}, row {row + 1}", "nothing", "an id in every row", "fill it in or remove the row")
    return column.astype(str).reset_index(drop=True)


def _numbers(column: pd.Series, where: str) -> pd.Series:
    try:
        numbers = column.astype(np.float32).reset_index(drop=True)
    except (TypeError, ValueError) as error:
        raise DataError(where, str(error), "numbers", "see the catalogue for how it is coded") from None
    if np.isinf(numbers.to_numpy()).any():
        row = int(np.flatnonzero(np.isinf(numbers.to_numpy()))[0])
        raise DataError(f"{where}, row {row + 1}", "an infinite value", "a number, or nothing", "mend the value")
    return numbers


def _refuse_first(bad: np.ndarray, table: pd.DataFrame, *message: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        where, came, wanted, cure = message
        stay = table["stay_id"].iloc[row]
        raise DataError(f'{where}, row {row + 1}, stay "{stay}"', f"{came} ({int(bad.sum())} in all)", wanted, cure)


def _refuse_two_sites(stays: pd.DataFrame, where: str) -> None:
    pairs = stays[["subject_id", "site"]].drop_duplicates()
    twice = pairs["subject_id"].duplicated()
    if twice.any():
        subject = pairs.loc[twice, "subject_id"].iloc[0]
        sites = ", ".join(pairs.loc[pairs["subject_id"] == subject, "site"])
        came = f'patient "{subject}" in sites {sites} ({pairs.loc[twice, "subject_id"].nunique()} such patients)'
        raise DataError(
            f"{where}.subject_id", came, "each patient in one site",
            "give different people different ids, or one site to both stays",
        )  # fmt: skip
