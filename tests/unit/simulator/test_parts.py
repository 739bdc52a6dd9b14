"""The parts of the simulator one by one: noise, illness, harmless changes, care, charts, delivery."""

import numpy as np
import pytest

from vitals.simulator.care import give_oxygen, plan_rounds
from vitals.simulator.charting import Chart, chart_rounds, read_monitor
from vitals.simulator.delivery import deliver
from vitals.simulator.excursions import EXCURSIONS, Excursion, draw_excursions
from vitals.simulator.illness import COURSES, EARLIEST, deteriorate, recover, stay_well
from vitals.simulator.noise import remember, wander
from vitals.simulator.patients import draw_patient
from vitals.simulator.physiology import vital_signs
from vitals.simulator.ward import HOUR, MINUTE, SECOND, SIGNALS


def chance(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("memory", [1, 8, 300])
def test_remember_is_the_plain_recursion(memory):
    push = chance().normal(size=1000)
    kept, expected, level = np.exp(-1 / memory), [], 0.0
    for step in push:
        level = kept * level + step
        expected.append(level)
    np.testing.assert_allclose(remember(push, memory), expected, atol=1e-6)


def test_wander_has_unit_variance_from_the_first_minute_and_the_memory_asked_for():
    paths = np.array([wander(chance(seed), 200, memory=20) for seed in range(2000)])
    assert paths[:, 0].std() == pytest.approx(1, abs=0.06)
    assert paths[:, 199].std() == pytest.approx(1, abs=0.06)
    assert np.mean(paths[:, 100] * paths[:, 120]) == pytest.approx(np.exp(-1), abs=0.06)


@pytest.mark.parametrize("planned", [20, 200, 3000])
def test_the_onset_is_the_first_minute_without_reserve(planned):
    for seed in range(40):
        illness = deteriorate(chance(seed), planned)
        assert illness.severity[illness.onset] >= 1
        assert illness.severity[: illness.onset].max() < 1
        assert illness.onset >= EARLIEST


def test_the_path_lasts_until_the_patient_has_been_moved():
    """The longest stay after an onset is 3.5 hours; the severity must be there for all of it."""
    for seed in range(300):
        illness = deteriorate(chance(seed), 100)
        assert len(illness.severity) >= illness.onset + 3.5 * 60


def test_a_halted_deterioration_has_no_onset():
    peaks = [recover(chance(seed), 2000).severity.max() for seed in range(200)]
    assert max(peaks) < 1
    assert np.median(peaks) > 0.2
    assert recover(chance(), 2000).onset is None


def test_staying_well_changes_nothing():
    well = stay_well(100)
    assert not well.change("heart_rate").any()
    assert well.onset is None


def test_courses_are_a_whole_and_differ():
    assert sum(course.share for course in COURSES) == pytest.approx(1)
    at_onset = {course.name: {vital: course.early.get(vital, 0) + course.late.get(vital, 0)
                              for vital in ("heart_rate", "resp_rate", "spo2", "sbp", "temperature")}
                for course in COURSES}  # fmt: skip
    assert max(at_onset, key=lambda name: at_onset[name]["temperature"]) == "sepsis"
    assert min(at_onset, key=lambda name: at_onset[name]["spo2"]) == "respiratory failure"
    assert min(at_onset, key=lambda name: at_onset[name]["sbp"]) == "bleeding"
    assert [course.name for course in COURSES if course.calm < 0] == ["cardiac"]


def test_some_patients_hide_their_illness():
    shown = np.array([deteriorate(chance(seed), 600).shows["resp_rate"] for seed in range(400)])
    assert 0.1 < (shown < 0.6).mean() < 0.35
    assert (shown > 1.2).any()


def test_an_excursion_over_midnight_begins_on_both_sides_of_it():
    night = Excursion("night", 1, (1, 2), {}, hours=(22, 6))
    assert [night.begins_at(hour) for hour in (21.9, 22, 0, 5.9, 6, 12)] == [False, True, True, True, False, False]
    day = Excursion("day", 1, (1, 2), {}, hours=(7, 21))
    assert [day.begins_at(hour) for hour in (6.9, 7, 20.9, 21)] == [False, True, True, False]


def test_excursions_return_to_nothing_and_occur_about_as_often_as_said():
    hour_of_day = (np.arange(200 * 1440) / 60) % 24
    change = draw_excursions(chance(), hour_of_day)
    fever = next(kind for kind in EXCURSIONS if kind.name == "fever")
    episodes = (np.diff((change["temperature"] > 0).astype(int)) == 1).sum()
    assert 0.6 * fever.per_day * 200 < episodes < 1.3 * fever.per_day * 200
    assert (change["temperature"] == 0).mean() > 0.5


def test_excursions_shorter_than_the_stay_left_are_cut_not_refused():
    for seed in range(50):
        change = draw_excursions(chance(seed), np.full(40, 12.0))
        assert all(len(path) == 40 for path in change.values())


def test_patients_differ_and_stay_plausible():
    people = [draw_patient(chance(seed)) for seed in range(600)]
    assert 0.05 < np.mean([person.copd for person in people]) < 0.25
    assert np.mean([person.spo2 for person in people if person.copd]) < 92
    assert np.std([person.heart_rate for person in people]) > 6
    assert all(person.dbp + 15 < person.sbp for person in people)
    assert {person.site for person in people} == {"north", "south"}


def quiet_signs(minutes=3000, seed=4):
    rng = chance(seed)
    return vital_signs(rng, draw_patient(rng), stay_well(minutes), (np.arange(minutes) / 60) % 24)


def test_pulse_and_breathing_rise_and_fall_together():
    joint = [
        np.corrcoef(signs["heart_rate"], signs["resp_rate"])[0, 1] for signs in map(quiet_signs, [3000] * 8, range(8))
    ]
    assert np.mean(joint) > 0.25


def test_it_is_warmer_in_the_afternoon_than_before_dawn():
    differences = []
    for seed in range(30):
        signs, hour = quiet_signs(2880, seed), (np.arange(2880) / 60) % 24
        differences.append(
            signs["temperature"][abs(hour - 16) < 2].mean() - signs["temperature"][abs(hour - 4) < 2].mean()
        )
    assert np.mean(differences) > 0.15


def test_sepsis_calms_the_pulse_before_it_ends():
    """Lost variability is a sign that a score of levels cannot see."""
    ratios = []
    for seed in range(60):
        rng = chance(seed)
        illness, patient = deteriorate(rng, 2400), draw_patient(rng)
        if illness.course.name == "sepsis":
            length = illness.onset
            severity = illness.severity[:length]
            signs = vital_signs(
                rng, patient, type(illness)(illness.course, severity, illness.shows, length), np.full(length, 12.0)
            )
            jumps = np.abs(np.diff(signs["heart_rate"]))
            ratios.append(jumps[-180:].mean() / jumps[:180].mean())
    assert len(ratios) > 10
    assert np.median(ratios) < 0.85


def test_rounds_keep_one_rhythm_with_jitter_and_gaps():
    for site in ("north", "south"):
        for seed in range(20):
            rounds = plan_rounds(chance(seed), 4320, site)
            assert (np.diff(rounds) > 0).all()
            assert rounds[0] >= 0
            assert rounds[-1] < 4320
            assert min(abs(np.median(np.diff(rounds)) / every - 1) for every in (60, 120, 240)) < 0.25


def test_oxygen_comes_at_a_round_when_saturation_is_low_and_goes_when_it_is_well():
    air = np.concatenate([np.full(200, 96.0), np.full(400, 88.0), np.full(400, 96.0)])
    rounds = np.arange(20, 1000, 40)
    on, spo2 = give_oxygen(chance(1), air, rounds, below=91.5)
    assert not on[:200].any()
    assert on[500]
    assert not on[-1]
    assert spo2[500] == pytest.approx(92.5, abs=0.1)
    np.testing.assert_array_equal(spo2[:200], air[:200])
    assert set(np.flatnonzero(np.diff(on.astype(int))) + 1) <= set(rounds)


def test_a_charted_value_is_rounded_and_never_negative():
    chart = Chart.of("temperature", np.array([1, 2]), np.array([38.06, 36.94]), by_hand=True)
    assert chart.value.tolist() == [np.float32(38.1), np.float32(36.9)]
    assert Chart.of("resp_rate", np.array([1, 2]), np.array([-3.0, 14.6]), by_hand=False).value.tolist() == [0, 15]


def test_a_monitor_has_gaps_zeros_and_artefacts():
    signs = {"heart_rate": np.full(20_000, 80.0), "resp_rate": np.full(20_000, 16.0), "spo2": np.full(20_000, 99.5)}
    chart = read_monitor(chance(2), signs, admitted=0)
    pulse, saturation = (chart.value[chart.signal == SIGNALS.index(name)] for name in ("heart_rate", "spo2"))
    assert 0.9 * 20_000 < len(pulse) < 20_000
    assert (pulse == 0).any()
    assert (pulse > 110).any()
    assert ((pulse > 35) & (pulse < 45)).any()
    assert saturation.max() == 100
    assert np.median(pulse) == 80
    assert (chart.time > 0).all()
    assert not chart.by_hand.any()


def test_a_spot_checked_patient_has_everything_charted_by_hand():
    signs = quiet_signs() | {"oxygen": np.ones(3000)}
    rounds = np.arange(10, 3000, 60)
    chart = chart_rounds(chance(), signs, rounds, start=0, spot_checked=True)
    assert set(chart.signal) == set(range(len(SIGNALS)))
    assert (chart.value[chart.signal == SIGNALS.index("resp_rate")] % 2 == 0).all()
    assert set(chart.value[chart.signal == SIGNALS.index("oxygen")]) == {1}
    assert chart.by_hand.all()
    monitored = chart_rounds(chance(), signs, rounds, start=0, spot_checked=False)
    assert not set(monitored.signal) & {SIGNALS.index(name) for name in ("heart_rate", "resp_rate", "spo2")}


@pytest.mark.parametrize(("mind", "level"), [(0, 0), (0.79, 0), (0.81, 1), (1.3, 2), (1.7, 3), (2.5, 4)])
def test_consciousness_is_charted_as_avpu(mind, level):
    signs = quiet_signs(60) | {"oxygen": np.zeros(60), "mind": np.full(60, mind)}
    chart = chart_rounds(chance(3), signs, np.arange(0, 60, 5), start=0, spot_checked=False)
    assert set(chart.value[chart.signal == SIGNALS.index("avpu")]) == {level}


def minutely(count, by_hand=False):
    return Chart.of("heart_rate", np.arange(1, count + 1) * MINUTE, np.full(count, 80.0), by_hand)


def test_what_has_not_arrived_by_the_discharge_is_lost():
    end = 500 * MINUTE
    delivered = deliver(chance(), minutely(600), admitted=0, discharged=end)
    assert delivered.arrival.max() <= end
    assert delivered.chart.time.max() <= end
    assert 480 < len(np.unique(delivered.chart.time)) <= 500


def test_an_outage_holds_values_back_and_releases_them_at_once():
    """Two hundred days have some fifty outages of 5 to 30 minutes."""
    count = 200 * 1440
    delivered = deliver(chance(), minutely(count), admitted=0, discharged=count * MINUTE)
    assert (np.diff(delivered.arrival) >= 0).all()
    silence = np.diff(delivered.arrival)
    outages = (silence > 4.5 * MINUTE).sum()
    assert 25 < outages < 80
    assert silence.max() < 60 * MINUTE


def test_nurses_chart_later_than_monitors():
    late = {}
    for by_hand in (False, True):
        delivered = deliver(chance(), minutely(20_000, by_hand), admitted=0, discharged=20_100 * MINUTE)
        late[by_hand] = (delivered.arrival - delivered.chart.time > 2 * MINUTE).mean()
    assert late[False] < 0.02
    assert 0.04 < late[True] < 0.12


def test_history_arrives_after_the_admission():
    chart = Chart.of("sbp", np.array([-HOUR, -1]), np.array([120.0, 118.0]), by_hand=True)
    delivered = deliver(chance(), chart, admitted=0, discharged=HOUR)
    assert (delivered.arrival >= 0).all()
    assert delivered.arrival.max() < 20 * 60 * SECOND
