"""Whole scores worked by hand, and what missing, old or ill-formed input does to them."""

import numpy as np
import pytest

from vitals.bedside.criteria import qsofa, shock_index, sirs
from vitals.bedside.mews import mews
from vitals.bedside.news2 import SIGNALS, news2, news2_risk
from vitals.bedside.score import score_rows
from vitals.errors import DataError
from vitals.windowing.types import Rows

NAN = np.nan


def columns(**named):
    return {name: np.atleast_1d(np.asarray(value, np.float32)) for name, value in named.items()}


def rows_of(value, age):
    value, age = np.asarray(value, np.float32), np.asarray(age, np.float32)
    count = len(value)
    return Rows(np.zeros(count, np.int32), np.arange(count), value, age, np.zeros(count, np.int8))


SICK = columns(resp_rate=26, spo2=92, oxygen=1, sbp=98, heart_rate=118, avpu=2, temperature=38.4)


def test_news2_by_hand():
    """26/min 3, 92 % 2, oxygen 2, 98 mmHg 2, 118/min 2, voice 3, 38.4 °C 1: 15."""
    score = news2(SICK)
    assert {name: points[0] for name, points in score.components.items()} == {
        "resp_rate": 3, "spo2": 2, "oxygen": 2, "sbp": 2, "heart_rate": 2, "avpu": 3, "temperature": 1,
    }  # fmt: skip
    assert (score.score[0], score.observed[0]) == (15, 7)


def test_mews_by_hand():
    """98 mmHg 1, 118/min 2, 26/min 2, 38.4 °C 0, voice 1: 6."""
    assert (mews(SICK).score[0], mews(SICK).observed[0]) == (6, 5)


@pytest.mark.parametrize(
    ("gcs_below", "gcs", "avpu", "expected"),
    [(15, 15, NAN, 0), (15, 14, NAN, 1), (14, 14, NAN, 0), (14, 13, NAN, 1), (15, NAN, 1, 1), (15, NAN, 0, 0),
     (15, 15, 2, 0), (15, NAN, NAN, NAN)],
)  # fmt: skip
def test_qsofa_mentation(gcs_below, gcs, avpu, expected):
    score = qsofa(columns(gcs=gcs, avpu=avpu), gcs_below=gcs_below)
    np.testing.assert_array_equal(score.components["mentation"], [expected])
    np.testing.assert_array_equal(score.score, [expected])


@pytest.mark.parametrize(
    ("name", "value", "points"),
    [("resp_rate", 21, 0), ("resp_rate", 21.9, 0), ("resp_rate", 22, 1), ("sbp", 100, 1), ("sbp", 100.1, 0)],
)
def test_qsofa_edges(name, value, points):
    assert qsofa(columns(**{name: value})).score[0] == points


@pytest.mark.parametrize(
    ("name", "value", "points"),
    [("temperature", 35.9, 1), ("temperature", 36, 0), ("temperature", 38, 0), ("temperature", 38.1, 1),
     ("heart_rate", 90, 0), ("heart_rate", 91, 1), ("resp_rate", 20, 0), ("resp_rate", 21, 1), ("paco2", 32, 0),
     ("paco2", 31.9, 1), ("wbc", 3.9, 1), ("wbc", 4, 0), ("wbc", 12, 0), ("wbc", 12.1, 1)],
)  # fmt: skip
def test_sirs_edges(name, value, points):
    assert sirs(columns(**{name: value})).score[0] == points


def test_sirs_counts_breathing_once():
    score = sirs(columns(resp_rate=[24, 16, 24, NAN], paco2=[30, 30, NAN, 40], heart_rate=[100, 100, 100, NAN]))
    assert score.components["respiration"].tolist() == [1, 1, 1, 0]
    assert score.score.tolist() == [2, 2, 2, 0]
    assert score.observed.tolist() == [2, 2, 2, 1]


def test_shock_index_needs_both_values():
    score = shock_index(columns(heart_rate=[120, 120, NAN, 70], sbp=[80, NAN, 100, 140]))
    np.testing.assert_array_equal(score.score, np.array([1.5, NAN, NAN, 0.5], np.float32))
    assert score.observed.tolist() == [2, 1, 1, 2]


def test_missing_components_count_nothing_and_show():
    score = news2(columns(heart_rate=[140, NAN, NAN], spo2=[NAN, 90, NAN]))
    np.testing.assert_array_equal(score.score, [3, 3, NAN])
    assert score.observed.tolist() == [1, 1, 0]
    np.testing.assert_array_equal(score.components["heart_rate"], [3, NAN, NAN])


@pytest.mark.parametrize("score", [news2, mews, qsofa, sirs, shock_index])
def test_nothing_observed_gives_no_score(score):
    empty = score(columns(resp_rate=[NAN, np.inf], heart_rate=[NAN, -np.inf], sbp=[NAN, NAN]))
    assert np.isnan(empty.score).all()
    assert empty.observed.tolist() == [0, 0]
    assert np.isnan(empty.oldest_age).all()


