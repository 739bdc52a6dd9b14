"""The whole ward: what must hold of every stay, sample and onset, whatever the seed."""

import dataclasses

import numpy as np
import pytest

from vitals.errors import SettingsError
from vitals.signals import catalogue
from vitals.simulator.illness import COURSES
from vitals.simulator.simulate import DETERIORATE, simulate
from vitals.simulator.ward import HOUR, MINUTE, SECOND


@pytest.fixture(scope="module")
def ward():
    return simulate(beds=120, hours=24, seed=3)


def columns_of(part):
    return {name: getattr(part, name) for name in part.__dataclass_fields__}


def same(left, right):
    return all(np.array_equal(columns_of(left)[name], column) for name, column in columns_of(right).items())


def test_a_tiny_ward_has_all_there_is():
    tiny = simulate(beds=12, hours=8, seed=1)
    assert len(tiny.stays) == 12
    assert 0 < len(tiny.outcomes) < 12
    assert set(tiny.events.signal) == set(range(len(tiny.signals)))


def test_the_same_seed_gives_the_same_bits():
    one, two, other = simulate(6, 8, seed=5), simulate(6, 8, seed=5), simulate(6, 8, seed=6)
    for part in ("stays", "events", "outcomes"):
        assert same(getattr(one, part), getattr(two, part))
        assert not same(getattr(one, part), getattr(other, part))


def test_a_stay_does_not_depend_on_how_many_others_there_are():
    small, large = simulate(12, 8, seed=2), simulate(40, 8, seed=2)
    first = {name: column[:12] for name, column in columns_of(large.stays).items()}
    assert same(small.stays, dataclasses.replace(large.stays, **first))
    ours = large.events.stay < 12
    assert same(small.events, type(large.events)(*(column[ours] for column in columns_of(large.events).values())))


