"""The challenge utility against a plain-loop restatement of the official evaluator's definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.errors import DataError
from vitals.labelling.utility import call_gain, hours_from_onset, raw_utility, utility, utility_curve

HOUR = 3_600_000_000


def patient_utility(labels: list[int], calls: list[int]) -> float:
    """The definition, row by row, from the labels of one patient."""
    septic = any(labels)
    t_sepsis = labels.index(1) + 6 if septic else math.inf
    total = 0.0
    for t, call in enumerate(calls):
        if not septic:
            total += -0.05 if call else 0.0
        elif t <= t_sepsis + 3:
            if t <= t_sepsis - 6:
                total += max((t - t_sepsis + 12) / 6, -0.05) if call else 0.0
            else:
                total += (3 - (t - t_sepsis)) / 9 if call else -2 * (t - t_sepsis + 6) / 9
    return total


def best_calls(labels: list[int]) -> list[int]:
    if not any(labels):
        return [0] * len(labels)
    t_sepsis = labels.index(1) + 6
    return [int(max(0, t_sepsis - 12) <= t < min(t_sepsis + 3 + 1, len(labels))) for t in range(len(labels))]


def cohort_utility(labels: list[list[int]], calls: list[list[int]]) -> float:
    observed = sum(map(patient_utility, labels, calls))
    best = sum(patient_utility(own, best_calls(own)) for own in labels)
    silent = sum(patient_utility(own, [0] * len(own)) for own in labels)
    return (observed - silent) / (best - silent) if best > silent else math.nan


def flat_tau(labels: list[list[int]]) -> np.ndarray:
    """τ as the package gets it: from row times and an onset six hours after the first positive row."""
    time = [HOUR * (t + 1) for own in labels for t in range(len(own))]
    stay = [s for s, own in enumerate(labels) for _ in own]
    onsets = [(s, HOUR * (own.index(1) + 1 + 6)) for s, own in enumerate(labels) if any(own)]
    return hours_from_onset(time, stay, [s for s, _ in onsets], [o for _, o in onsets])


def labels_of(length: int, first: int) -> list[int]:
    return [int(t >= first) for t in range(length)]


cohorts = st.lists(st.builds(labels_of, st.integers(1, 30), st.integers(0, 40)), min_size=1, max_size=6)


@given(cohorts, st.data())
def test_utility_equals_plain_loops(labels, data) -> None:  # type: ignore[no-untyped-def]
    calls = [data.draw(st.lists(st.integers(0, 1), min_size=len(own), max_size=len(own))) for own in labels]
    tau = flat_tau(labels)
    flat = np.array([call for own in calls for call in own])
    assert raw_utility(tau, flat) == pytest.approx(sum(map(patient_utility, labels, calls)), abs=1e-12)
    assert utility(tau, flat) == pytest.approx(cohort_utility(labels, calls), abs=1e-12, nan_ok=True)


@given(cohorts)
def test_gain_is_called_minus_not_called(labels) -> None:  # type: ignore[no-untyped-def]
    gain = iter(call_gain(flat_tau(labels)))
    for own in labels:
        for t in range(len(own)):
            alone = [int(t == u) for u in range(len(own))]
            wanted = patient_utility(own, alone) - patient_utility(own, [0] * len(own))
            assert next(gain) == pytest.approx(wanted, abs=1e-12)


@given(cohorts, st.data())
def test_curve_equals_one_evaluation_a_threshold(labels, data) -> None:  # type: ignore[no-untyped-def]
    tau = flat_tau(labels)
    risks = st.sampled_from([0.0, 0.1, 0.2, 0.5, math.nan])
    risk = np.array(data.draw(st.lists(risks, min_size=len(tau), max_size=len(tau))))
    thresholds, values = utility_curve(tau, risk)
    assert thresholds.tolist() == sorted({r for r in risk if not math.isnan(r)}, reverse=True)
    ends = np.cumsum([len(own) for own in labels])[:-1]
    for threshold, value in zip(thresholds, values, strict=True):
        calls = [part.astype(int).tolist() for part in np.split(risk >= threshold, ends)]
        assert value == pytest.approx(cohort_utility(labels, calls), abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("tau", "gain"),
    [
        (-13, -0.05),
        (-12, 0),
        (-9, 0.5),
        (-6, 1),
        (-5, 8 / 9 + 2 / 9),
        (0, 1 / 3 + 4 / 3),
        (3, 2),
        (4, 0),
        (math.nan, -0.05),
    ],
)
def test_gain_by_hand(tau: float, gain: float) -> None:
    assert call_gain([tau])[0] == pytest.approx(gain, abs=1e-15)


def test_self_check_of_the_official_evaluator() -> None:
    tau = flat_tau([[0, 0, 0, 0, 1, 1]])
    assert tau.tolist() == [-10, -9, -8, -7, -6, -5]
    assert raw_utility(tau, [0, 0, 1, 1, 1, 1]) == 3.388888888888889


def test_order_of_rows_does_not_move_a_bit() -> None:
    draw = np.random.default_rng(3)
    tau = np.where(draw.random(5000) < 0.5, np.nan, draw.integers(-30, 8, 5000)).astype(float)
    calls = draw.integers(0, 2, 5000)
    wanted = utility(tau, calls)
    for _ in range(5):
        order = draw.permutation(5000)
        assert utility(tau[order], calls[order]) == wanted


def test_no_septic_row_has_no_utility() -> None:
    assert math.isnan(utility([math.nan, -40.0], [1, 0]))
    assert np.isnan(utility_curve([math.nan], [0.3])[1]).all()
    assert [len(part) for part in utility_curve([], [])] == [0, 0]


@pytest.mark.parametrize("calls", [[1], [1, 2], [0.3, 0.4], [math.nan, 1]])
def test_calls_that_do_not_fit_are_refused(calls: list[float]) -> None:
    with pytest.raises(DataError):
        utility([-6.0, -5.0], calls)


def test_risks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError):
        utility_curve([-6.0, -5.0], [0.5])
    with pytest.raises(DataError):
        hours_from_onset([1, 2], [0], [], [])
