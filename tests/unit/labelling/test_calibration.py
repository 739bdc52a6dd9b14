"""Calibration against scikit-learn, a plain loess and what can be worked by hand."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from vitals.errors import DataError
from vitals.labelling.calibration import (
    absolute_errors,
    calibration_in_the_large,
    e50,
    e90,
    ici,
    reliability,
    slope_intercept,
)
from vitals.labelling.loess import loess

Float64 = NDArray[np.float64]


def logit(risk: Float64) -> Float64:
    return np.log(risk / (1 - risk))


def sigmoid(x: Float64) -> Float64:
    return 1 / (1 + np.exp(-x))


def rare_events(n: int, slope: float, intercept: float, seed: int = 0) -> tuple[Float64, Float64]:
    """Labels and risks as of sepsis rows, with the truth at ``slope`` and ``intercept`` on the scale of the logit."""
    draw = np.random.default_rng(seed)
    risk = sigmoid(draw.normal(-4.5, 1.3, n))
    return (draw.random(n) < sigmoid(intercept + slope * logit(risk))).astype(float), risk


def plain_loess(x: Float64, y: Float64, span: float) -> Float64:
    """Cleveland's definition, one weighted least squares a row."""
    curve = np.empty(len(x))
    for i in range(len(x)):
        distance = np.abs(x - x[i])
        reach = np.sort(distance)[max(1, math.floor(span * len(x) + 1e-5)) - 1]
        if reach == 0:
            curve[i] = y[distance == 0].mean()
            continue
        weight = np.where(distance < reach, (1 - (distance / reach) ** 3) ** 3, 0)
        root = np.sqrt(weight)
        parabola = np.stack([np.ones(len(x)), (x - x[i]) / reach, ((x - x[i]) / reach) ** 2], 1)
        curve[i] = np.linalg.lstsq(parabola * root[:, None], y * root, rcond=None)[0][0]
    return curve


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (0.5, -2), (1.8, 1), (-0.7, -4)])
def test_slope_and_intercept_are_scikit_learns(slope: float, intercept: float) -> None:
    label, risk = rare_events(20_000, slope, intercept)
    oracle = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(logit(risk).reshape(-1, 1), label)
    found = slope_intercept(label, risk)
    assert found[0] == pytest.approx(oracle.coef_[0, 0], abs=1e-7)
    assert found[1] == pytest.approx(oracle.intercept_[0], abs=1e-7)
    assert found[0] == pytest.approx(slope, abs=0.15)


def test_a_row_that_counts_three_times_is_three_rows() -> None:
    label, risk = rare_events(2_000, 0.7, 0.5)
    times = np.random.default_rng(1).integers(1, 4, len(label))
    found = slope_intercept(label, risk, times)
    assert found == pytest.approx(slope_intercept(np.repeat(label, times), np.repeat(risk, times)), abs=1e-7)
    assert found != pytest.approx(slope_intercept(label, risk), abs=1e-3)


@given(st.integers(2, 40), st.integers(0, 10**6))
def test_no_line_is_likelier(n: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    label, risk = draw.integers(0, 2, n).astype(float), draw.choice([0, 1e-9, 0.01, 0.3, 0.30001, 0.9, 1], n)
    slope, intercept = slope_intercept(label, risk)
    x = logit(np.clip(risk, 1e-7, 1 - 1e-7))
    if math.isnan(slope):
        high, low = x[label == 1], x[label == 0]
        assert math.isnan(intercept)
        assert len(high) == 0 or len(low) == 0 or high.min() >= low.max() or low.min() >= high.max()
        return
    # at the likeliest line the errors sum to nothing, plain and weighted by the logit
    error = label - sigmoid(intercept + slope * x)
    assert abs(error.sum()) < 1e-7 * n
    assert abs((error * x).sum()) < 1e-6 * n


def test_calibration_in_the_large_makes_the_sums_equal() -> None:
    label, risk = rare_events(20_000, 1, 0.8)
    intercept = calibration_in_the_large(label, risk)
    assert sigmoid(intercept + logit(risk)).sum() == pytest.approx(label.sum(), rel=1e-9)
    assert intercept == pytest.approx(0.8, abs=0.1)
    assert calibration_in_the_large(1 - label, 1 - risk) == pytest.approx(-intercept, abs=1e-8)


@pytest.mark.parametrize("label", [[], [0, 0, 0], [1, 1, 1]])
def test_one_label_alone_has_no_line(label: list[int]) -> None:
    risk = np.linspace(0.1, 0.4, len(label))
    assert all(map(math.isnan, (*slope_intercept(label, risk), calibration_in_the_large(label, risk))))


def test_risks_that_separate_or_are_all_one_have_no_line() -> None:
    for label, risk in (([0, 0, 1, 1], [0.1, 0.2, 0.2, 0.7]), ([1, 1, 0], [0.1, 0.2, 0.7]), ([0, 1, 1], [0.3] * 3)):
        assert all(map(math.isnan, slope_intercept(label, risk)))
    assert math.isfinite(calibration_in_the_large([0, 1, 1], [0.3] * 3))


def test_sure_risks_count_as_almost_sure() -> None:
    label = [0, 1, 0, 1, 0, 1]
    sure, almost = [0, 0, 0.2, 0.4, 1, 1], [1e-7, 1e-7, 0.2, 0.4, 1 - 1e-7, 1 - 1e-7]
    assert slope_intercept(label, sure) == pytest.approx(slope_intercept(label, almost))
    assert math.isfinite(slope_intercept(label, sure)[0])
    assert math.isfinite(calibration_in_the_large(label, sure))


@pytest.mark.parametrize("span", [0.75, 0.3])
@pytest.mark.parametrize("n", [3, 10, 300])
def test_up_to_a_thousand_rows_the_loess_is_the_plain_one(n: int, span: float) -> None:
    label, risk = rare_events(n, 0.7, 0.5, seed=4)
    label[::7] = 1
    if n >= 10:
        risk[1:4] = risk[0]  # ties
    np.testing.assert_allclose(loess(risk, label, span), plain_loess(risk, label, span), atol=1e-7)


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (0.5, -1), (1, 1)])
def test_gathering_thousands_of_rows_hardly_moves_the_curve(slope: float, intercept: float) -> None:
    label, risk = rare_events(2500, slope, intercept, seed=5)
    plain = plain_loess(risk, label, 0.75)
    np.testing.assert_allclose(loess(risk, label), plain, atol=2e-4)
    errors = np.abs(plain - risk)
    assert ici(label, risk) == pytest.approx(errors.mean(), rel=2e-3)
    assert e50(label, risk) == pytest.approx(np.median(errors), rel=2e-2)
    assert e90(label, risk) == pytest.approx(np.quantile(errors, 0.9), rel=1e-2)


