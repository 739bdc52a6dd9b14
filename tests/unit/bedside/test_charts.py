"""Every band edge of NEWS2 and MEWS, from the printed tables typed a second time as inclusive ranges."""

import itertools

import numpy as np
import pytest

from vitals.bedside.mews import mews
from vitals.bedside.news2 import news2

# (lowest, highest, points), as a nurse reads the chart; None: open end.
NEWS2 = {
    "resp_rate": [(None, 8, 3), (9, 11, 1), (12, 20, 0), (21, 24, 2), (25, None, 3)],
    "spo2": [(None, 91, 3), (92, 93, 2), (94, 95, 1), (96, None, 0)],
    "oxygen": [(0, 0, 0), (1, 1, 2)],
    "sbp": [(None, 90, 3), (91, 100, 2), (101, 110, 1), (111, 219, 0), (220, None, 3)],
    "heart_rate": [(None, 40, 3), (41, 50, 1), (51, 90, 0), (91, 110, 1), (111, 130, 2), (131, None, 3)],
    "avpu": [(0, 0, 0), (1, 1, 3), (2, 2, 3), (3, 3, 3), (4, 4, 3)],
    "temperature": [(None, 35.0, 3), (35.1, 36.0, 1), (36.1, 38.0, 0), (38.1, 39.0, 1), (39.1, None, 2)],
}
SCALE_2_ON_AIR = [(None, 83, 3), (84, 85, 2), (86, 87, 1), (88, 92, 0), (93, None, 0)]
SCALE_2_ON_OXYGEN = [(None, 83, 3), (84, 85, 2), (86, 87, 1), (88, 92, 0), (93, 94, 1), (95, 96, 2), (97, None, 3)]
MEWS = {
    "sbp": [(None, 70, 3), (71, 80, 2), (81, 100, 1), (101, 199, 0), (200, None, 2)],
    "heart_rate": [(None, 40, 2), (41, 50, 1), (51, 100, 0), (101, 110, 1), (111, 129, 2), (130, None, 3)],
    "resp_rate": [(None, 8, 2), (9, 14, 0), (15, 20, 1), (21, 29, 2), (30, None, 3)],
    "temperature": [(None, 34.9, 2), (35.0, 38.4, 0), (38.5, None, 2)],
    "avpu": [(0, 0, 0), (2, 2, 1), (3, 3, 2), (4, 4, 3)],
}


def edges(ranges, unit):
    """Each printed edge with its points, and each side of every rounding boundary between two bands."""
    for low, high, points in ranges:
        if low is not None:
            yield low, points
        if high is not None:
            yield high, points
    for (_, high, below), (low, _, above) in itertools.pairwise(ranges):
        assert low == pytest.approx(high + unit)
        yield high + 0.49 * unit, below
        yield high + 0.5 * unit, above
        yield low - 0.51 * unit, below
        yield low - 0.49 * unit, above


def cases(table):
    """One test case for each value, named after it."""
    found = []
    for name, ranges in table.items():
        if name in {"oxygen", "avpu"}:
            values = [(low, points) for low, _, points in ranges]
        else:
            values = edges(ranges, 0.1 if name == "temperature" else 1)
        found += [pytest.param(name, value, points, id=f"{name}={value:.5g}") for value, points in values]
    return found


def points_of(score, name, value, dtype=np.float32, **options):
    given = score({name: np.array([value], dtype)}, **options)
    assert given.score[0] == given.components[name][0]
    return given.components[name][0]


@pytest.mark.parametrize(("name", "value", "points"), cases(NEWS2))
def test_every_edge_of_news2(name, value, points):
    assert points_of(news2, name, value) == points
    assert points_of(news2, name, value, np.float64) == points


@pytest.mark.parametrize(("name", "value", "points"), cases(MEWS))
def test_every_edge_of_mews(name, value, points):
    assert points_of(mews, name, value) == points
    assert points_of(mews, name, value, np.float64) == points


@pytest.mark.parametrize(("oxygen", "ranges"), [(0, SCALE_2_ON_AIR), (1, SCALE_2_ON_OXYGEN), (np.nan, SCALE_2_ON_AIR)])
def test_every_edge_of_spo2_scale_2(oxygen, ranges):
    for value, points in edges(ranges, 1):
        row = {"spo2": np.array([value], np.float32), "oxygen": np.array([oxygen], np.float32)}
        assert news2(row, spo2_scale=2).components["spo2"][0] == points, value


def test_scale_1_does_not_look_at_oxygen():
    for value, points in edges(NEWS2["spo2"], 1):
        row = {"spo2": np.array([value]), "oxygen": np.array([1.0])}
        assert news2(row).components["spo2"][0] == points, value


def test_the_scale_may_differ_from_row_to_row():
    row = {"spo2": np.array([89.0, 89.0, 97.0, 97.0]), "oxygen": np.ones(4)}
    assert news2(row, spo2_scale=np.array([1, 2, 1, 2])).components["spo2"].tolist() == [3, 0, 0, 3]


@pytest.mark.parametrize(("score", "table", "highest"), [(news2, NEWS2, 20), (mews, MEWS, 14)])
def test_the_worst_row_scores_the_highest_total_and_a_healthy_one_nothing(score, table, highest):
    worst, healthy = {}, {}
    for name, ranges in table.items():
        low, high, _ = max(ranges, key=lambda band: band[2])
        worst[name] = np.array([high if low is None else low], np.float32)
        low, high, _ = min(ranges, key=lambda band: band[2])
        healthy[name] = np.array([low if high is None else high], np.float32)
    assert score(worst).score[0] == highest
    assert score(healthy).score[0] == 0


@pytest.mark.parametrize("written", ["35.05", "36.05", "38.05", "39.05"])
def test_half_a_tenth_goes_up_whatever_the_float_behind_it(written):
    """Neither float32 nor float64 holds 38.05; a nurse who reads it charts 38.1."""
    up = {"35.05": 1, "36.05": 0, "38.05": 1, "39.05": 2}[written]
    assert points_of(news2, "temperature", float(written), np.float32) == up
    assert points_of(news2, "temperature", float(written), np.float64) == up


def test_confusion_scores_in_news2_and_is_alert_in_mews():
    assert points_of(news2, "avpu", 1) == 3
    assert points_of(mews, "avpu", 1) == 0
