"""Resampling patients: weights by plain loops, pairs on the same patients, and cover where rows would not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vitals.alerting.bootstrap import Interval, intervals, paired_difference, resample
from vitals.alerting.evaluation import Evaluation, evaluate
from vitals.alerting.measures import COUNTS, DAY, MEASURES
from vitals.alerting.stays import Risks, Stays
from vitals.errors import DataError
from vitals.spec.policy import AlertPolicy

POLICY = AlertPolicy(threshold=0.5)


def evaluation(counts: list[list[float]]) -> Evaluation:
    by_patient = np.array(counts, float).reshape(-1, len(COUNTS))
    nothing = np.zeros(len(counts), int)
    return Evaluation(POLICY, len(counts), by_patient, nothing, np.ones(len(counts)), np.zeros(0), {}, 0, 4.0)


def test_every_replicate_is_a_sum_over_as_many_patients_drawn_with_replacement() -> None:
    counts = np.array([[1.0, 1], [10, 1], [100, 1], [1000, 1]])
    sums = resample(counts, replicates=500, seed=4)
    assert sums.shape == (500, 2)
    assert (sums[:, 1] == 4).all()
    for total in sums[:, 0]:
        digits = [int(digit) for digit in f"{int(total):04d}"] if total < 4000 else [4]
        assert sum(digits) == 4
    # Each patient is drawn once on average, and left out of (3/4)^4 = 32 % of the replicates.
    assert sums[:, 0].mean() == pytest.approx(1111, rel=0.1)
    assert np.mean([f"{int(total):04d}"[0] == "0" for total in sums[:, 0]]) == pytest.approx(0.316, abs=0.08)


def test_the_same_seed_draws_the_same_patients() -> None:
    counts = np.random.default_rng(0).integers(0, 99, (30, 3)).astype(float)
    assert np.array_equal(resample(counts, 70, seed=2), resample(counts, 70, seed=2))
    assert not np.array_equal(resample(counts, 70, seed=2), resample(counts, 70, seed=3))
    # A column does not depend on the ones beside it, so every pair of evaluations sees the same draws.
    assert np.array_equal(resample(counts[:, :1], 70)[:, 0], resample(np.c_[counts[:, 0], counts], 70)[:, 0])


def column(counts: np.ndarray, name: str) -> np.ndarray:
    return counts[..., COUNTS.index(name)]


def test_intervals_are_percentiles_of_the_replicates() -> None:
    draw = np.random.default_rng(1)
    counts = np.zeros((200, len(COUNTS)))
    alerts, true, false, detected, _, predictable, onsets, seconds = counts.T
    alerts[:] = draw.poisson(2, 200)
    predictable[:] = onsets[:] = draw.random(200) < 0.3
    detected[:] = true[:] = predictable * (draw.random(200) < 0.6)
    false[:] = np.maximum(alerts - true, 0)
    seconds[:] = 2 * DAY
    found = intervals(evaluation(counts.tolist()), replicates=400, seed=9)
    sums = resample(counts, 400, seed=9)
    low, high = np.quantile(column(sums, "detected") / column(sums, "predictable"), [0.025, 0.975])
    assert found["recall"] == Interval(detected.sum() / predictable.sum(), low, high)
    low, high = np.quantile(100 * column(sums, "alerts") / (column(sums, "seconds") / DAY), [0.025, 0.975])
    assert found["alarms_per_100_patient_days"][1:] == pytest.approx((low, high), rel=1e-12)
    assert set(found) == set(MEASURES)
    for value, least, most in found.values():
        assert least <= value <= most
    narrow = intervals(evaluation(counts.tolist()), replicates=400, seed=9, level=0.5)["recall"]
    assert narrow.high - narrow.low < found["recall"].high - found["recall"].low


def test_nothing_to_count_has_no_interval() -> None:
    nothing = intervals(evaluation([[0, 0, 0, 0, 0, 0, 0, DAY]]), replicates=20)
    assert nothing["alarms_per_100_patient_days"] == (0, 0, 0)
    assert all(math.isnan(x) for x in nothing["recall"])
    assert all(math.isnan(x) for x in intervals(evaluation([]), replicates=20)["precision"])


def ward(noise: float, seed: int = 0) -> Evaluation:
    draw = np.random.default_rng(seed)
    event = np.arange(300) % 3 == 0
    stays = Stays.of(np.arange(300) // 2, [0] * 300, [10**11] * 300, np.flatnonzero(event), [5 * 10**10] * event.sum())
    risk = np.clip(0.3 + 0.4 * event + noise * draw.standard_normal(300), 0, 1)
    return evaluate(Risks.of(np.arange(300), [4 * 10**10] * 300, risk), stays, POLICY)


def test_a_paired_difference_is_narrower_than_its_parts_would_make_it() -> None:
    one, other = ward(0.15), ward(0.3)
    found = paired_difference(one, other, replicates=300)["recall"]
    assert found.value == one.measure("recall") - other.measure("recall")
    assert found.low < found.value < found.high
    same = paired_difference(one, one, replicates=50)
    assert all(same[name] == (0, 0, 0) for name in MEASURES)


def test_different_patients_are_no_pair() -> None:
    with pytest.raises(DataError, match="same stays"):
        paired_difference(evaluation([[0, 0, 0, 0, 0, 0, 0, DAY]]), evaluation([[0, 0, 0, 0, 0, 0, 0, 2 * DAY]]))
    with pytest.raises(DataError):
        paired_difference(evaluation([[0.0] * len(COUNTS)]), evaluation([[0.0] * len(COUNTS)] * 2))


def test_patients_with_many_like_stays_make_wide_intervals() -> None:
    """Ten stays a patient that all go alike: resampling stays would claim three times too much."""
    draw = np.random.default_rng(3)
    alerts = np.repeat(draw.random(40) < 0.3, 10).astype(float)
    by_stay = np.zeros((400, len(COUNTS)))
    column(by_stay, "alerts")[:], column(by_stay, "seconds")[:] = alerts, DAY
    by_patient = by_stay.reshape(40, 10, len(COUNTS)).sum(axis=1)
    wide = intervals(evaluation(by_patient.tolist()), replicates=400)["alarms_per_100_patient_days"]
    narrow = intervals(evaluation(by_stay.tolist()), replicates=400)["alarms_per_100_patient_days"]
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(math.sqrt(10), rel=0.2)
