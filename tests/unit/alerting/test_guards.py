"""Each trap has a fixture that falls into it, and one that does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from vitals.alerting import guards, plausible
from vitals.alerting.judge import Judgement, judge
from vitals.alerting.spells import ClinicalEvents
from vitals.alerting.stays import Risks, Stays, patients_digest
from vitals.errors import DataError, SettingsError
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting

HOUR = 3_600_000_000
POLICY = AlertPolicy(threshold=0.5, silence=Duration.parse("2h"))


def ward(high: Any, stays: int = 20, onsets: int = 5, **columns: Any) -> dict[str, Any]:
    """A day each; the first few have an onset at hour 12. ``high(stay, hour)`` says when the risk is high."""
    hours = np.tile(np.arange(1, 24), stays)
    of = np.repeat(np.arange(stays), 23)
    risk = [0.9 if high(i, hour) else 0.1 for i, hour in zip(of, hours, strict=True)]
    return {
        "risks": pd.DataFrame({"stay_id": of, "prediction_time": hours * HOUR, "risk": risk}),
        "stays": pd.DataFrame({"stay_id": range(stays), "subject_id": range(stays), "admitted": 0,
                               "discharged": 24 * HOUR, **columns}),
        "outcomes": pd.DataFrame({"stay_id": range(onsets), "onset": 12 * HOUR}),
    }  # fmt: skip


def in_time(stay: int, hour: int) -> bool:
    return (stay < 4 and hour == 9) or (stay == 7 and hour == 3)


def level(seen: Judgement, guard: str) -> str:
    (found,) = [finding for finding in seen.findings if finding.guard == guard]
    assert (found.cure == "") == (found.level == "ok")
    assert any(guard in words for words in seen.warnings) == (found.level in {"warning", "refused"})
    return found.level


def test_an_oracle_that_fires_after_the_onset_catches_nothing_and_is_warned_of() -> None:
    seen = judge(**ward(lambda stay, hour: stay < 5 and hour > 12), policy=POLICY, replicates=10)
    assert seen.measure("recall") == 0
    assert seen.evaluation.count("alerts") == 0
    assert level(seen, "hits_after_onset") == "warning"
    assert level(judge(**ward(in_time), policy=POLICY, replicates=10), "hits_after_onset") == "ok"


def test_a_clock_is_warned_of() -> None:
    tables = ward(in_time)
    tables["risks"]["risk"] = tables["risks"]["prediction_time"] / (30 * HOUR)
    assert level(judge(**tables, policy=POLICY, replicates=10), "clock") == "warning"
    falling = tables["risks"].assign(risk=1 - tables["risks"]["risk"])
    assert level(judge(**(tables | {"risks": falling}), policy=POLICY, replicates=10), "clock") == "warning"
    assert level(judge(**ward(in_time), policy=POLICY, replicates=10), "clock") == "ok"
    stays = Stays.of(["anna"], [0], [9])
    assert guards.clock(Risks.of([0, 0], [1, 2], [0.1, 0.1]), stays, uses_clock=True).level == "warning"


def test_a_patient_in_two_parts_is_refused() -> None:
    tables = ward(in_time, part=["held_out"] * 20)
    judge(**tables, policy=POLICY, replicates=10)
    tables["stays"].loc[1, "subject_id"] = 0  # the same person's two stays: still one part
    judge(**tables, policy=POLICY, replicates=10)
    tables["stays"].loc[1, "part"] = "train"
    with pytest.raises(SettingsError, match=r"1 of 19 patients in more than one part.*split by patient"):
        judge(**tables, policy=POLICY, replicates=10)


def test_a_policy_tuned_on_the_judged_patients_is_refused() -> None:
    same = AlertPolicy(threshold=0.5, tuned_on=patients_digest(range(20)))
    with pytest.raises(SettingsError, match="tuned on patients it is to be judged by"):
        judge(**ward(in_time), policy=same, replicates=10)
    other = AlertPolicy(threshold=0.5, tuned_on=patients_digest(range(100, 120)))
    assert level(judge(**ward(in_time), policy=other, replicates=10), "tuning_patients") == "unknown"
    told = ward(in_time, part=["held_out"] * 20)
    assert level(judge(**told, policy=other, replicates=10), "tuning_patients") == "ok"


def test_any_overlap_with_the_tuning_part_is_refused() -> None:
    other = AlertPolicy(threshold=0.5, tuned_on=patients_digest(range(3, 120)))
    mixed = ward(in_time, part=["held_out"] * 17 + ["tuning"] * 3)
    with pytest.raises(SettingsError, match="tuned on patients it is to be judged by"):
        judge(**mixed, policy=other, replicates=10)
    judge(**mixed, policy=POLICY, replicates=10)  # a policy written by hand saw nobody


def test_in_another_hospital_only_the_very_set_is_refused() -> None:
    names, tuning = [f"p{i}" for i in range(10)], np.arange(10) < 3
    foreign = AlertPolicy(threshold=0.5, tuned_on=patients_digest(["q1"]))
    found = guards.tuning_patients(foreign, names, tuning, same_cohort=False)
    assert found.level == "warning"
    assert found.said.startswith("3 patients")
    very = AlertPolicy(threshold=0.5, tuned_on=patients_digest(names[:3]))
    assert guards.tuning_patients(very, names, tuning, same_cohort=False).level == "refused"
    assert guards.tuning_patients(foreign, names, tuning, same_cohort=True).level == "refused"


def test_precision_and_burden_of_a_sample_are_withheld_until_its_prevalence_is_given() -> None:
    tables = ward(in_time, stays=20, onsets=10)
    assert level(judge(**tables, policy=POLICY, replicates=10), "sampling") == "warning"
    seen = judge(**tables, policy=POLICY, subsampled=True, replicates=10)
    assert level(seen, "sampling") == "refused"
    told = seen.to_dict()
    assert told["recall"] == 0.5
    for name in ("precision", "needed_to_evaluate", "alarms_per_100_patient_days", "alarms_per_nurse_shift"):
        assert told[name] is None, name
    assert told["intervals"]["precision"] == [None] * 3
    assert told["calibration"] is None


def test_a_prevalence_that_was_given_weighs_the_controls() -> None:
    """Of 10 cases five are alerted, of 10 controls one; at 10 % each control stands for nine."""
    tables = ward(lambda stay, hour: in_time(stay, hour) or (stay == 12 and hour == 5), stays=20, onsets=10)
    seen = judge(**tables, policy=POLICY, subsampled=True, prevalence=0.1, replicates=200)
    assert level(seen, "sampling") == "ok"
    assert seen.measure("recall") == 0.5
    assert seen.measure("precision") == 5 / (5 + 9)
    days = (10 * 12 + 9 * 10 * 24) / 24
    assert seen.measure("alarms_per_100_patient_days") == pytest.approx(100 * (5 + 9) / days)


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, 7.0])
def test_a_prevalence_that_is_none_is_refused(prevalence: float) -> None:
    with pytest.raises(SettingsError, match="a share between 0 and 1"):
        judge(**ward(in_time), policy=POLICY, prevalence=prevalence)


def test_another_cadence_is_warned_of() -> None:
    hourly = AlertPolicy(threshold=0.5, cadence=Duration.parse("60min"))
    assert level(judge(**ward(in_time), policy=hourly, replicates=10), "cadence") == "ok"
    minutes = AlertPolicy(threshold=0.5, cadence=Duration.parse("5min"))
    seen = judge(**ward(in_time), policy=minutes, replicates=10)
    assert level(seen, "cadence") == "warning"
    assert any("every 1h" in words and "every 5min" in words for words in seen.warnings)


def test_alerts_that_follow_recognition_are_counted_apart() -> None:
    tables = ward(in_time)
    assert judge(**tables, policy=POLICY, replicates=10).before_recognition is None
    tables["outcomes"]["recognised"] = [hour * HOUR for hour in (8, 8, 8, 10, 11)]
    seen = judge(**tables, policy=POLICY, replicates=50)
    assert seen.measure("recall") == 0.8
    assert seen.before_recognition is not None
    assert seen.before_recognition.value == 0.2  # only the fourth was alerted before anybody knew
    assert seen.before_recognition.low <= 0.2 <= seen.before_recognition.high
    assert level(seen, "recognition") == "warning"
    tables["outcomes"]["recognised"] = 11 * HOUR
    assert level(judge(**tables, policy=POLICY, replicates=10), "recognition") == "ok"


def test_what_a_death_was_taken_for_is_said() -> None:
    tables = ward(in_time, ended=["home"] * 19 + ["died"])
    seen = judge(**tables, policy=POLICY, replicates=10)
    assert level(seen, "competing_death") == "warning"
    assert any("1 stays ended by death, taken for an end after which nothing is known" in w for w in seen.warnings)
    stated = judge(**tables, policy=POLICY, alerting=Alerting(death="event"), replicates=10)
    assert level(stated, "competing_death") == "ok"
    assert stated.evaluation.count("onsets") == 6
    nobody = judge(**ward(in_time, ended=["home"] * 20), policy=POLICY, replicates=10)
    assert level(nobody, "competing_death") == "ok"
    assert level(judge(**ward(in_time), policy=POLICY, replicates=10), "competing_death") == "unknown"


def test_a_prevalence_needs_stays_of_both_kinds() -> None:
    with pytest.raises(DataError, match="stays of one kind only"):
        judge(**ward(in_time, stays=5, onsets=5), policy=POLICY, prevalence=0.1, replicates=10)


def test_times_that_cannot_be_meant_are_warned_of() -> None:
    tables = ward(in_time)
    assert level(judge(**tables, policy=POLICY, replicates=10), "times") == "ok"
    outside = tables["outcomes"].assign(onset=tables["outcomes"]["onset"] + 1000 * HOUR)
    assert level(judge(**(tables | {"outcomes": outside}), policy=POLICY, replicates=10), "times") == "warning"
    found = plausible.times(Stays.of(range(3), [0] * 3, [48, 50, 60]))  # hours, taken for microseconds
    assert found.level == "warning"
    assert "shorter than" in found.said


def test_hits_in_a_second_event_are_not_after_the_first() -> None:
    """What warns of a second event comes after the onset of the first, and is no hit after an onset."""
    stays = Stays.of(range(12), [0] * 12, [60 * HOUR] * 12, range(12), [10 * HOUR] * 12)
    events = ClinicalEvents.of(np.repeat(range(12), 2), [10 * HOUR, 50 * HOUR] * 12, [14 * HOUR, 54 * HOUR] * 12)
    ahead = Risks.of(range(12), [45 * HOUR] * 12, [0.9] * 12)
    during = Risks.of(range(12), [12 * HOUR] * 12, [0.9] * 12)
    assert guards.hits_after_onset(ahead, stays, POLICY, events).level == "ok"
    assert guards.hits_after_onset(during, stays, POLICY, events).level == "warning"


def test_a_split_of_rows_is_refused() -> None:
    tables = ward(in_time)
    part = np.where(np.arange(len(tables["risks"])) % 2, "train", "held_out")
    with pytest.raises(SettingsError, match="in more than one part"):
        judge(**(tables | {"risks": tables["risks"].assign(part=part)}), policy=POLICY, replicates=10)
