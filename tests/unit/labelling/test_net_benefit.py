"""Net benefit: hand-worked, against a slow twin, and against what another package says of the same rows."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.errors import DataError, SettingsError
from vitals.labelling.labels import NO_ONSET
from vitals.labelling.net_benefit import decision_curve, landmarks, net_benefit, treat_all

HOUR = 3_600_000_000
RECORDED = json.loads((Path(__file__).parents[2] / "assets" / "decision_curve.json").read_text("utf-8"))
ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=60)
THRESHOLDS = st.lists(st.integers(1, 19).map(lambda twentieth: twentieth / 20), min_size=1, max_size=5)


def recorded_rows() -> tuple[np.ndarray, np.ndarray]:
    """500 decisions made by whole-number arithmetic, so that they are the same everywhere."""
    i = np.arange(1, RECORDED["rows"] + 1)
    risk = np.round(((i * 7919) % 1009) / 1010 * 0.6 + 0.001, 4)
    return (((i * 104729) % 1013) / 1013 < risk).astype(int), risk


def slow(label: list[float], risk: list[float], threshold: float) -> float:
    true = sum(y == 1 and p >= threshold for y, p in zip(label, risk, strict=True))
    false = sum(y == 0 and p >= threshold for y, p in zip(label, risk, strict=True))
    return true / len(label) - false / len(label) * threshold / (1 - threshold)


def test_by_hand() -> None:
    """Ten decisions, at 20 %: three true, four false; 3/10 - 4/10 · 1/4 = 0.2."""
    label = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    risk = [0.9, 0.5, 0.2, 0.1, 0.8, 0.4, 0.3, 0.2, 0.1, 0.0]
    curve = decision_curve(label, risk, [0.2])
    assert curve.model[0] == pytest.approx(0.2)
    assert curve.everybody[0] == pytest.approx(0.4 - 0.6 / 4)
    # acting on everybody costs 6 needless actions and catches one more: (0.2 - 0.25) · 4 · 100
    assert curve.avoided[0] == pytest.approx(-20.0)


def test_says_what_dcurves_says() -> None:
    label, risk = recorded_rows()
    assert int(label.sum()) == RECORDED["positive"]
    curve = decision_curve(label, risk, RECORDED["threshold"])
    assert curve.model == pytest.approx(np.array(RECORDED["model"]), abs=1e-12)
    assert curve.everybody == pytest.approx(np.array(RECORDED["all"]), abs=1e-12)


@given(ROWS, THRESHOLDS)
def test_is_the_definition(rows: list[tuple[bool, int]], thresholds: list[float]) -> None:
    label, risk = [float(y) for y, _ in rows], [twentieth / 20 for _, twentieth in rows]
    assert net_benefit(label, risk, thresholds) == pytest.approx([slow(label, risk, t) for t in thresholds])
    assert treat_all(label, thresholds) == pytest.approx([slow(label, [1.0] * len(label), t) for t in thresholds])


def test_nothing_to_decide_is_no_benefit() -> None:
    assert all(math.isnan(value) for value in net_benefit([], [], [0.1, 0.2]))


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1, math.nan])
def test_refuses_thresholds_without_odds(threshold: float) -> None:
    with pytest.raises(SettingsError):
        net_benefit([0, 1], [0.1, 0.9], [threshold])


@pytest.mark.parametrize(("label", "risk"), [([0, 1], [0.5]), ([0], [math.nan]), ([2], [0.5])])
def test_refuses_what_is_no_decision(label: list[int], risk: list[float]) -> None:
    with pytest.raises(DataError):
        net_benefit(label, risk, [0.5])


def test_one_decision_a_shift_until_the_onset() -> None:
    """Two stays: the first rows of the shifts 0 and 1, none in shift 2, none from the onset on."""
    stay = [0, 0, 0, 0, 1, 1, 1]
    hours = np.array([2, 11, 12, 23, 5, 26, 40])
    admitted, onset = np.array([0, 4 * HOUR]), np.array([NO_ONSET, 40 * HOUR])
    assert landmarks(stay, hours * HOUR, admitted, onset, 12 * HOUR).tolist() == [0, 2, 4, 5]


def test_a_shift_has_a_length() -> None:
    with pytest.raises(SettingsError):
        landmarks([0], [1], [0], [2], 0)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), max_size=40, unique=True), st.integers(1, 13))
def test_landmarks_are_the_first_of_each_shift(rows: list[tuple[int, int]], every: int) -> None:
    rows = sorted(rows)
    onset = [NO_ONSET, 20, 45, 0]
    first: dict[tuple[int, int], int] = {}
    for number, (stay, time) in enumerate(rows):
        if time < onset[stay]:
            first.setdefault((stay, time // every), number)
    found = landmarks([s for s, _ in rows], [t for _, t in rows], [0] * 4, onset, every)
    assert found.tolist() == sorted(first.values())
