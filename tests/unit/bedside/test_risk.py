"""Every bedside score by its name, on one scale."""

from __future__ import annotations

import numpy as np
import pytest

from vitals.bedside.news2 import news2, news2_risk
from vitals.bedside.risk import BEDSIDE_SCORES, bedside_risk
from vitals.bedside.score import score_rows
from vitals.errors import DataError, SettingsError
from vitals.windowing.types import Rows

CHANNELS = ("resp_rate", "spo2", "oxygen", "sbp", "heart_rate", "avpu", "temperature", "wbc", "age")
WORST = (35, 80, 1, 60, 150, 4, 34, 20, 70)
WELL = (14, 98, 0, 120, 70, 0, 37, 8, 70)


def rows_of(*values: tuple[float, ...], age: float = 1.0) -> Rows:
    value = np.array(values, np.float32)
    hours = np.where(np.isnan(value), np.nan, age).astype(np.float32)
    return Rows(np.zeros(len(value), np.int32), np.arange(len(value)), value, hours, np.zeros(len(value), np.int8))


@pytest.mark.parametrize("name", BEDSIDE_SCORES)
def test_the_worst_row_is_1_and_the_well_one_0(name: str) -> None:
    """By hand from the charts: the points of the worst row are all that the score can give."""
    risk = bedside_risk(name, rows_of(WORST, WELL), CHANNELS)
    assert risk.dtype == np.float32
    assert risk.tolist() == [1, 0]


def test_points_are_counted_by_hand() -> None:
    """Pulse 118 and breathing 22: NEWS2 2 + 2, MEWS 2 + 2, qSOFA 1, SIRS 2."""
    risk = {name: bedside_risk(name, rows_of((118, 22)), ["heart_rate", "resp_rate"])[0] for name in BEDSIDE_SCORES}
    assert risk == {
        "news2": np.float32(4 / 20), "mews": np.float32(4 / 14), "qsofa": np.float32(1 / 3), "sirs": np.float32(2 / 4),
    }  # fmt: skip


@pytest.mark.parametrize("name", BEDSIDE_SCORES)
def test_old_values_count_nothing_and_nothing_known_has_no_risk(name: str) -> None:
    rows = rows_of(WORST, age=8.5)
    assert bedside_risk(name, rows, CHANNELS, max_age_hours=9).tolist() == [1]
    assert np.isnan(bedside_risk(name, rows, CHANNELS, max_age_hours=8)).all()
    partly = rows_of(WORST, age=8)
    partly.age[0, CHANNELS.index("resp_rate")] = 9
    assert 0 < bedside_risk(name, partly, CHANNELS, max_age_hours=8)[0] < 1


def test_a_threshold_is_reached_by_its_own_points() -> None:
    """Bits count: an alert is a risk at or over the threshold."""
    rows = rows_of(
        *(
            (float(rate), 99.0, 0.0, 120.0, float(pulse), 0.0, 37.0, 8.0, 70.0)
            for rate in (9, 14, 22, 30)
            for pulse in (35, 70, 100, 120, 140)
        )
    )
    points = score_rows(news2, rows, CHANNELS, 8).score
    assert len(set(points.tolist())) > 5
    assert bedside_risk("news2", rows, CHANNELS).tolist() == [float(news2_risk(point)) for point in points]


def test_a_row_without_a_risk_of_the_model_has_none_here_either() -> None:
    rows = rows_of(WORST, WORST)
    rows.reason[0] = 1
    assert np.isnan(bedside_risk("sirs", rows, CHANNELS)).tolist() == [True, False]


def test_unknown_names_and_foreign_rows_are_refused() -> None:
    with pytest.raises(SettingsError, match=r'"news"; wanted one of news2, mews, qsofa, sirs; .*news2'):
        bedside_risk("news", rows_of(WELL), CHANNELS)
    with pytest.raises(DataError):
        bedside_risk("qsofa", rows_of((8,)), ["wbc"])
