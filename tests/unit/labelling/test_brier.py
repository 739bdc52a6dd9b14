"""Brier score, its skill, and the expected calibration error: hand-worked cases and slow twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.errors import DataError
from vitals.labelling.brier import brier, brier_skill
from vitals.labelling.calibration import ece, reliability

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=60)


def columns(rows: list[tuple[bool, int]]) -> tuple[list[float], list[float]]:
    return [float(label) for label, _ in rows], [twentieth / 20 for _, twentieth in rows]


def test_by_hand() -> None:
    """(0.2² + 0.4² + 0.5²) / 3 = 0.15, and 0.15 / (2/9) = 0.675 of it is left."""
    assert brier([0, 1, 0], [0.2, 0.6, 0.5]) == pytest.approx(0.15)
    assert brier_skill([0, 1, 0], [0.2, 0.6, 0.5]) == pytest.approx(1 - 0.675)


def test_one_label_only_has_no_skill() -> None:
    assert math.isnan(brier_skill([0, 0], [0.1, 0.2]))
    assert math.isnan(brier([], []))
    assert math.isnan(brier_skill([], []))


@pytest.mark.parametrize(("label", "risk"), [([0, 1], [0.5]), ([0], [math.nan])])
def test_refuses_what_cannot_be_scored(label: list[int], risk: list[float]) -> None:
    with pytest.raises(DataError):
        brier(label, risk)


@given(ROWS)
def test_ece_is_the_weighted_distance_of_the_groups(rows: list[tuple[bool, int]]) -> None:
    label, risk = columns(rows)
    order = sorted(range(len(risk)), key=lambda i: risk[i])
    table, total, begin = reliability(label, risk), 0.0, 0
    for size in table.rows:
        members = order[begin : begin + int(size)]
        begin += int(size)
        total += abs(sum(label[i] for i in members) - sum(risk[i] for i in members))
    assert begin == len(risk)
    assert ece(label, risk) == pytest.approx(total / len(risk), abs=1e-12)


@given(ROWS)
def test_ece_of_one_group_is_calibration_in_the_mean(rows: list[tuple[bool, int]]) -> None:
    label, risk = columns(rows)
    assert ece(label, risk, groups=1) == pytest.approx(abs(np.mean(label) - np.mean(risk)), abs=1e-12)


def test_ece_of_nothing() -> None:
    assert math.isnan(ece([], []))
