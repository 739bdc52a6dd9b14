"""Predictions in the schema of MEDS (Medical Event Data Standard), as far as alerts can be judged on them.

A row says ``subject_id, prediction_time, boolean_value`` (whether the outcome comes within the task's horizon) and
``predicted_boolean_probability``. What the schema does not say, and what is assumed here:

- stays: without a table of them all predictions of a subject are one stay, from one step before the first to the last;
- the onset: only that it lies within the horizon after a positive row. Taken is the latest time it can have been, which
  makes lead times too long by up to one step (by up to the horizon where the first row is positive already);
- that an event ended, that a stay was lost, and when clinicians recognised the event: nothing of this is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.columns import Frame, microseconds_of
from vitals.errors import DataError, nearest
from vitals.spec.duration import Duration
from vitals.windowing.types import Int64

_POSITIVE, _NEGATIVE = ("True", "1", "1.0"), ("False", "0", "0.0")


class Columns(dict[str, NDArray[Any]]):
    """The smallest data frame: columns by name."""

    @property
    def columns(self) -> Iterator[str]:
        """Names of the columns."""
        return iter(self)


def from_meds(predictions: Frame, horizon: Duration | str, stays: Frame | None = None) -> tuple[Frame, Frame, Frame]:
    """Risks, stays and outcomes as :func:`vitals.alerting.evaluate` takes them.

    Args:
        predictions: ``subject_id, prediction_time, boolean_value, predicted_boolean_probability``.
        horizon: of the task, such as ``"24h"``; the schema does not carry it.
        stays: ``stay_id, subject_id, admitted, discharged`` and perhaps ``ended``; without it one stay a subject.

    Returns:
        Frames of risks, stays and outcomes.

    Raises:
        DataError: a missing column, a table of single predictions (alerts are judged along a stay), or a prediction
            outside the stays of its subject.

    Example:
        >>> import pandas as pd
        >>> hour = 3_600_000_000
        >>> told = pd.DataFrame({"subject_id": 7, "prediction_time": [hour, 2 * hour, 3 * hour],
        ...     "boolean_value": [False, True, True], "predicted_boolean_probability": [0.1, 0.3, 0.6]})
        >>> risks, stays, outcomes = from_meds(told, "6h")
        >>> int(outcomes["onset"][0]) // hour, int(stays["admitted"][0]) // hour
        (8, 0)
    """
    subject = np.asarray(_column(predictions, "subject_id"))
    time = microseconds_of(predictions, "prediction_time", "predictions")
    risk = np.asarray(_column(predictions, "predicted_boolean_probability"), np.float64)
    label = np.array([str(value) for value in np.asarray(_column(predictions, "boolean_value"), object)])
    if len(label) and not np.isin(label, (*_POSITIVE, *_NEGATIVE)).any():
        came, wanted = "no label that is true or false", "whether the outcome came, where it is known"
        raise DataError("predictions boolean_value", came, wanted, "bring the labels")
    whose, place = np.unique(subject, return_inverse=True)
    if stays is None:
        stays, stay = _one_each(whose, place, time), place
    else:
        stay = _within(stays, subject, time)
    order = np.lexsort((time, stay))
    stay, time, risk, label = stay[order], time[order], risk[order], label[order]
    names = np.asarray(stays["stay_id"])
    with_onset, onset = _onsets(stay, time, label, int(Duration.parse(horizon, "horizon")))
    return (
        Columns(stay_id=names[stay], prediction_time=time, risk=risk), stays,
        Columns(stay_id=names[with_onset], onset=onset),
    )  # fmt: skip


def _column(frame: Frame, name: str) -> Any:
    if name not in list(frame.columns):
        wanted = f"the column {name} of the MEDS prediction schema"
        raise DataError(f"predictions {name}", "no such column", wanted, nearest(name, map(str, frame.columns)))
    return frame[name]


def _one_each(whose: NDArray[Any], place: Int64, time: Int64) -> Frame:
    order = np.lexsort((time, place))
    gap = np.diff(time[order])[np.diff(place[order]) == 0]
    if not len(gap):
        came, wanted = "one prediction a subject", "predictions along a stay"
        raise DataError("predictions prediction_time", came, wanted, "predict again as the stay goes on")
    first, last = np.full(len(whose), np.iinfo(np.int64).max), np.full(len(whose), np.iinfo(np.int64).min)
    np.minimum.at(first, place, time)
    np.maximum.at(last, place, time)
    return Columns(stay_id=whose, subject_id=whose, admitted=first - int(np.median(gap)), discharged=last)


def _within(stays: Frame, subject: NDArray[Any], time: Int64) -> Int64:
    """The stay of each prediction, ``(R,)``: the last of its subject that began before it."""
    admitted, discharged = (microseconds_of(stays, name, "stays") for name in ("admitted", "discharged"))
    _, person = np.unique(np.concatenate([np.asarray(stays["subject_id"]), subject]), return_inverse=True)
    theirs, own = person[: len(admitted)], person[len(admitted) :]
    # stays and predictions in one order of person and time, a stay before a prediction of the same instant
    order = np.lexsort((np.repeat([0, 1], [len(theirs), len(own)]), np.append(admitted, time), np.append(theirs, own)))
    is_stay = order < len(theirs)
    latest = np.maximum.accumulate(np.where(is_stay, np.arange(len(order)), -1))
    stay = np.empty(len(order), np.int64)
    stay[order] = np.where(latest >= 0, order[latest], -1)
    found = stay[len(theirs) :]
    outside = (found < 0) | (theirs[found] != own) | (time > discharged[found])
    if outside.any():
        came = f"{int(outside.sum())} predictions outside the stays of their subjects"
        raise DataError(
            "predictions prediction_time", came, "predictions within stays", "leave them out, or add the stays"
        )
    return found


def _onsets(stay: Int64, time: Int64, label: NDArray[Any], horizon: int) -> tuple[Int64, Int64]:
    """Stays with a positive row, and the latest time their first onset can have been."""
    positive, negative = np.isin(label, _POSITIVE), np.isin(label, _NEGATIVE)  # missing: neither
    with_onset, row = np.unique(stay[positive], return_index=True)
    first = np.flatnonzero(positive)[row]
    onset = time[first] + horizon
    for i, start in enumerate(first.tolist()):
        rows = slice(start, int(np.searchsorted(stay, with_onset[i], side="right")))
        over = time[rows][negative[rows]]
        onset[i] = min(onset[i], over[0]) if len(over) else onset[i]
    return with_onset, onset
