"""Alerts on data frames: anybody's risks, from any library whose frames have columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.stays import Risks, Stays
from vitals.errors import DataError, nearest
from vitals.windowing.types import Int64


class Frame(Protocol):
    """A pandas or polars data frame, or anything with named columns."""

    @property
    def columns(self) -> Iterable[Any]:
        """Names of the columns."""

    def __getitem__(self, name: str, /) -> Any:
        """One column."""


def from_frames(risks: Frame, stays: Frame, outcomes: Frame, kind: str | None = None) -> tuple[Risks, Stays]:
    """Risks and stays as :func:`~vitals.alerting.evaluate.evaluate` and :func:`~vitals.alerting.tune.tune` take them.

    Times are datetimes (read as UTC where they name no zone) or whole microseconds.

    Args:
        risks: ``stay_id, prediction_time, risk``, in any order; a risk may be missing.
        stays: ``stay_id, subject_id, admitted, discharged``.
        outcomes: ``stay_id, onset`` and, where ``kind`` is given, ``kind``; a missing onset is none.
        kind: the kind of outcome to judge; None for all that are there.

    Raises:
        DataError: a missing column, a stay that ``stays`` does not have or has twice, a missing time, or two risks of
            a stay at one time.

    Example:
        >>> import pandas as pd
        >>> risks = pd.DataFrame({"stay_id": ["b", "a"], "prediction_time": [5, 5], "risk": [0.2, 0.9]})
        >>> stays = pd.DataFrame({"stay_id": ["a", "b"], "subject_id": [1, 2], "admitted": [0, 0], "discharged": [9, 9]})
        >>> onsets = pd.DataFrame({"stay_id": ["a"], "onset": [8]})
        >>> from_frames(risks, stays, onsets)[0].risk.tolist()
        [0.9, 0.2]
    """
    names = np.asarray(_column(stays, "stay_id", "stays")).tolist()
    index = {name: position for position, name in enumerate(names)}
    if len(index) < len(names):
        twice = next(name for position, name in enumerate(names) if index[name] != position)
        raise DataError("stays stay_id", f"{twice!r} twice", "each stay once", "leave out the duplicate")

    stay = _positions(risks, "risks", index)
    time = _microseconds(risks, "prediction_time", "risks")
    order = np.lexsort((time, stay))
    risk = np.asarray(_column(risks, "risk", "risks"), np.float64)

    chosen = np.ones(len(np.asarray(_column(outcomes, "stay_id", "outcomes"))), bool)
    if kind is not None:
        chosen &= np.asarray(_column(outcomes, "kind", "outcomes")) == kind
    onset = _microseconds(outcomes, "onset", "outcomes", missing=True)
    chosen &= onset != _MISSING
    return Risks.of(stay[order], time[order], risk[order]), Stays.of(
        np.asarray(_column(stays, "subject_id", "stays")),
        _microseconds(stays, "admitted", "stays"),
        _microseconds(stays, "discharged", "stays"),
        onset_stay=_positions(outcomes, "outcomes", index, chosen),
        onset_time=onset[chosen],
    )


_MISSING = np.iinfo(np.int64).min  # what NaT is as a whole number


def _column(frame: Frame, name: str, table: str) -> Any:
    if name not in list(frame.columns):
        raise DataError(f"{table} {name}", "no such column", "the column", nearest(name, map(str, frame.columns)))
    return frame[name]


def _positions(frame: Frame, table: str, index: dict[Any, int], chosen: NDArray[np.bool_] | None = None) -> Int64:
    names = np.asarray(_column(frame, "stay_id", table))
    names = names if chosen is None else names[chosen]
    try:
        return np.fromiter((index[name] for name in names.tolist()), np.int64, len(names))
    except KeyError as error:
        raise DataError(
            f"{table} stay_id", f"unknown stay {error}", "a stay of the stays table", "add the stay"
        ) from None


def _microseconds(frame: Frame, name: str, table: str, missing: bool = False) -> Int64:
    column = _column(frame, name, table)
    if "datetime" in str(column.dtype).lower():
        values = np.asarray(column, "datetime64[us]").astype(np.int64)
    else:
        values = np.asarray(column)
        if values.dtype.kind not in "iu" and len(values):
            wanted = "datetimes, or whole microseconds"
            raise DataError(f"{table} {name}", f"a column of {values.dtype}", wanted, "convert the column")
    if not missing and (values == _MISSING).any():
        raise DataError(f"{table} {name}", "a missing time", "a time in every row", "leave out such rows")
    return values.astype(np.int64)
