"""Intervals that tune again: the same resamples one after the other, in plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from vitals.alerting.curve import Ledger
from vitals.alerting.evaluation import evaluate
from vitals.alerting.goal import recall_within
from vitals.alerting.measures import COUNTS, measure
from vitals.alerting.retuning import at_equal_burden, curve_intervals, retuned
from vitals.alerting.stays import Risks, Stays
from vitals.errors import DataError
from vitals.spec.policy import AlertPolicy
from vitals.windowing.types import Float64

HOUR = 3_600_000_000
PLAIN = AlertPolicy(threshold=1.0)


def ward(many: int, seed: int) -> tuple[Risks, Risks, Stays]:
    """Two scores of the same stays, a day each; a third has an onset, of which the first score knows more."""
    draw = np.random.default_rng(seed)
    stay, time = np.repeat(np.arange(many), 24), np.tile(np.arange(1, 25), many) * HOUR
    ill = np.flatnonzero(draw.random(many) < 1 / 3)
    onset = draw.integers(12, 26, len(ill)) * HOUR
    near = np.zeros(len(stay))
    for s, when in zip(ill, onset, strict=True):
        near[(stay == s) & (time > when - 8 * HOUR) & (time <= when)] = 1
    scores = [1 / (1 + np.exp(3 - knows * near - draw.normal(0, 1, len(stay)))) for knows in (2.5, 1.0)]
    stays = Stays.of(draw.integers(0, many, many), np.zeros(many), np.full(many, 24 * HOUR), ill, onset)
    return Risks.of(stay, time, scores[0]), Risks.of(stay, time, scores[1]), stays


def resamples(counts: Float64, replicates: int, seed: int) -> list[Float64]:
    """Patients drawn as the package draws them, added up one by one."""
    draw = np.random.default_rng(seed)
    sizes = [min(32, replicates - start) for start in range(0, replicates, 32)]
    drawn = [chosen for size in sizes for chosen in draw.integers(0, len(counts), (size, len(counts)))]
    return [sum(counts[patient] for patient in chosen) for chosen in drawn]


def quantiles(drawn: list[float]) -> list[float]:
    return [float(x) for x in np.quantile([one for one in drawn if not np.isnan(one)], [0.025, 0.975])]


def test_a_goal_is_chosen_anew_in_every_resample() -> None:
    risks, _, stays = ward(60, 1)
    ledger, goal = Ledger(risks, stays), recall_within(60.0)
    counts = ledger.by_patient(PLAIN, ledger.thresholds(40))
    found = retuned(counts, goal, replicates=40, seed=3)
    recalls, fixed = [], []
    best = goal.best(counts.sum(axis=0))
    for sums in resamples(counts, 40, 3):
        allowed = [one for one in sums if measure("alarms_per_100_patient_days", one) <= 60]
        chosen = max(allowed, key=lambda one: (one[COUNTS.index("detected")], -one[COUNTS.index("alerts")]))
        recalls.append(float(measure("recall", chosen)))
        fixed.append(float(measure("recall", sums[best])))
    assert list(found["recall"][1:]) == pytest.approx(quantiles(recalls))
    assert quantiles(recalls) != pytest.approx(quantiles(fixed))  # a fixed threshold would tell another tale
    assert found["recall"].value == pytest.approx(float(measure("recall", counts.sum(axis=0)[best])))


def test_a_curve_holds_every_threshold_fixed() -> None:
    risks, _, stays = ward(40, 2)
    ledger = Ledger(risks, stays)
    counts = ledger.by_patient(PLAIN, ledger.thresholds(8))
    found = curve_intervals(counts, replicates=30, seed=5)
    drawn = resamples(counts, 30, 5)
    for t in range(counts.shape[1]):
        assert list(found["recall"][t][1:]) == pytest.approx(quantiles([float(measure("recall", s[t])) for s in drawn]))
        value = measure("alarms_per_100_patient_days", counts.sum(axis=0)[t])
        assert found["alarms_per_100_patient_days"][t].value == pytest.approx(float(value))


def test_equal_burden_counts_and_chooses_anew_in_every_resample() -> None:
    ours, theirs, stays = ward(60, 4)
    ledger = Ledger(ours, stays)
    mine = ledger.by_patient(PLAIN, ledger.thresholds(40))
    other = evaluate(theirs, stays, AlertPolicy(threshold=0.4)).by_patient
    found = at_equal_burden(mine, other, replicates=40, seed=7)
    gaps = []
    for sums, burden in zip(resamples(mine, 40, 7), resamples(other, 40, 7), strict=True):
        fits = [one for one in sums if one[0] <= burden[0]]
        best = max(fits, key=lambda one: (one[COUNTS.index("detected")], -one[0])) if fits else None
        caught = 0.0 if best is None else float(measure("recall", best))
        gaps.append(caught - float(measure("recall", burden)))
    assert list(found["difference"]["recall"][1:]) == pytest.approx(quantiles(gaps))
    assert found["difference"]["recall"].value > 0
    assert found["ours"]["alarms_per_100_patient_days"].value <= float(
        measure("alarms_per_100_patient_days", other.sum(axis=0))
    )


def test_a_burden_that_no_threshold_keeps_to_catches_nothing() -> None:
    ours, _, stays = ward(30, 5)
    ledger = Ledger(ours, stays)
    mine = ledger.by_patient(PLAIN, ledger.thresholds(20)[-3:])
    silent = mine[:, 0].copy()
    silent[:, : COUNTS.index("predictable")] = 0
    found = at_equal_burden(mine, silent, replicates=10)
    assert found["ours"]["recall"] == pytest.approx((0, 0, 0))


def test_other_patients_are_refused() -> None:
    ours, _, stays = ward(30, 6)
    ledger = Ledger(ours, stays)
    mine = ledger.by_patient(PLAIN, ledger.thresholds(5))
    with pytest.raises(DataError, match="different patients"):
        at_equal_burden(mine, mine[1:, 0])
    with pytest.raises(DataError, match="none that reaches the goal"):
        retuned(mine[:, -1:], recall_within(1e-9))
