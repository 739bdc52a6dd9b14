"""Intervals of figures whose threshold was tuned: it is tuned again in every resample, or the interval would be too short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vitals.alerting.bootstrap import Interval, interval, patient_weights, resample
from vitals.alerting.goal import Goal
from vitals.alerting.measures import COUNTS, DAY, FIXED, measure
from vitals.errors import DataError
from vitals.windowing.types import Float64

_SAME, _DETECTED = len(FIXED), COUNTS.index("detected")
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
    """The best policy for a goal, with intervals that know that it was chosen on these very patients.

    Args:
        by_patient: counts of every policy that may be chosen, ``(P, policies, len(COUNTS))``: several shapes, each at many
            thresholds.
        goal: what the policy is chosen for.
        replicates: number of resamples; in each the policy is chosen anew. Where none reaches the goal, whoever must keep to
            it does not alert.
        seed: of the resampling.

    Raises:
        DataError: no policy reaches the goal.
    """
    whole = by_patient.sum(axis=0)
    best = goal.best(whole)
    if best is None:
        raise DataError("policies", "none that reaches the goal", goal.text, "ask for less")
    chosen = []
    for sums in _sums(by_patient, replicates, seed):
        at = [goal.best(counts) for counts in sums]
        chosen += [_silent(counts[0]) if i is None else counts[i] for counts, i in zip(sums, at, strict=True)]
    drawn = np.array(chosen)
    return {name: interval(float(measure(name, whole[best])), measure(name, drawn)) for name in SHOWN}


def best_within(scores: Sequence[Float64], burden: Float64 | float, replicates: int = 1000, seed: int = 1) -> Float64:
    """Scores at one alarm burden on the same patients: each at the threshold that catches most with no more alerts.

    In every resample the burden is counted anew and all thresholds are chosen anew, so differences are paired and know of
    the choice.

    Args:
        scores: of each score the counts at every threshold, ``(P, T, len(COUNTS))``.
        burden: counts of the policy that sets it, ``(P, len(COUNTS))``, or alerts per 100 patient-days.
        replicates: number of resamples.
        seed: of the resampling.

    Returns:
        Counts, ``(1 + replicates, len(scores), len(COUNTS))``, the first those of the patients themselves; without alerts
        where no threshold keeps to the burden.

    Raises:
        DataError: counts of different patients.
    """
    sides = [*scores, *([] if isinstance(burden, float) else [burden[:, None]])]
    same = [side[:, 0, -_SAME:] for side in sides]
    if any(one.shape != same[0].shape or not np.array_equal(one, same[0]) for one in same):
        came = "counts of different patients, or of different onsets"
        raise DataError("equal burden", came, "the same for all", "judge the same stays, made comparable")
    found = []
    for weights in (np.ones((1, len(sides[0]))), *patient_weights(len(sides[0]), replicates, seed)):
        sums = [_summed(weights, side) for side in sides]
        most = sums[-1][:, 0, 0] if len(sides) > len(scores) else burden * sums[0][:, 0, -1] / (100.0 * DAY)
        found.append(np.stack([_most_detected(counts, most) for counts in sums[: len(scores)]], axis=1))
    return np.concatenate(found)


def _most_detected(counts: Float64, most: Float64) -> Float64:
    """Of each replicate the counts ``(r, len(COUNTS))`` with most onsets detected by at most so many alerts, the fewest first."""
    alerts, detected = counts[:, :, 0], counts[:, :, _DETECTED]
    worth = np.where(alerts <= most[:, None] + 1e-9, detected - alerts / (2 * alerts.max(initial=0) + 1), -np.inf)
    best = worth.argmax(axis=1)
    rows = np.arange(len(counts))
    chosen: Float64 = np.where(np.isfinite(worth[rows, best])[:, None], counts[rows, best], _silent(counts[:, 0]))
    return chosen


def _silent(counts: Float64) -> Float64:
    """The counts of a policy that never alerts, on the patients of ``counts``, ``(..., len(COUNTS))``."""
    nothing: Float64 = np.where(np.arange(counts.shape[-1]) < counts.shape[-1] - _SAME, 0.0, counts)
    return nothing


def at_equal_burden(
    mine: Float64, theirs: Float64, replicates: int = 1000, seed: int = 1
) -> dict[str, dict[str, Interval]]:
    """One score at the alarm burden of another, on the same patients: the best recall with no more alerts.

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
    best = best_within([mine], theirs, replicates, seed)[:, 0]
    others = np.concatenate([theirs.sum(axis=0, keepdims=True), resample(theirs, replicates, seed)])
    found = {name: (measure(name, best), measure(name, others)) for name in SHOWN}
    return {
        "ours": {name: interval(float(ours[0]), ours[1:]) for name, (ours, _) in found.items()},
        "difference": {
            name: interval(float(ours[0] - other[0]), ours[1:] - other[1:]) for name, (ours, other) in found.items()
        },
    }


def _summed(weights: Float64, by_patient: Float64) -> Float64:
    """Counts of patients as often as they were drawn, ``(r, T, len(COUNTS))``."""
    flat = weights @ by_patient.reshape(len(by_patient), -1)
    return flat.reshape(len(weights), *by_patient.shape[1:])


def _sums(by_patient: Float64, replicates: int, seed: int) -> Iterator[Float64]:
    """Counts summed over patients drawn with replacement, a few replicates at a time, ``(r, T, len(COUNTS))``."""
    for weights in patient_weights(len(by_patient), replicates, seed):
        yield _summed(weights, by_patient)
