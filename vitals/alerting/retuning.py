"""Intervals of figures whose threshold was tuned: it is tuned again in every resample, or the interval would be too short."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vitals.alerting.bootstrap import Interval, interval, patient_weights
from vitals.alerting.goal import Goal
from vitals.alerting.measures import measure
from vitals.errors import DataError
from vitals.windowing.types import Float64

SHOWN = ("recall", "precision", "alarms_per_100_patient_days")


def curve_intervals(by_patient: Float64, replicates: int = 1000, seed: int = 1) -> dict[str, list[Interval]]:
    """Every point of an operating curve with the intervals of its measures, each threshold held fixed.

    Args:
        by_patient: counts at every threshold, ``(P, T, len(COUNTS))`` (:meth:`vitals.alerting.curve.Ledger.by_patient`).
        replicates: number of resamples of patients.
        seed: of the resampling.

    Returns:
        For recall, precision and burden one interval a threshold.
    """
    sums = np.concatenate([*_sums(by_patient, replicates, seed)])
    whole = by_patient.sum(axis=0)
    return {
        name: [
            interval(float(value), drawn)
            for value, drawn in zip(measure(name, whole), measure(name, sums).T, strict=True)
        ]
        for name in SHOWN
    }


def retuned(by_patient: Float64, goal: Goal, replicates: int = 1000, seed: int = 1) -> dict[str, Interval]:
    """The best threshold for a goal, with intervals that know that it was chosen on these very patients.

    Args:
        by_patient: counts at every threshold, ``(P, T, len(COUNTS))``.
        goal: what the threshold is chosen for.
        replicates: number of resamples; in each the threshold is chosen anew.
        seed: of the resampling.

    Raises:
        DataError: no threshold reaches the goal.
    """
    whole = by_patient.sum(axis=0)
    best = goal.best(whole)
    if best is None:
        raise DataError("thresholds", "none that reaches the goal", goal.text, "ask for less")
    chosen = []
    for sums in _sums(by_patient, replicates, seed):
        at = [goal.best(counts) for counts in sums]
        chosen += [counts[i] for counts, i in zip(sums, at, strict=True) if i is not None]
    drawn = np.array(chosen)
    return {name: interval(float(measure(name, whole[best])), measure(name, drawn)) for name in SHOWN}


def at_equal_burden(
    mine: Float64, theirs: Float64, replicates: int = 1000, seed: int = 1
) -> dict[str, dict[str, Interval]]:
    """One score at the alarm burden of another, on the same patients: the best recall with no more alerts.

    In every resample the other's burden is counted anew and the threshold chosen anew, so the interval of the difference is
    paired and knows of the choice.

    Args:
        mine: counts at every threshold, ``(P, T, len(COUNTS))``.
        theirs: counts of the other's policy, ``(P, len(COUNTS))``.
        replicates: number of resamples.
        seed: of the resampling.

    Returns:
        ``"ours"`` and ``"difference"``, each with recall, precision and burden.

    Raises:
        DataError: counts of different patients.
    """
    if len(mine) != len(theirs) or not np.array_equal(mine[:, 0, -2:], theirs[:, -2:]):
        raise DataError("equal burden", "counts of different patients", "the same for both", "judge the same stays")
    pairs = [(mine.sum(axis=0), theirs.sum(axis=0))]
    for ours, other in zip(_sums(mine, replicates, seed), _sums(theirs[:, None], replicates, seed), strict=True):
        pairs += zip(ours, other[:, 0], strict=True)
    best = np.array([_best_within(ours, other) for ours, other in pairs])
    others = np.array([other for _, other in pairs])
    found = {name: (measure(name, best), measure(name, others)) for name in SHOWN}
    return {
        "ours": {name: interval(float(ours[0]), ours[1:]) for name, (ours, _) in found.items()},
        "difference": {
            name: interval(float(ours[0] - other[0]), ours[1:] - other[1:]) for name, (ours, other) in found.items()
        },
    }


def _best_within(ours: Float64, other: Float64) -> Float64:
    """The counts with most onsets detected among those with no more alerts than the other's; none of it where none fits."""
    fits = np.flatnonzero(ours[:, 0] <= other[0])
    if not len(fits):
        nothing: Float64 = np.where(np.arange(ours.shape[1]) < ours.shape[1] - 3, 0.0, ours[0])
        return nothing
    order = np.lexsort((ours[fits, 0], -ours[fits, 3]))
    best: Float64 = ours[fits[order[0]]]
    return best


def _sums(by_patient: Float64, replicates: int, seed: int) -> Iterator[Float64]:
    """Counts summed over patients drawn with replacement, a few replicates at a time, ``(r, T, len(COUNTS))``."""
    flat = by_patient.reshape(len(by_patient), -1)
    for weights in patient_weights(len(by_patient), replicates, seed):
        yield (weights @ flat).reshape(len(weights), *by_patient.shape[1:])
