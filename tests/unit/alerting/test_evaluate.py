"""Alerts judged by hand, at the bounds of the lead window, and against plain loops."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.naive import naive_evaluate
from vitals.alerting.evaluation import Evaluation, evaluate
from vitals.alerting.measures import MEASURES
from vitals.alerting.stays import Risks, Stays, patients_digest
from vitals.errors import DataError, SettingsError
from vitals.spec.duration import Duration
from vitals.spec.policy import REARM, AlertPolicy
from vitals.spec.settings import Alerting

HOUR = 3_600_000_000
DAY = 24 * HOUR
LEADS = Alerting(lead_min=Duration.parse("1h"), lead_max=Duration.parse("8h"))


def policy(**change: Any) -> AlertPolicy:
    return AlertPolicy(**({"threshold": 0.5, "silence": Duration.parse("2h")} | change))


def one_stay(alert_hours: list[float], onset_hour: float | None, alerting: Alerting = LEADS) -> Evaluation:
    """A day with a high risk at these hours only, and perhaps an onset."""
    onsets = [] if onset_hour is None else [int(onset_hour * HOUR)]
    stays = Stays.of(["anna"], [0], [DAY], [0] * len(onsets), onsets)
    alerts = {round(hour * HOUR) for hour in alert_hours}
    times = sorted({*range(HOUR, 25 * HOUR, HOUR), *alerts})
    risks = Risks.of([0] * len(times), times, [0.9 if time in alerts else 0.1 for time in times])
    return evaluate(risks, stays, policy(silence=Duration(0)), alerting)


def test_a_small_ward_by_hand() -> None:
    """Three stays of two patients, silence two hours, an alert is true from 8 h to 1 h before the onset.

    hour   1  2  3  4  5  6  7  8  9 10 11 12
    anna   F  .  .  F  s  F  .  .  .  o           onset at 10: hour 1 is too early, 4 and 6 are true
    anna   .  F  .  .  .  .                       second stay, no onset: false
    ben    .  .  .  .  -  -  -  -  -  -  o  F     onset at 11, no risk from hour 5 on: not predictable; 12 is after it
    """
    high, low, none = 0.9, 0.1, math.nan
    rows = {
        0: [high, low, low, high, high, high, low, low, low, low, high, high],
        1: [low, high, low, low, low, low],
        2: [low, low, none, none, none, none, none, none, none, none, none, high],
    }
    stay = [s for s, own in rows.items() for _ in own]
    time = [HOUR * (i + 1) for own in rows.values() for i in range(len(own))]
    stays = Stays.of(
        ["anna", "anna", "ben"], [0, 0, 0], [12 * HOUR, 6 * HOUR, 12 * HOUR], [0, 2], [10 * HOUR, 11 * HOUR]
    )
    seen = evaluate(Risks.of(stay, time, [r for own in rows.values() for r in own]), stays, policy(), LEADS)
    assert seen.to_dict() == {
        "policy": {
            "threshold": 0.5,
            "clear": 0.5,
            "red": 1.0,
            "red_clear": 1.0,
            "persistence": [1, 1],
            "silence": "2h",
            "rearm": "timer",
            "rise": 0.7,
            "reset": "0h",
            "max_per_day": 0,
            "max_snooze": "4h",
            "stale": "8h",
            "model_digest": "",
            "tuned_on": "",
            "cadence": "0h",
        },
        "patients": 2,
        "stays": 3,
        "patient_days": (10 + 6 + 11) / 24,
        "onsets": 2,
        "predictable_onsets": 1,
        "detected_onsets": 1,
        "alerts": 4,
        "true_alerts": 2,
        "false_alerts": 2,
        "late_alerts": 0,
        "indeterminate_alerts": 0,
        "red_alerts": 0,
        "suppressed": {"silence": 1, "episode": 0, "acknowledged": 0, "cap": 0},
        "recall": 1.0,
        "recall_of_all": 0.5,
        "precision": 0.5,
        "precision_first_per_event": 1 / 3,
        "precision_if_unknown_false": 0.5,
        "precision_if_unknown_true": 0.5,
        "needed_to_evaluate": 2.0,
        "alarms_per_100_patient_days": 400 / (27 / 24),
        "false_alarms_per_100_patient_days": 200 / (27 / 24),
        "alarms_per_bed_shift": 4 / (27 / 12),
        "alarms_per_nurse_shift": 16 / (27 / 12),
        "beds_per_nurse": 4.0,
        "alarm_concentration": 0.75,
        "lead_hours": {"median": 6.0, "quartiles": [6.0, 6.0]},
        "recall_by_lead_hours": {"1": 1.0, "2": 1.0, "4": 1.0, "6": 1.0, "8": 0.0, "12": 0.0},
    }
    assert seen.by_patient[:, 0].tolist() == [4, 0]


def test_alerts_whose_time_to_be_true_outlasts_a_lost_record_are_indeterminate() -> None:
    """Lead times from 1 h to 8 h; the record ends at 24 h, so whoever knows nothing more cannot judge alerts after 16."""
    alerts = [3 * HOUR, 16 * HOUR, 16 * HOUR + 1, 23 * HOUR]
    risks = Risks.of([0] * 4, alerts, [0.9] * 4)
    seen = evaluate(risks, Stays.of(["anna"], [0], [DAY], lost=[True]), policy(silence=Duration(0)), LEADS)
    counts = seen.to_dict()
    assert (counts["alerts"], counts["false_alerts"], counts["indeterminate_alerts"], counts["late_alerts"]) == (
        4,
        2,
        2,
        0,
    )
    assert (counts["precision"], counts["precision_if_unknown_false"], counts["precision_if_unknown_true"]) == (
        0,
        0,
        0.5,
    )
    home = evaluate(risks, Stays.of(["anna"], [0], [DAY]), policy(silence=Duration(0)), LEADS)
    assert (home.count("false"), home.count("indeterminate")) == (4, 0)
    onset = Stays.of(
        ["anna"], [0], [DAY], [0], [20 * HOUR], lost=[True]
    )  # known: it is of no matter how the record ends
    known = evaluate(risks, onset, policy(silence=Duration(0)), LEADS)
    assert (known.count("true"), known.count("false"), known.count("indeterminate")) == (2, 1, 0)


def test_red_alerts_are_alerts_and_counted_apart() -> None:
    stays = Stays.of(["anna"], [0], [DAY], [0], [20 * HOUR])
    risks = Risks.of([0] * 4, [15 * HOUR, 16 * HOUR, 17 * HOUR, 21 * HOUR], [0.6, 0.9, 0.9, 0.95])
    seen = evaluate(risks, stays, policy(red=0.8, silence=Duration.parse("9h")), LEADS)
    assert (seen.count("alerts"), seen.red, seen.count("true")) == (2, 1, 2)  # the last comes after the onset
    assert seen.suppressed == {"silence": 1, "episode": 0, "acknowledged": 0, "cap": 0}
    assert seen.lead.tolist() == [5]


def test_alarms_come_mostly_from_few_stays() -> None:
    """Eleven stays; the busiest two, a tenth rounded up, have 4 and 2 of 9 alerts."""
    alerts = [4, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    stay, time = np.repeat(np.arange(11), alerts), np.concatenate([np.arange(n) for n in alerts]) * HOUR
    seen = evaluate(
        Risks.of(stay, time, np.full(9, 0.9)), Stays.of(range(11), [0] * 11, [DAY] * 11), policy(silence=Duration(0))
    )
    assert seen.by_stay.tolist() == alerts
    assert seen.concentration == 6 / 9
    even = evaluate(Risks.of(range(11), [HOUR] * 11, [0.9] * 11), Stays.of(range(11), [0] * 11, [DAY] * 11), policy())
    assert even.concentration == 2 / 11
    assert math.isnan(evaluate(Risks.of([], [], []), Stays.of([0], [0], [DAY]), policy()).concentration)


def test_alarms_of_a_shift_are_those_of_twelve_hours_and_all_beds_of_a_nurse() -> None:
    stays = Stays.of(["anna", "ben"], [0, 0], [DAY, DAY])
    risks = Risks.of([0, 0, 1], [HOUR, 5 * HOUR, HOUR], [0.9] * 3)
    seen = evaluate(risks, stays, policy(), dataclasses.replace(LEADS, beds_per_nurse=6.0))
    assert seen.measure("alarms_per_bed_shift") == 3 / 4
    assert seen.to_dict()["alarms_per_nurse_shift"] == 6 * 3 / 4


MICRO = 1 / HOUR


@pytest.mark.parametrize(
    ("hour", "kind"),
    [
        (12 - MICRO, "false"),
        (12, "true"),
        (19, "true"),
        (19 + MICRO, "late"),
        (20, "late"),
        (20 + MICRO, "not counted"),
    ],
)
def test_the_bounds_of_the_lead_window_belong_to_it(hour: float, kind: str) -> None:
    seen = one_stay([hour], onset_hour=20).to_dict()
    counts = (seen["alerts"], seen["true_alerts"], seen["false_alerts"], seen["late_alerts"])
    assert (
        counts == {"true": (1, 1, 0, 0), "false": (1, 0, 1, 0), "late": (1, 0, 0, 1), "not counted": (0, 0, 0, 0)}[kind]
    )
    assert seen["detected_onsets"] == (kind == "true")


def test_without_a_least_lead_an_alert_at_the_onset_is_true() -> None:
    assert one_stay([20], 20, Alerting(lead_max=Duration.parse("8h"))).to_dict()["true_alerts"] == 1


def test_risks_that_rise_only_after_the_onset_catch_nothing() -> None:
    seen = one_stay([21, 22, 23, 24], onset_hour=20)
    assert seen.measure("recall") == 0
    assert seen.count("alerts") == 0


def test_an_onset_after_the_record_ends_is_judged_and_time_at_risk_ends_with_the_record() -> None:
    seen = one_stay([23], onset_hour=27)
    assert seen.measure("recall") == 1
    assert seen.lead.tolist() == [4]
    assert seen.to_dict()["patient_days"] == 1


def test_an_onset_at_admission_cannot_be_predicted_and_adds_no_time() -> None:
    seen = one_stay([3], onset_hour=0).to_dict()
    assert (seen["onsets"], seen["predictable_onsets"], seen["patient_days"], seen["alerts"]) == (1, 0, 0, 0)
    assert seen["recall"] is None
    assert seen["recall_of_all"] == 0
    assert seen["alarms_per_100_patient_days"] is None


def test_only_the_first_onset_of_a_stay_is_judged() -> None:
    stays = Stays.of(["anna"], [0], [DAY], [0, 0], [20 * HOUR, 9 * HOUR])
    seen = evaluate(Risks.of([0, 0], [5 * HOUR, 15 * HOUR], [0.9, 0.9]), stays, policy(), LEADS)
    assert (seen.count("onsets"), seen.count("alerts"), seen.lead.tolist()) == (1, 1, [4])


def test_stays_without_rows_count_their_time() -> None:
    stays = Stays.of(["anna", "ben"], [0, 0], [DAY, DAY])
    seen = evaluate(Risks.of([1], [HOUR], [0.9]), stays, policy())
    assert seen.measure("alarms_per_100_patient_days") == 50
    nobody = evaluate(Risks.of([], [], []), Stays.of([], [], []), policy())
    assert nobody.to_dict()["patients"] == 0
    assert math.isnan(nobody.measure("precision"))


def test_lead_times_are_quartiles_of_the_onsets_caught() -> None:
    stays = Stays.of(range(5), [0] * 5, [DAY] * 5, range(5), [20 * HOUR] * 5)
    hours = [19, 18, 16, 12, 2, 15]  # the last stay alerts too early, and stays quiet while it counts
    risks = Risks.of([0, 1, 2, 3, 4, 4], [h * HOUR for h in hours], [0.9] * 5 + [0.1])
    seen = evaluate(risks, stays, policy(), LEADS)
    assert sorted(seen.lead) == [1, 2, 4, 8]
    assert seen.lead_quartiles == (1.75, 3.0, 5.0)
    assert seen.lead_curve == {1: 0.8, 2: 0.6, 4: 0.4, 6: 0.2, 8: 0.2, 12: 0.0}


@pytest.mark.parametrize(
    "call",
    [
        lambda: Risks.of([0, 0], [2, 1], [0.1, 0.1]),  # time runs backwards
        lambda: Risks.of([0, 0], [1, 1], [0.1, 0.1]),  # twice at one time
        lambda: Risks.of([1, 0], [1, 1], [0.1, 0.1]),  # stays out of order
        lambda: Risks.of([0, 0], [1, 2], [0.1]),
        lambda: Stays.of(["anna"], [5], [4]),
        lambda: Stays.of(["anna", "ben"], [5], [6]),
        lambda: Stays.of(["anna"], [5], [6], [1], [5]),
        lambda: Stays.of(["anna"], [5], [6], lost=[True, False]),
        lambda: evaluate(Risks.of([1], [1], [0.1]), Stays.of(["anna"], [0], [6]), policy()),
        lambda: evaluate(Risks.of([-1], [1], [0.1]), Stays.of(["anna"], [0], [6]), policy()),
    ],
)
def test_tables_that_do_not_fit_are_refused(call: Any) -> None:
    with pytest.raises(DataError):
        call()


def test_a_lead_window_that_is_upside_down_is_refused() -> None:
    with pytest.raises(SettingsError, match="lead_min"):
        Alerting(lead_min=Duration.parse("9h"), lead_max=Duration.parse("8h"))


def test_patients_are_told_apart_however_their_names_are_cut() -> None:
    assert patients_digest(["ab", "c"]) != patients_digest(["a", "bc"])
    assert patients_digest([1, 2]) == patients_digest(["2", "1", "1"])


# ---- oracle ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stay:
    patient: int
    discharged: int
    onsets: tuple[int, ...]
    scores: tuple[tuple[int, float], ...]
    lost: bool


@st.composite
def wards(draw: st.DrawFn) -> list[Stay]:
    stays = []
    for _ in range(draw(st.integers(0, 5))):
        length = draw(st.integers(0, 14))
        hours = [h for h in range(1, length + 1) if draw(st.integers(0, 5))]
        scores = tuple((h * HOUR, draw(st.sampled_from([0.9, 0.7, 0.5, 0.5, 0.2, 0.1, math.nan]))) for h in hours)
        onsets = tuple(hour * HOUR for hour in draw(st.lists(st.integers(-1, 16), max_size=2)))
        stays.append(Stay(draw(st.integers(0, 2)), length * HOUR, onsets, scores, draw(st.booleans())))
    return stays


def tables(stays: list[Stay]) -> tuple[Risks, Stays]:
    rows = [(s, t, r) for s, stay in enumerate(stays) for t, r in stay.scores]
    onsets = [(s, o) for s, stay in enumerate(stays) for o in stay.onsets]
    return Risks.of([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]), Stays.of(
        [stay.patient for stay in stays],
        [0] * len(stays),
        [stay.discharged for stay in stays],
        [o[0] for o in onsets],
        [o[1] for o in onsets],
        [stay.lost for stay in stays],
    )


def judged(stays: list[Stay], rule: AlertPolicy, alerting: Alerting) -> dict[str, Any]:
    return naive_evaluate(
        rule,
        (alerting.lead_min, alerting.lead_max),
        [(0, stay.discharged, stay.scores) for stay in stays],
        [stay.onsets for stay in stays],
        [stay.lost for stay in stays],
    )


hours = st.integers(0, 8).map(lambda h: Duration(h * HOUR))
searches = st.builds(
    lambda least, more: Alerting(lead_min=least, lead_max=Duration(least + more)),
    st.integers(0, 2).map(lambda h: Duration(h * HOUR)),
    hours,
)
rules = st.builds(
    policy,
    clear=st.sampled_from([0.5, 0.2, 0.0]),
    red=st.sampled_from([1.0, 0.7, 0.9]),
    persistence=st.sampled_from([(1, 1), (1, 2), (2, 2), (2, 3)]),
    silence=hours,
    rearm=st.sampled_from(REARM),
    max_per_day=st.sampled_from([0, 0, 1, 2]),
)


@given(wards(), rules, searches)
def test_counts_are_those_of_plain_loops(stays: list[Stay], rule: AlertPolicy, alerting: Alerting) -> None:
    seen = evaluate(*tables(stays), rule, alerting)
    wanted = judged(stays, rule, alerting)
    for name in ("alerts", "true", "false", "detected", "indeterminate", "predictable", "onsets"):
        assert seen.count(name) == wanted[name], name
    assert seen.to_dict()["late_alerts"] == wanted["late"]
    assert seen.count("seconds") == wanted["microseconds"] / 1e6
    assert sorted(seen.lead) == wanted["leads"]
    assert {name: held for name, held in seen.suppressed.items() if held} == wanted["held"]
    assert seen.red == wanted["red"]
    assert seen.by_stay.tolist() == wanted["by_stay"]
    for name in MEASURES:
        assert seen.measure(name) == pytest.approx(wanted[name], rel=1e-12, nan_ok=True), name
    assert seen.concentration == pytest.approx(wanted["concentration"], rel=1e-12, nan_ok=True)
    assert len(seen.by_patient) == len({stay.patient for stay in stays})


@given(wards(), rules, searches)
def test_a_patient_counts_the_same_alone(stays: list[Stay], rule: AlertPolicy, alerting: Alerting) -> None:
    seen = evaluate(*tables(stays), rule, alerting)
    for position, patient in enumerate(sorted({stay.patient for stay in stays})):
        alone = evaluate(*tables([stay for stay in stays if stay.patient == patient]), rule, alerting)
        assert np.array_equal(seen.by_patient[position], alone.by_patient[0])
