"""Labels of prediction rows, from the first onset of each stay; and the words that say how a stay ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.errors import DataError, nearest
from vitals.spec.settings import Label

NO_ONSET = np.iinfo(np.int64).max
"""The time of an onset that never comes."""

ENDED = ("home", "lost", "died")
"""How a stay can end: well, with nobody knowing what came next, by death. A missing word is ``"lost"``."""

_NOTHING = frozenset({"None", "nan", "NaT", "<NA>"})  # how a missing cell of a data frame is printed


def ended_words(said: Sequence[object], where: str) -> NDArray[Any]:
    """How each stay ended, ``(S,)`` words of :data:`ENDED`; None, NaN and "" say nothing and become ``"lost"``.

    Args:
        said: one word for each stay.
        where: the column, to name in an error.

    Raises:
        DataError: an unknown word.

    Example:
        >>> ended_words(["home", None, "", "died"], "stays ended").tolist()
        ['home', 'lost', 'lost', 'died']
    """
    told = [word if isinstance(word, str) else "" if str(word) in _NOTHING else str(word) for word in said]
    words = [word or "lost" for word in told]
    unknown = [row for row, word in enumerate(words) if word not in ENDED]
    if unknown:
        came = f'"{words[unknown[0]]}" in row {unknown[0] + 1} ({len(unknown)} such rows)'
        raise DataError(where, came, "one of " + ", ".join(ENDED), nearest(words[unknown[0]], ENDED))
    return np.array(words, object)


def first_onsets(stays: int, onset_stay: ArrayLike, onset_time: ArrayLike) -> NDArray[np.int64]:
    """The first onset of every stay, in int64 microseconds.

    Args:
        stays: number of stays S.
        onset_stay: stay index of each onset, ``(m,)``; a stay may have none or several, in any order.
        onset_time: when each happened, ``(m,)`` int64 microseconds UTC.

    Returns:
        ``(S,)``; ``NO_ONSET`` where a stay has none.

    Raises:
        DataError: an onset of a stay that does not exist, or lists of different lengths.

    Example:
        >>> first_onsets(3, [2, 0, 2], [70, 50, 60]).tolist() == [50, NO_ONSET, 60]
        True
    """
    where = np.asarray(onset_stay, np.int64).reshape(-1)
    when = np.asarray(onset_time, np.int64).reshape(-1)
    if where.shape != when.shape:
        raise DataError("onsets", f"{len(where)} stays and {len(when)} times", "one time for each", "pass both columns")
    if len(where) and not (where.min() >= 0 and where.max() < stays):
        raise DataError(
            "onsets",
            f"stay index {where.min() if where.min() < 0 else where.max()}",
            f"an index from 0 to {stays - 1}",
            "leave out onsets of stays that are not there",
        )
    first = np.full(stays, NO_ONSET, np.int64)
    np.minimum.at(first, where, when)
    return first


def outlasts(time: ArrayLike, stay_of_row: ArrayLike, lost_at: ArrayLike, horizon: int) -> NDArray[np.bool_]:
    """Rows whose horizon goes on after the record was lost, ``(R,)`` bool: whether an onset came, nobody knows.

    Args:
        time: prediction times, ``(R,)`` int64 microseconds UTC.
        stay_of_row: stay index of each row, ``(R,)``.
        lost_at: when a stay without an onset was lost, ``(S,)``; ``NO_ONSET`` for all others.
        horizon: microseconds.

    Example:
        >>> outlasts([80, 95, 95], [0, 0, 1], [100, NO_ONSET], 10).tolist()
        [False, True, False]
    """
    ends: NDArray[np.bool_] = (
        np.asarray(time, np.int64) > np.asarray(lost_at, np.int64)[np.asarray(stay_of_row)] - horizon
    )
    return ends


def label_rows(
    label: Label, time: ArrayLike, stay_of_row: ArrayLike, onset_stay: ArrayLike, onset_time: ArrayLike
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Label every row by the first onset of its stay.

    With onset o and horizon h, a row at prediction time t is positive when ``o - h <= t < o``. From ``t = o`` on it
    is positive too (``after_onset = "positive"``) or may not be used (``"excluded"``): predicting what has happened
    is no prediction. With h = 6 h and o = first positive row + 6 h this is the ``SepsisLabel`` of the 2019 challenge.

    Args:
        label: horizon and what rows after an onset are.
        time: prediction times, ``(R,)`` int64 microseconds UTC.
        stay_of_row: stay index of each row, ``(R,)``.
        onset_stay: stay index of each onset of the labelled kind, ``(m,)``.
        onset_time: when each happened, ``(m,)`` int64 microseconds UTC.

    Returns:
        The label 0 or 1, ``(R,)`` float32, and whether the row may be used, ``(R,)`` bool.

    Raises:
        DataError: columns of different lengths, or a stay index below 0.

    Example:
        >>> from vitals.spec.duration import Duration
        >>> hour = 3_600_000_000
        >>> label = Label("sepsis", horizon=Duration.parse("2h"))
        >>> y, usable = label_rows(label, [hour * t for t in range(1, 7)], [0] * 6, [0], [5 * hour])
        >>> y.tolist(), usable.tolist()
        ([0.0, 0.0, 1.0, 1.0, 0.0, 0.0], [True, True, True, True, False, False])
    """
    when, stay = np.asarray(time, np.int64), np.asarray(stay_of_row, np.int64)
    if when.shape != stay.shape or when.ndim != 1:
        raise DataError(
            "rows", f"{when.shape} times and {stay.shape} stays", "one of each for a row", "pass both columns"
        )
    if len(stay) and stay.min() < 0:
        raise DataError("rows", f"stay index {stay.min()}", "an index of at least 0", "number the stays from 0")
    named = np.asarray(onset_stay, np.int64)
    stays = 1 + max(int(stay.max(initial=-1)), int(named.max(initial=-1)))
    onset = first_onsets(stays, onset_stay, onset_time)[stay]
    after = when >= onset
    # Compared as a difference: adding a horizon as long as the stay to a time could leave int64, and NO_ONSET is its end.
    soon = (onset != NO_ONSET) & ~after & (onset - np.where(after, onset, when) <= int(label.horizon))
    if label.after_onset == "positive":
        return (soon | after).astype(np.float32), np.ones(len(when), bool)
    return soon.astype(np.float32), ~after
