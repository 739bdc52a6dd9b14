"""Risks for a plain data frame of samples, of pandas or any library like it, without importing one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.errors import DataError, nearest
from vitals.scoring.model import Model
from vitals.scoring.ward_step import score_rows
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.types import Events, Int64

_SAMPLES = ("stay_id", "time", "signal", "value")
_STAYS = ("stay_id", "admitted", "discharged")


def score_frame(model: Model, samples: Any, stays: Any = None) -> Any:
    """One risk for every step of every stay in a data frame.

    Args:
        model: an opened model.
        samples: columns ``stay_id, time, signal, value``, in order of arrival; times are timestamps (UTC where they
            name no zone) or whole microseconds. Signals the model does not read are left out.
        stays: columns ``stay_id, admitted, discharged`` and the model's demographics, where known. Without it a stay
            begins at the start of its first sample's step and ends with its last sample, as in a feed that sends no
            admissions.

    Returns:
        A data frame of the same kind: ``stay_id``, ``prediction_time`` (microseconds, UTC) and ``risk`` (float32, NaN
        where there is none).

    Raises:
        DataError: a missing column, a sample of a stay that ``stays`` does not hold, or times that cannot be read.
    """
    name, bed = _stays(samples, stays)
    time, value = _times(samples, "time"), np.asarray(samples["value"], np.float32)
    channel = _channels(model, samples)
    if stays is None:
        begin, end = _implied(model, len(name), bed, time, channel)
        events = Events(*_chosen(channel >= 0, bed, time, channel, value))
    else:
        begin, end = _times(stays, "admitted"), _times(stays, "discharged")
        first, later = _demographics(model, stays, begin), _chosen(channel >= 0, bed, time, channel, value)
        events = Events(*map(np.concatenate, zip(first, later, strict=True)))
    carry = Carry.empty(model.settings, len(name))
    carry.admit(np.arange(len(name)), begin)
    _, rows, _ = advance(model.settings, carry, events, until=end)
    risk = score_rows(model, model.initial_hidden(len(name)), rows)
    return type(samples)(
        {"stay_id": name[rows.bed], "prediction_time": rows.time.astype("datetime64[us]"), "risk": risk}
    )


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


def _channels(model: Model, samples: Any) -> NDArray[np.int16]:
    known = {name: i for i, name in enumerate(model.settings.signals)}
    names, code = np.unique(np.asarray(samples["signal"], str), return_inverse=True)
    return np.array([known.get(name, -1) for name in names.tolist()], np.int16)[code]


def _implied(
    model: Model, stays: int, bed: NDArray[np.int32], time: Int64, channel: NDArray[np.int16]
) -> tuple[Int64, Int64]:
    """Admissions and discharges of stays of which only samples are known."""
    step, used = int(model.settings.window.step), channel >= 0
    first = np.full(stays, np.iinfo(np.int64).max)
    last = np.full(stays, np.iinfo(np.int64).min)
    order = np.flatnonzero(used)[::-1]
    first[bed[order]] = time[order]  # the sample that arrived first is written last
    np.maximum.at(last, bed[used], time[used])
    silent = first > last
    first[silent], last[silent] = 1, 0
    return (first - 1) // step * step, last


def _demographics(model: Model, stays: Any, admitted: Int64) -> tuple[NDArray[Any], ...]:
    parts = []
    for i, name in enumerate(model.settings.demographics):
        if name in stays.columns:
            value = np.asarray(stays[name], np.float32)
            known = np.flatnonzero(~np.isnan(value))
            channel = np.full(len(known), len(model.settings.signals) + i, np.int16)
            parts.append((known.astype(np.int32), admitted[known], channel, value[known]))
    empty = (np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int16), np.zeros(0, np.float32))
    return tuple(map(np.concatenate, zip(empty, *parts, strict=True)))


def _chosen(keep: NDArray[np.bool_], *columns: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    return tuple(column[keep] for column in columns)
