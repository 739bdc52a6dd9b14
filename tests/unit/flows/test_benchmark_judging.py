"""The figures of a benchmark against plain loops over stays, hours and resampled patients."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.naive import naive_challenge_utility, naive_evaluate
from tests.unit.flows.challenge import HOUR, random_truth
from vitals.alerting.bootstrap import patient_weights
from vitals.alerting.rank_bootstrap import _ranked, ranking_intervals, weighted_ranking
from vitals.errors import DataError
from vitals.flows.benchmark_judging import judge_hourly, judge_last
from vitals.flows.benchmark_lines import warnings_of
from vitals.flows.benchmark_truth import Truth
from vitals.labelling.calibration import slope_intercept
from vitals.labelling.labels import NO_ONSET
from vitals.labelling.ranking import auprc, auroc
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy

FEW = (40, 20)


def risks(truth: Truth, seed: int = 2, digits: int = 2) -> np.ndarray:
    """Somewhat higher where the label is 1, with many ties."""
    draw = np.random.default_rng(seed)
    return np.round(1 / (1 + np.exp(2 - 1.5 * truth.label - draw.normal(size=len(truth.time)))), digits).astype(
        np.float32
    )


def judged(truth: Truth, risk: np.ndarray, threshold: float = 0.3) -> dict:
    return judge_hourly(truth, risk, risk >= threshold, probability=True, replicates=FEW)


def stays_of(truth: Truth, risk: np.ndarray) -> tuple[list, list]:
    """What ``naive_evaluate`` takes."""
    stays, onsets = [], []
    for s in range(len(truth)):
        rows = slice(truth.start[s], truth.start[s + 1])
        scores = list(zip(truth.time[rows].tolist(), risk[rows].tolist(), strict=True))
        stays.append((int(truth.admitted[s]), int(truth.discharged[s]), scores))
        onsets.append([int(truth.onset[s])] if truth.onset[s] != NO_ONSET else [])
    return stays, onsets


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_utility_is_the_challenges(seed: int) -> None:
    truth = random_truth(seed=seed)
    risk = risks(truth, seed)
    pairs = [
        (truth.label[a:b].astype(int).tolist(), (risk[a:b] >= 0.3).tolist())
        for a, b in zip(truth.start[:-1], truth.start[1:], strict=True)
    ]
    value, low, high = judged(truth, risk)["utility"]
    assert value == pytest.approx(naive_challenge_utility(pairs), abs=1e-12)
    assert low <= value <= high


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_threshold_catches_more_with_so_few_alarms(seed: int) -> None:
    """All thresholds one after the other, each counted by plain loops."""
    truth = random_truth(seed=seed)
    risk = risks(truth, seed, digits=1)
    found, (stays, onsets) = judged(truth, risk)["alarms"], stays_of(truth, risk)
    lead, silence = (0, 12 * HOUR), Duration.parse("6h")
    policies = [AlertPolicy(threshold=float(threshold), silence=silence) for threshold in np.unique(risk)]
    tried = [naive_evaluate(policy, lead, stays, onsets) for policy in policies]
    for points in (5, 7):
        policy = AlertPolicy(threshold=float(np.float32(points) / np.float32(20)), silence=silence)
        news2 = naive_evaluate(policy, lead, *stays_of(truth, truth.news2))
        burden = news2["alarms_per_100_patient_days"]
        assert found[f"news2_{points}"]["recall"][0] == pytest.approx(news2["detected"] / news2["onsets"])
        assert found[f"news2_{points}"]["alarms_per_100_patient_days"] == pytest.approx(burden)
        assert found[f"news2_{points}"]["median_lead_hours"] == pytest.approx(news2["median_lead"])
        assert found[f"at_news2_{points}"]["recall"][0] == pytest.approx(best(tried, burden))
    for burden in (5, 10, 30):
        assert found[f"at_{burden}"]["recall"][0] == pytest.approx(best(tried, burden))
        assert found[f"at_{burden}"]["alarms_per_100_patient_days"] <= burden


def best(tried: list[dict[str, float]], burden: float) -> float:
    fits = [count["detected"] / count["onsets"] for count in tried if count["alarms_per_100_patient_days"] <= burden]
    return max(fits, default=0.0)


def test_the_difference_to_news2_is_of_the_same_patients() -> None:
    """NEWS2 judged as a risk of its own differs from itself by nothing, in every resample."""
    truth = random_truth()
    figures = judge_hourly(truth, truth.news2, truth.news2 >= 0.25, probability=False, replicates=FEW)
    assert figures["news2_difference"] == {"5": [0, 0, 0], "7": [0, 0, 0]}
    assert "slope" not in figures


def test_a_risk_that_cannot_keep_to_a_burden_catches_nothing() -> None:
    """One risk everywhere: all rows alarm or none."""
    truth = random_truth()
    figures = judged(truth, np.full(len(truth.time), 1.0, np.float32), threshold=2.0)
    assert figures["alarms"]["at_5"]["recall"] == [0.0, 0.0, 0.0]
    assert figures["alarms"]["at_5"]["alarms_per_100_patient_days"] == 0
    assert figures["utility"] == [0.0, 0.0, 0.0]
    assert figures["auroc"][0] == 0.5


def test_a_row_without_a_risk_ranks_lowest_and_is_never_called() -> None:
    truth = random_truth()
    risk = risks(truth) + np.float32(0.01)
    gone = np.random.default_rng(5).random(len(risk)) < 0.2
    with_gaps = np.where(gone, np.float32(np.nan), risk)
    figures = judged(truth, with_gaps)
    assert figures["auroc"][0] == auroc(truth.label, np.where(gone, 0, risk))
    assert figures["auprc"][0] == auprc(truth.label, np.where(gone, 0, risk))
    assert figures["utility"][0] == judged(truth, np.where(gone, np.float32(0), risk))["utility"][0]
    assert (figures["slope"], figures["intercept"]) == slope_intercept(
        truth.label[~gone], risk[~gone]
    )  # no row for them


def test_resampled_ranks_are_those_of_rows_written_down_as_often_as_drawn() -> None:
    truth = random_truth(stays=20, patients=13)
    risk, patient = risks(truth, digits=1), truth.patient[truth.bed]
    weights = np.concatenate(list(patient_weights(13, 30, seed=4)))
    found = weighted_ranking(_ranked(truth.label == 1, risk.astype(np.float64), patient), weights)
    for row, drawn in zip(found, weights, strict=True):
        often = drawn[patient].astype(int)
        label, again = np.repeat(truth.label, often), np.repeat(risk, often)
        assert row[0] == pytest.approx(auroc(label, again), nan_ok=True)
        if not math.isnan(row[0]):
            assert row[1] == pytest.approx(auprc(label, again))
    whole = weighted_ranking(_ranked(truth.label == 1, risk.astype(np.float64), patient), np.ones((1, 13)))[0]
    assert whole == pytest.approx([auroc(truth.label, risk), auprc(truth.label, risk)])


def test_an_interval_of_ranks_widens_with_patients_not_with_rows() -> None:
    """Rows of one patient are no independent witnesses: each patient's rows ten times over change nothing."""
    truth = random_truth()
    risk, patient = risks(truth), truth.patient[truth.bed]
    once = ranking_intervals(truth.label, risk, patient, 50)
    often = ranking_intervals(np.tile(truth.label, 10), np.tile(risk, 10), np.tile(patient, 10), 50)
    assert often["auroc"] == pytest.approx(once["auroc"])
    alike = np.random.default_rng(3).random(len(truth), np.float32)[truth.bed]  # one risk a patient
    strangers, rows = np.arange(len(patient)), (truth.label, alike)
    assert np.ptp(ranking_intervals(*rows, patient, 50)["auroc"][1:]) > 2 * np.ptp(
        ranking_intervals(*rows, strangers, 50)["auroc"][1:]
    )
    assert all(map(math.isnan, ranking_intervals(truth.label * 0, risk, patient, 5)["auroc"]))