def test_the_loess_keeps_parabolas_and_does_not_mind_the_order() -> None:
    draw = np.random.default_rng(6)
    x = draw.random(3000)
    order = draw.permutation(3000)
    np.testing.assert_allclose(loess(x, 2 * x * x - x), 2 * x * x - x, atol=1e-5)
    y = draw.random(3000)
    np.testing.assert_allclose(loess(x, y)[order], loess(x[order], y[order]), atol=1e-12)


def test_few_different_risks_are_judged_by_their_own_rows() -> None:
    """As of a bedside score: so many rows share a risk that they alone are near."""
    label = np.r_[np.arange(900) < 9, np.arange(100) < 30]
    risk = np.repeat([0.02, 0.5], [900, 100])
    np.testing.assert_allclose(loess(risk, label.astype(float))[:900], 0.01, atol=1e-12)
    assert ici(label, risk) == pytest.approx(0.9 * 0.01 + 0.1 * abs(loess(risk, label.astype(float))[-1] - 0.5))


def test_calibrated_risks_have_small_errors_and_doubled_ones_their_size() -> None:
    draw = np.random.default_rng(7)
    risk = draw.uniform(0, 0.5, 100_000)
    label = draw.random(100_000) < risk
    assert ici(label, risk) < 0.005
    assert slope_intercept(label, risk)[0] == pytest.approx(1, abs=0.03)
    # twice too high: off by the risk itself, half of what is told
    assert ici(label, 2 * risk) == pytest.approx(risk.mean(), rel=0.02)
    assert e50(label, 2 * risk) == pytest.approx(np.median(risk), rel=0.03)
    assert e90(label, 2 * risk) == pytest.approx(np.quantile(risk, 0.9), rel=0.03)
    assert (absolute_errors(label, 2 * risk) <= 1).all()


def test_a_million_rows_take_seconds() -> None:
    label, risk = rare_events(1_200_000, 1, 0)
    start = time.process_time()
    measured = (*slope_intercept(label, risk), calibration_in_the_large(label, risk), ici(label, risk))
    assert time.process_time() - start < 20
    assert np.allclose(measured, (1, 0, 0, 0), atol=0.05)


def test_deciles() -> None:
    label, risk = rare_events(1005, 1, 0)
    table = reliability(label, risk)
    order = np.argsort(risk)
    ends = [len(risk) * (k + 1) // 10 for k in range(10)]
    groups = np.split(order, ends[:-1])
    assert table.rows.tolist() == [len(group) for group in groups]
    np.testing.assert_allclose(table.risk, [risk[group].mean() for group in groups])
    np.testing.assert_allclose(table.observed, [label[group].mean() for group in groups])


def test_equal_risks_share_a_group() -> None:
    table = reliability([0, 1, 0, 1, 1, 0], [0.2, 0.2, 0.2, 0.2, 0.7, 0.9], groups=3)
    assert table.rows.tolist() == [4, 2]
    assert table.observed.tolist() == [0.5, 0.5]
    assert len(reliability([], []).rows) == 0
    assert reliability([1, 0], [0.5, 0.1], groups=10).rows.tolist() == [1, 1]


def test_no_rows_have_no_error() -> None:
    assert all(math.isnan(measure([], [])) for measure in (ici, e50, e90))


@pytest.mark.parametrize(
    "call",
    [([0, 1], [0.1]), ([0, 1], [0.1, math.nan]), ([0, 1], [0.1, 1.5]), ([0, 1], [-0.1, 0.5]), ([0, 2], [0.1, 0.2]),
     ([[0, 1]], [[0.1, 0.2]])],
)  # fmt: skip
def test_rows_that_cannot_be_judged_are_refused(call: Any) -> None:
    for measure in (slope_intercept, calibration_in_the_large, ici, e50, e90, reliability):
        with pytest.raises(DataError):
            measure(*call)
