"""The utility of the PhysioNet/CinC Challenge 2019, exact, on flat arrays.

A call (an hourly 1) at τ hours from the onset is worth, in a septic stay, a rising amount from τ = -12 to 1 at τ = -6,
falling to 0 at τ = 3; keeping silent costs up to 2 between τ = -6 and τ = 3. A call in another stay, or long before the
onset, costs 0.05 (Reyna et al., Crit Care Med 2020;48:210).

The sum over rows is all there is to it: the normalised utility of a set of calls is their summed *gain* (called minus
not called) over that of the best calls. Sums are kept in units of 1/180, in which every value at a whole hour is a whole
number, so they are exact and do not depend on the order of the rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.errors import DataError
from vitals.labelling.labels import NO_ONSET, first_onsets

Float64 = NDArray[np.float64]

EARLY, OPTIMAL, LATE = -12.0, -6.0, 3.0
"""Hours from the onset: calls start to pay, pay most, stop to pay."""
_UNIT = 180.0
_HOUR = 3_600_000_000


def hours_from_onset(time: ArrayLike, stay_of_row: ArrayLike, onset_stay: ArrayLike, onset_time: ArrayLike) -> Float64:
    """Hours from the first onset of its stay to each row: τ, below 0 before the onset.

    In challenge data the onset is six hours after the first positive label, whether or not the record goes on so long.

    Args:
        time: prediction times, ``(R,)`` int64 microseconds UTC.
        stay_of_row: stay index of each row, ``(R,)``.
        onset_stay: stay index of each onset, ``(m,)``.
        onset_time: when each happened, ``(m,)`` int64 microseconds UTC.

    Returns:
        ``(R,)`` float64; NaN in stays without an onset.

    Raises:
        DataError: columns of different lengths, or a stay index below 0.

    Example:
        >>> hour = 3_600_000_000
        >>> hours_from_onset([hour, 2 * hour, hour], [0, 0, 1], [0], [8 * hour]).tolist()
        [-7.0, -6.0, nan]
    """
    when, stay = np.asarray(time, np.int64), np.asarray(stay_of_row, np.int64)
    if when.shape != stay.shape or (len(stay) and stay.min() < 0):
        raise DataError(
            "rows", f"{when.shape} times and {stay.shape} stays", "one stay from 0 for each", "pass both columns"
        )
    stays = 1 + max(int(stay.max(initial=-1)), int(np.asarray(onset_stay, np.int64).max(initial=-1)))
    onset = first_onsets(stays, onset_stay, onset_time)[stay]
    return np.where(onset == NO_ONSET, np.nan, (when - np.where(onset == NO_ONSET, when, onset)) / _HOUR)


def call_gain(tau: ArrayLike) -> Float64:
    """What calling at a row is worth, compared with not calling there.

    Args:
        tau: hours from the onset, ``(R,)``, NaN in stays without one (see :func:`hours_from_onset`).

    Returns:
        ``(R,)`` float64: -0.05 where a call is false, 0 … 2 in the 15 hours that matter, 0 afterwards.

    Example:
        >>> call_gain([-20, -12, -6, 0, 3, 4, float("nan")]).round(4).tolist()
        [-0.05, 0.0, 1.0, 1.6667, 2.0, 0.0, -0.05]
    """
    return _gain(_hours(tau)) / _UNIT


def raw_utility(tau: ArrayLike, calls: ArrayLike) -> float:
    """The summed utility of 0/1 calls, not normalised.

    Args:
        tau: hours from the onset, ``(R,)``, NaN in stays without one.
        calls: 1 (or True) where the row is called, ``(R,)``.

    Example:
        >>> raw_utility([-10, -9, -8, -7, -6, -5], [0, 0, 1, 1, 1, 1])  # the self-check of the official evaluator
        3.388888888888889
    """
    hours = _hours(tau)
    return float((_silent(hours).sum() + _gain(hours)[_called(calls, hours)].sum()) / _UNIT)


def utility(tau: ArrayLike, calls: ArrayLike) -> float:
    """The normalised utility of 0/1 calls: 1 for the best possible ones, 0 for none at all.

    Args:
        tau: hours from the onset, ``(R,)``, NaN in stays without one.
        calls: 1 (or True) where the row is called, ``(R,)``.

    Returns:
        At most 1, below 0 where calls do harm; NaN when no row lies in the hours that matter.

    Raises:
        DataError: as many calls as rows are wanted.

    Example:
        >>> tau = [-14, -13, -12, -11, float("nan")]
        >>> utility(tau, [0, 0, 1, 1, 0]), utility(tau, [0, 0, 0, 0, 0])
        (1.0, 0.0)
    """
    hours = _hours(tau)
    gain = _gain(hours)
    return _ratio(gain[_called(calls, hours)].sum(), _best(hours, gain))


def utility_curve(tau: ArrayLike, risk: ArrayLike) -> tuple[Float64, Float64]:
    """The normalised utility of calling ``risk >= threshold``, for every threshold that makes a difference, in one sort.

    Args:
        tau: hours from the onset, ``(R,)``, NaN in stays without one.
        risk: ``(R,)``; a row whose risk is NaN is never called.

    Returns:
        Thresholds, falling, ``(M,)`` float64 (the M distinct risks), and the utility at each, ``(M,)`` float64.

    Raises:
        DataError: as many risks as rows are wanted.

    Example:
        >>> thresholds, values = utility_curve([-6, -5, float("nan")], [0.7, 0.9, 0.7])
        >>> thresholds.tolist(), values.round(3).tolist()
        ([0.9, 0.7], [0.526, 0.976])
    """
    hours, score = _hours(tau), np.asarray(risk, np.float64)
    if score.shape != hours.shape:
        raise DataError("risk", f"{score.shape} risks", f"one for each of {hours.shape} rows", "pass equal columns")
    gain = _gain(hours)
    known = np.flatnonzero(~np.isnan(score))
    order = known[np.argsort(-score[known], kind="stable")]
    falling = score[order]
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], np.ones(min(len(falling), 1), bool)))
    best = _best(hours, gain)
    return falling[last], np.cumsum(gain[order])[last] / (best if best > 0 else np.nan)


def _hours(tau: ArrayLike) -> Float64:
    return np.asarray(tau, np.float64).reshape(-1)


def _called(calls: ArrayLike, hours: Float64) -> NDArray[np.bool_]:
    called = np.asarray(calls)
    if called.shape != hours.shape or not np.isin(called, (0, 1)).all():
        raise DataError("calls", f"{called.shape} values", f"a 0 or 1 for each of {hours.shape} rows", "compare first")
    return called.astype(bool)


def _gain(hours: Float64) -> Float64:
    """Called minus not called, in units of 1/180."""
    rising = np.maximum(30.0 * (hours - EARLY), -9.0)
    falling = 20.0 * (LATE - hours) - _silent(hours)
    septic = np.where(hours <= OPTIMAL, rising, np.where(hours <= LATE, falling, 0.0))
    return np.where(np.isnan(hours), -9.0, septic)


def _silent(hours: Float64) -> Float64:
    """Utility of not calling, in units of 1/180."""
    return np.where((hours > OPTIMAL) & (hours <= LATE), -40.0 * (hours - OPTIMAL), 0.0)


def _best(hours: Float64, gain: Float64) -> float:
    return float(gain[(hours >= EARLY) & (hours <= LATE)].sum())


def _ratio(part: float, whole: float) -> float:
    return float(part) / whole if whole > 0 else float("nan")
