"""Intervals by resampling patients: stays of one patient are alike, and rows of one stay even more so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.evaluation import Evaluation
from vitals.alerting.measures import COUNTS, MEASURES, measure
from vitals.errors import DataError

Float64 = NDArray[np.float64]
_AT_ONCE = 32


class Interval(NamedTuple):
    """A figure with its percentile interval."""

    value: float
    low: float
    high: float


def resample(counts: Float64, replicates: int = 1000, seed: int = 1) -> Float64:
    """Sums of counts over patients drawn with replacement.

    Args:
        counts: of each patient, ``(P, M)``.
        replicates: number of draws of P patients.
        seed: the same seed and number of patients draws the same patients, which makes differences paired.

    Returns:
        ``(replicates, M)`` float64.

    Example:
        >>> resample(np.array([[1.0, 2.0], [3.0, 6.0]]), replicates=3).shape
        (3, 2)
    """
    if not len(counts):
        return np.zeros((replicates, counts.shape[1]))
    return np.concatenate([weights @ counts for weights in patient_weights(len(counts), replicates, seed)])


def intervals(
    evaluation: Evaluation, replicates: int = 1000, seed: int = 1, level: float = 0.95
) -> dict[str, Interval]:
    """Every measure of an evaluation with its interval.

    Args:
        evaluation: what a policy did, by patient.
        replicates: number of resamples.
        seed: of the resampling.
        level: share of the replicates that the interval holds.

    Returns:
        One :class:`Interval` for each of ``MEASURES``; NaN bounds where no replicate has anything to count.

    Example:
        >>> from vitals.alerting.evaluation import evaluate
        >>> from vitals.alerting.stays import Risks, Stays
        >>> from vitals.spec.policy import AlertPolicy
        >>> stays = Stays.of(range(4), [0] * 4, [10**11] * 4, [0, 1], [10**10, 10**10])
        >>> risks = Risks.of([0, 1, 2, 3], [10**9] * 4, [0.9, 0.1, 0.8, 0.2])
        >>> found = intervals(evaluate(risks, stays, AlertPolicy(threshold=0.5)), replicates=200)
        >>> found["recall"]
        Interval(value=0.5, low=0.0, high=1.0)
    """
    sums = resample(evaluation.by_patient, replicates, seed)
    found = {name: interval(evaluation.measure(name), measure(name, sums), level) for name in MEASURES}
    # a resample without a true alert needs endlessly many: as the inverse of precision it is not lost
    _, low, high = found["precision"]
    most = 1 / low if low > 0 else float("inf") if low == 0 else low
    found["needed_to_evaluate"] = Interval(
        evaluation.measure("needed_to_evaluate"), 1 / high if high > 0 else high, most
    )
    return found


def paired_difference(
    one: Evaluation, other: Evaluation, replicates: int = 1000, seed: int = 1, level: float = 0.95
) -> dict[str, Interval]:
    """Every measure of ``one`` minus that of ``other``, with its interval from the same resampled patients.

    Args:
        one: what a policy did, by patient.
        other: what another did to the same patients.
        replicates: number of resamples.
        seed: of the resampling.
        level: share of the replicates that the interval holds.

    Raises:
        DataError: the evaluations are of different patients.
    """
    fixed = [COUNTS.index(name) for name in ("onsets", "seconds")]
    mine, theirs = one.by_patient, other.by_patient
    if mine.shape != theirs.shape or not np.array_equal(mine[:, fixed], theirs[:, fixed]):
        raise DataError(
            "paired difference",
            "evaluations of different patients",
            "two policies on the same stays",
            "evaluate both on the same stays",
        )
    sums, other_sums = resample(mine, replicates, seed), resample(theirs, replicates, seed)
    return {
        name: interval(one.measure(name) - other.measure(name), measure(name, sums) - measure(name, other_sums), level)
        for name in MEASURES
    }


def patient_weights(patients: int, replicates: int, seed: int) -> Iterator[Float64]:
    """How often each patient is drawn, a few replicates at a time: ``(r, P)`` float64."""
    draw = np.random.default_rng(seed)
    for start in range(0, replicates, _AT_ONCE):
        rows = min(_AT_ONCE, replicates - start)
        chosen = draw.integers(0, patients, (rows, patients)) + patients * np.arange(rows)[:, None]
        counts = np.bincount(chosen.ravel(), minlength=rows * patients)
        yield counts.reshape(rows, patients).astype(np.float64)


def interval(value: float, draws: Float64, level: float = 0.95) -> Interval:
    """A figure with the percentile interval of its resamples; NaN bounds where none of them has anything to count."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))
