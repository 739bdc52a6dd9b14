"""The ward is neither so easy that NEWS2 is perfect nor so hard that nothing can be learnt, and no clock gives it away."""

from pathlib import Path

import numpy as np
import pytest

from vitals.bedside.news2 import news2
from vitals.bedside.score import score_rows
from vitals.labelling.labels import label_rows
from vitals.labelling.ranking import auroc
from vitals.simulator.simulate import simulate
from vitals.simulator.ward import HOUR, MINUTE
from vitals.spec.settings import Settings
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.types import Events, Reason

SETTINGS = Settings.from_toml(Path(__file__).parents[3] / "settings" / "ward.toml")


@pytest.fixture(scope="module")
def scored():
    """Label, NEWS2, hours since admission and values of every usable row of one ward."""
    ward = simulate(beds=150, hours=48, seed=11)
    carry = Carry.empty(SETTINGS, beds=len(ward.stays))
    carry.admit(np.arange(len(ward.stays)), ward.stays.admitted)
    channel = np.array([SETTINGS.channels.index(name) for name in ward.signals], np.int16)
    events = Events(ward.events.stay, ward.events.time, channel[ward.events.signal], ward.events.value)
    _, rows, dropped = advance(SETTINGS, carry, events, until=ward.stays.discharged)
    label, usable = label_rows(SETTINGS.label, rows.time, rows.bed, ward.outcomes.stay, ward.outcomes.onset)
    points = score_rows(news2, rows, SETTINGS.channels, max_age_hours=8).score
    usable &= (rows.reason != Reason.WARMING_UP) & np.isfinite(points)
    since = (rows.time - ward.stays.admitted[rows.bed]) / HOUR
    return ward, rows, dropped, label, points, since, usable


def test_news2_is_useful_and_far_from_perfect(scored):
    *_, label, points, _, usable = scored
    assert 0.70 < auroc(label[usable], points[usable]) < 0.87


def test_the_time_since_admission_tells_next_to_nothing(scored):
    *_, label, _, since, usable = scored
    assert 0.4 < auroc(label[usable], since[usable]) < 0.6


def test_whether_a_value_is_there_tells_nothing(scored):
    _, rows, _, label, _, _, usable = scored
    for column in range(len(SETTINGS.signals)):
        missing = np.isnan(rows.value[usable, column])
        assert 0.42 < auroc(label[usable], missing) < 0.58, SETTINGS.channels[column]


def test_the_change_from_a_patients_own_level_tells_more_than_the_level(scored):
    """What a model with a memory can learn and a score of the moment cannot."""
    ward, rows, _, label, _, _, usable = scored
    pulse = rows.value[:, SETTINGS.channels.index("heart_rate")].astype(np.float64)
    hour, rise = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for bed in range(len(ward.stays)):
        mine = np.flatnonzero(rows.bed == bed)
        total, known = np.cumsum(np.nan_to_num(pulse[mine])), np.cumsum(np.isfinite(pulse[mine]))
        count = np.maximum(known[60:] - known[:-60], 1)
        hour[mine[60:]] = np.where(known[60:] > known[:-60], (total[60:] - total[:-60]) / count, np.nan)
        rise[mine[60:]] = hour[mine[60:]] - total[60:] / np.maximum(known[60:], 1)
    both = usable & np.isfinite(rise)
    assert both.sum() > 100_000
    assert auroc(label[both], rise[both]) > auroc(label[both], hour[both]) + 0.03


def test_the_windowing_takes_the_ward_and_counts_what_it_leaves_out(scored):
    ward, rows, dropped, *_ = scored
    minutes = (ward.stays.discharged - ward.stays.admitted) // MINUTE
    np.testing.assert_array_equal(np.bincount(rows.bed, minlength=len(ward.stays)), minutes)
    counts = dropped.counts()
    assert counts.keys() == {"late", "duplicate", "impossible"}
    assert all(0.0005 < count / len(ward.events) < 0.03 for count in counts.values())
