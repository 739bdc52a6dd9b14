"""Risks for a plain data frame of samples, of pandas or any library like it, without importing one."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.errors import DataError, nearest
from vitals.scoring.model import Model
from vitals.scoring.ward_step import score_rows
from vitals.signals import catalogue
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.repair import possible
from vitals.windowing.rules import rules_of
from vitals.windowing.types import REPAIRED, Events, Int64

_SAMPLES = ("stay_id", "time", "signal", "value")
_STAYS = ("stay_id", "admitted", "discharged")


def score_frame(model: Model, samples: Any, stays: Any = None) -> Any:
    """One risk for every step of every stay in a data frame.

    Args:
        model: an opened model.
        samples: columns ``stay_id, time, signal, value`` and, where known, ``arrival``, by which they are put in order
            (else by ``time``); times are timestamps (UTC where they name no zone) or whole microseconds. Signals of the
            catalogue that the model does not read are left out.
        stays: columns ``stay_id, admitted, discharged`` and the model's demographics, where known. Without it a stay
            begins at the start of its first sample's step and ends with its last sample, as in a feed that sends no
            admissions.

    Returns:
        A data frame of the same kind: ``stay_id``, ``prediction_time`` (microseconds, UTC) and ``risk`` (float32, NaN
        where there is none).

    Raises:
        DataError: a missing column, an unknown signal, a value that is no number, a sample of a stay that ``stays``
            does not hold, or times that cannot be read.

    Warns:
        UserWarning: samples that are late, doubled or impossible were left out, or some came in another unit; it says
            how many.
    """
    name, bed = _stays(samples, stays)
    time, value = _times(samples, "time"), np.asarray(samples["value"], np.float32)
    channel = _channels(model, samples)
    _refuse_no_number(value)
    order = np.argsort(_times(samples, "arrival") if "arrival" in samples.columns else time, kind="stable")
    bed, time, channel, value = bed[order], time[order], channel[order], value[order]
    events = Events(bed, time, channel, value).take(channel >= 0)
    carry = Carry.empty(model.settings, len(name))
    until: Int64 | None = None
    left_out = Counter[str]()
    if stays is None:
        given, events = len(events), _admit_by_sample(model, carry, events)
        left_out["impossible"] = given - len(events)
    else:
        admitted, until = _times(stays, "admitted"), _times(stays, "discharged")
        carry.admit(np.arange(len(name)), admitted)
        events = _demographics(model, stays, admitted).followed_by(events)
    parts = _score(model, carry, events, until, left_out)
    _warn(left_out)
    bed_of_row, time_of_row, risk = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((time_of_row, bed_of_row))
    stamps = time_of_row[order].astype("datetime64[us]")
    return type(samples)({"stay_id": name[bed_of_row[order]], "prediction_time": stamps, "risk": risk[order]})


def _score(
    model: Model, carry: Carry, events: Events, until: Int64 | None, left_out: Counter[str]
) -> list[tuple[NDArray[np.int32], Int64, NDArray[np.float32]]]:
    """Rows of the samples, then those up to the discharges, or without them up to the last sample, as at a feed's end."""
    hidden, parts = model.initial_hidden(carry.beds), []
    carry, rows, dropped = advance(model.settings, carry, events, until)
    left_out.update(dropped.counts())
    parts.append((rows.bed, rows.time, score_rows(model, hidden, rows)))
    if until is None:
        none = events.take(np.zeros(len(events), bool))
        carry, rows, dropped = advance(model.settings, carry, none, carry.slabs.watermark.copy())
        left_out.update(dropped.counts())
        parts.append((rows.bed, rows.time, score_rows(model, hidden, rows)))
    return parts