def test_ranks_refuse_columns_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="one a row"):
        ranking_intervals([0, 1], [0.1, 0.2], [0])


def test_the_last_row_alone_is_judged() -> None:
    """Whatever the other rows say."""
    truth = random_truth()
    risk = risks(truth, digits=3)
    died = truth.onset != NO_ONSET
    found = judge_last(truth, risk, probability=True, replicates=20)
    assert found["auroc"][0] == auroc(died, risk[truth.start[1:] - 1])
    assert found["onsets"] == died.sum()
    assert found["prevalence"] == pytest.approx(died.mean())
    other = np.random.default_rng(1).random(len(risk)).astype(np.float32)
    other[truth.last] = risk[truth.last]
    assert judge_last(truth, other, probability=True, replicates=20) == found


def test_a_risk_that_knows_the_label_is_flagged() -> None:
    """Sabotage: the label looked up in the future. An honest risk is not flagged, however good."""
    truth = random_truth()
    leak = np.clip(truth.label * 0.8 + 0.1 + risks(truth) / 20, 0, 1).astype(np.float32)
    assert "leakage" in warnings_of("gru", judged(truth, leak))[0]
    assert warnings_of("gru", judged(truth, risks(truth))) == []
    assert warnings_of("gru", judge_last(truth, leak, probability=True, replicates=5)) == []


def test_patients_not_stays_are_drawn() -> None:
    """Two stays of each patient: half as many to draw from, so a wider interval than of strangers."""
    strangers, pairs = random_truth(stays=80), random_truth(stays=80, patients=40)
    risk = risks(strangers)
    assert judged(pairs, risk)["patients"] == 40
    assert judged(pairs, risk)["utility"][0] == judged(strangers, risk)["utility"][0]
    assert judged(pairs, risk)["utility"][1:] != judged(strangers, risk)["utility"][1:]