def test_progress_counts_every_stay():
    calls = []
    simulate(4, 2, seed=1, progress=lambda done, of: calls.append((done, of)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(("beds", "hours", "words"), [(0, 8, "beds: came 0"), (3, 0.5, "hours: came 0.5"),
                                                      (3, float("nan"), "hours: came nan")])  # fmt: skip
def test_a_ward_without_beds_or_time_is_refused(beds, hours, words):
    with pytest.raises(SettingsError, match=words):
        simulate(beds, hours, seed=1)


def test_the_shortest_and_smallest_ward_works():
    for seed in range(20):
        ward = simulate(beds=2, hours=1, seed=seed)
        assert (ward.stays.discharged > ward.stays.admitted).all()


def test_columns_have_the_types_the_windowing_takes(ward):
    kinds = {name: column.dtype for name, column in columns_of(ward.events).items()}
    assert kinds == {"stay": np.int32, "time": np.int64, "signal": np.int16, "value": np.float32, "arrival": np.int64}
    assert len({len(column) for column in columns_of(ward.events).values()}) == 1
    assert (ward.stays.age.dtype, ward.stays.admitted.dtype) == (np.float32, np.int64)


def test_ids_are_unique_and_signals_are_of_the_catalogue(ward):
    assert len(set(ward.stays.stay_id)) == len(ward.stays)
    assert all(catalogue()[name].kind == "vital" for name in ward.signals)


def test_events_are_in_the_order_of_arrival_and_within_the_stay(ward):
    events, stays = ward.events, ward.stays
    assert (np.diff(events.arrival) >= 0).all()
    assert (events.arrival >= events.time).all()
    assert (events.arrival >= stays.admitted[events.stay]).all()
    assert (events.arrival <= stays.discharged[events.stay]).all()


def test_some_stays_bring_values_from_before_the_admission(ward):
    history = ward.events.time <= ward.stays.admitted[ward.events.stay]
    share = len(np.unique(ward.events.stay[history])) / len(ward.stays)
    assert 0.4 < share < 0.8


def test_lengths_vary_around_the_hours_asked_for(ward):
    quiet = np.setdiff1d(np.arange(len(ward.stays)), ward.outcomes.stay)
    hours = ((ward.stays.discharged - ward.stays.admitted) / HOUR)[quiet]
    assert 0.35 * 24 <= hours.min() < 0.6 * 24
    assert 24 < hours.max() <= 1.15 * 24


def test_onsets_lie_within_the_stay_which_ends_a_few_hours_later(ward):
    stay, onset = ward.outcomes.stay, ward.outcomes.onset
    after = (ward.stays.discharged[stay] - onset) / HOUR
    assert (onset >= ward.stays.admitted[stay] + 30 * MINUTE).all()
    assert after.min() >= 0.4 - 1 / 3600
    assert after.max() <= 3.5
    assert (np.diff(stay) > 0).all()
    assert set(ward.outcomes.kind) == {"deterioration"}


@pytest.mark.parametrize("seed", range(4))
def test_the_share_of_deteriorations_is_steady(seed):
    share = len(simulate(60, 1, seed).outcomes) / 60
    assert share == pytest.approx(DETERIORATE, abs=0.035)


def test_every_course_occurs(ward):
    assert set(ward.outcomes.course) == {course.name for course in COURSES}


def test_a_person_who_comes_back_is_the_same_and_is_never_in_two_beds(ward):
    stays = ward.stays
    ids, counts = np.unique(stays.subject_id, return_counts=True)
    assert counts.max() == 2
    for person in ids[counts > 1]:
        first, second = np.flatnonzero(stays.subject_id == person)
        assert stays.admitted[second] > stays.discharged[first]
        for name in ("site", "age", "sex"):
            assert getattr(stays, name)[first] == getattr(stays, name)[second]


def test_values_are_rounded_as_displays_and_charts_round(ward):
    temperature = ward.events.signal == ward.signals.index("temperature")
    tenths = ward.events.value[temperature].astype(np.float64) * 10
    assert np.abs(tenths - np.rint(tenths)).max() < 1e-4
    assert (np.mod(tenths, 10) > 0.5).any()
    whole = ward.events.value[~temperature]
    assert (whole == np.rint(whole)).all()


def test_impossible_values_are_zeros_of_fallen_probes_and_nothing_else(ward):
    low, high = np.array([catalogue()[name].limits for name in ward.signals]).T
    value, signal = ward.events.value, ward.events.signal
    impossible = (value < low[signal]) | (value > high[signal])
    assert 0.0005 < impossible.mean() < 0.05
    assert set(value[impossible]) == {0}
    assert {ward.signals[i] for i in set(signal[impossible])} == {"heart_rate", "spo2"}


def test_systolic_mean_and_diastolic_keep_their_order(ward):
    once = ward.events
    key = {}
    for name in ("sbp", "map", "dbp"):
        mine = once.signal == ward.signals.index(name)
        key[name] = dict(zip(zip(once.stay[mine].tolist(), once.time[mine].tolist(), strict=True),
                             once.value[mine].tolist(), strict=True))  # fmt: skip
    together = key["sbp"].keys() & key["map"].keys() & key["dbp"].keys()
    assert len(together) > 500
    assert all(key["dbp"][at] <= key["map"][at] <= key["sbp"][at] for at in together)
    assert all(key["dbp"][at] < key["sbp"][at] for at in together)


def test_delivery_is_mostly_prompt_sometimes_late_and_now_and_then_double(ward):
    delay = (ward.events.arrival - np.maximum(ward.events.time, ward.stays.admitted[ward.events.stay])) / SECOND
    assert 0.95 < (delay <= 60).mean() < 0.99
    assert 0.003 < (delay > 120).mean() < 0.03
    keys = np.stack([ward.events.stay, ward.events.time, ward.events.signal])
    double = keys.shape[1] - np.unique(keys, axis=1).shape[1]
    assert 0.001 < double / keys.shape[1] < 0.006


def test_monitors_send_about_once_a_minute_and_have_gaps(ward):
    pulse = ward.events.signal == ward.signals.index("heart_rate")
    minutes = (ward.stays.discharged - ward.stays.admitted) / MINUTE
    sent = np.bincount(ward.events.stay[pulse], minlength=len(ward.stays)) / minutes
    monitored = sent > 0.1
    assert 0.75 < monitored.mean() < 0.95
    assert sent[~monitored].max() < 0.03
    assert 0.9 < sent[monitored].mean() < 0.99


def test_measuring_tells_nothing_about_the_outcome(ward):
    """Nurses of sicker patients chart at the same rhythm, so a model cannot read their worry."""
    pressure = ward.events.signal == ward.signals.index("sbp")
    hours = (ward.stays.discharged - ward.stays.admitted) / HOUR
    rate = np.bincount(ward.events.stay[pressure], minlength=len(ward.stays)) / hours
    ill = np.isin(np.arange(len(ward.stays)), ward.outcomes.stay)
    spread = rate.std() * np.sqrt(1 / ill.sum() + 1 / (~ill).sum())
    assert abs(rate[ill].mean() - rate[~ill].mean()) < 3 * spread