def test_the_oldest_age_is_of_the_values_used():
    values = columns(heart_rate=[80, 80, NAN], sbp=[120, NAN, NAN], wbc=[9, 9, 9])
    ages = columns(heart_rate=[0.5, 0.5, 1.0], sbp=[7.5, 9.0, 2.0], wbc=[30, 30, 30])
    np.testing.assert_array_equal(news2(values, ages).oldest_age, np.array([7.5, 0.5, NAN], np.float32))
    np.testing.assert_array_equal(shock_index(values, ages).oldest_age, np.array([7.5, 0.5, NAN], np.float32))
    np.testing.assert_array_equal(sirs(values, ages).oldest_age, [30, 30, 30])


def test_qsofa_ages_come_from_the_mentation_that_was_used():
    values, ages = columns(gcs=[15, NAN], avpu=[0, 0]), columns(gcs=[1, 1], avpu=[20, 20])
    assert qsofa(values, ages).oldest_age.tolist() == [1, 20]


def test_a_value_older_than_the_limit_is_missing_and_one_of_that_age_is_not():
    values = columns(heart_rate=[140, 140, 140])
    ages = columns(heart_rate=[8.0, np.nextafter(np.float32(8), np.float32(9)), NAN])
    score = news2(values, ages, max_age_hours=8)
    np.testing.assert_array_equal(score.score, [3, NAN, NAN])
    assert score.observed.tolist() == [1, 0, 0]
    np.testing.assert_array_equal(score.oldest_age, [8, NAN, NAN])
    assert news2(values, ages).score.tolist() == [3, 3, 3]


def test_rows_of_the_windowing_score_like_their_columns():
    channels = ["age", "temperature", "heart_rate", "sbp"]
    rows = rows_of([[70, 39.5, 118, NAN], [70, NAN, NAN, 85]], [[2, 9, 0.1, NAN], [3, NAN, NAN, 1]])
    assert score_rows(news2, rows, channels).score.tolist() == [4, 3]
    limited = score_rows(news2, rows, channels, max_age_hours=8)
    assert limited.score.tolist() == [2, 3]
    np.testing.assert_array_equal(limited.oldest_age, np.array([0.1, 1], np.float32))
    assert score_rows(qsofa, rows, channels, gcs_below=14).score.tolist()[1] == 1


def test_channels_that_do_not_fit_the_rows_are_refused():
    with pytest.raises(DataError, match="2 names; wanted 1, one for each column"):
        score_rows(news2, rows_of([[80]], [[0]]), ["heart_rate", "sbp"])


def test_ill_formed_input_says_what_is_wrong():
    with pytest.raises(DataError, match="came pulse; wanted at least one of resp_rate, spo2"):
        news2(columns(pulse=80))
    with pytest.raises(DataError, match="different lengths \\(heart_rate 1, avpu 2\\)"):
        news2(columns(heart_rate=80, avpu=[0, 0]))
    with pytest.raises(DataError, match="different lengths \\(heart_rate 1, age of heart_rate 2\\)"):
        news2(columns(heart_rate=80), columns(heart_rate=[1, 2]))
    with pytest.raises(DataError, match="max_age_hours: came no ages"):
        news2(columns(heart_rate=80), max_age_hours=8)
    with pytest.raises(DataError, match="spo2_scale: came \\[3\\]; wanted 1 or 2"):
        news2(columns(spo2=95), spo2_scale=3)


def test_what_was_passed_is_left_as_it_was():
    values = columns(heart_rate=[140, 60], spo2=[88, 99])
    ages = columns(heart_rate=[9, 1], spo2=[1, 9])
    news2(values, ages, max_age_hours=8)
    assert values["heart_rate"].tolist() == [140, 60]
    assert ages["spo2"].tolist() == [1, 9]


def test_rows_do_not_look_at_each_other():
    rng = np.random.default_rng(3)
    spread = {"resp_rate": (5, 35), "spo2": (80, 101), "oxygen": (0, 2), "sbp": (60, 230), "heart_rate": (35, 150),
              "avpu": (0, 5), "temperature": (34, 40)}  # fmt: skip
    values = {name: rng.uniform(*spread[name], 50).astype(np.float32) for name in SIGNALS}
    values["oxygen"], values["avpu"] = np.floor(values["oxygen"]), np.floor(values["avpu"])
    whole = news2(values).score
    alone = [news2({name: value[i : i + 1] for name, value in values.items()}).score[0] for i in range(50)]
    assert len(set(alone)) > 5
    assert whole.tolist() == alone


def test_risk_orders_as_the_score_does():
    risk = news2_risk(news2(SICK).score)
    assert risk.dtype == np.float32
    assert risk[0] == np.float32(15 / 20)
    assert (news2_risk(np.float32(7)) >= float(news2_risk(7))).all()