def _admit_by_sample(model: Model, carry: Carry, events: Events) -> Events:
    """Admit each stay at the start of the step of its first possible sample, and leave out what no patient can have."""
    rules, step = rules_of(model.settings), int(model.settings.window.step)
    usable = possible(rules.limits, events.signal, events.value)
    stay, first = np.unique(events.bed[usable], return_index=True)
    place = np.flatnonzero(usable)[first]
    carry.admit(stay, (events.time[place] - 1) // step * step)
    return events.take(usable)


def _stays(samples: Any, stays: Any) -> tuple[NDArray[np.object_], NDArray[np.int32]]:
    _require(samples, _SAMPLES, "samples")
    given = np.asarray(samples["stay_id"], object)
    if stays is None:
        name, bed = np.unique(given.astype(str), return_inverse=True)
        return np.asarray(name, object), np.asarray(bed, np.int32)
    _require(stays, _STAYS, "stays")
    name = np.asarray(stays["stay_id"], object)
    place = {stay: i for i, stay in enumerate(name.tolist())}
    if len(place) < len(name):
        raise DataError("stays stay_id", "the same stay twice", "one row a stay", "drop one of them")
    bed = np.array([place.get(stay, -1) for stay in given.tolist()], np.int32)
    if len(bed) and bed.min() < 0:
        stay = given[int(bed.argmin())]
        raise DataError(f"samples row {int(bed.argmin())}", f"stay {stay}", "a stay of the table stays", "add it there")
    return np.asarray(name, object), np.asarray(bed, np.int32)


def _require(frame: Any, columns: tuple[str, ...], where: str) -> None:
    present = [str(column) for column in frame.columns]
    for column in columns:
        if column not in present:
            raise DataError(
                f"{where} column {column}", "nothing", "the column", f"rename one: {nearest(column, present)}"
            )


def _times(frame: Any, column: str) -> Int64:
    times = np.asarray(frame[column])
    if times.dtype.kind in "iu":
        return times.astype(np.int64)
    try:
        stamps = np.asarray(frame[column], "datetime64[us]")
    except (TypeError, ValueError) as error:
        cure = "convert the column, for example with pandas.to_datetime(..., utc=True)"
        raise DataError(f"column {column}", f"{times.dtype}", "timestamps or whole microseconds", cure) from error
    if np.isnat(stamps).any():
        row = int(np.flatnonzero(np.isnat(stamps))[0])
        raise DataError(f"column {column}, row {row}", "no time", "a time", "drop the row or fill it in")
    return stamps.astype(np.int64)


def _refuse_no_number(value: NDArray[np.float32]) -> None:
    wrong = np.flatnonzero(~np.isfinite(value))
    if len(wrong):
        where = f"samples column value, row {wrong[0]}"
        raise DataError(where, f"{value[wrong[0]]}", "a number", f"drop the {len(wrong)} rows that have none")


def _warn(left_out: Counter[str]) -> None:
    repaired = left_out.pop(REPAIRED, 0)
    if left_out.total():
        said = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted((+left_out).items()))
        warnings.warn(f"samples left out: {said}", UserWarning, stacklevel=3)
    if repaired:
        warnings.warn(f"samples converted from another unit: {repaired}", UserWarning, stacklevel=3)


def _channels(model: Model, samples: Any) -> NDArray[np.int16]:
    known = {name: i for i, name in enumerate(model.settings.channels)}
    names, code = np.unique(np.asarray(samples["signal"], str), return_inverse=True)
    for name in names.tolist():
        if name not in known and name not in catalogue():
            wanted, cure = "a signal of the catalogue", nearest(name, known)
            raise DataError("samples column signal", f'unknown signal "{name}"', wanted, cure)
    return np.array([known.get(name, -1) for name in names.tolist()], np.int16)[code]


def _demographics(model: Model, stays: Any, admitted: Int64) -> Events:
    """The demographics that the table of stays holds, as samples at the admission."""
    none = np.zeros(0, np.int64)
    events = Events(none.astype(np.int32), none, none.astype(np.int16), none.astype(np.float32))
    for i, name in enumerate(model.settings.demographics):
        if name in stays.columns:
            value = np.asarray(stays[name], np.float32)
            known = np.flatnonzero(~np.isnan(value))
            channel = np.full(len(known), len(model.settings.signals) + i, np.int16)
            events = events.followed_by(Events(known.astype(np.int32), admitted[known], channel, value[known]))
    return events
