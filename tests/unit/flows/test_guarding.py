"""The guards as an evaluation asks them: what they find is told, and what they refuse stops it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.flows.wards import write_ward
from vitals.alerting.beside import trigger
from vitals.alerting.evaluation import evaluate
from vitals.alerting.findings import Finding
from vitals.alerting.judge import judge as evaluate_frames
from vitals.alerting.judgement import Judgement
from vitals.alerting.judging import judge_tables
from vitals.alerting.measures import COUNTS, DAY
from vitals.alerting.stays import patients_digest
from vitals.cohort.store import open_cohort
from vitals.errors import SettingsError
from vitals.flows.evaluation import Judged, judge_model
from vitals.flows.guarding import known_findings, refuse_tuning_patients, terms_of, training_patients
from vitals.flows.scores import score_frame
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.shipped import find_model


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty strangers, 24 of them with an onset after three hours."""
    path = tmp_path_factory.mktemp("guards") / "ward"
    write_ward(path, [f"p{i}" for i in range(60)], onsets=dict.fromkeys(range(24), 3))
    return path


@pytest.fixture(scope="module")
def judged(ward: Path) -> Judged:
    """A shipped model on them."""
    return judge_model(find_model("sepsis-vitals"), ward, "all")


def levels(found: list[Finding]) -> dict[str, str]:
    return {one.guard: one.level for one in found}


def judge(of: Judged, policy: AlertPolicy, prevalence: float | str | None = None) -> Judgement:
    return judge_tables(of.study.tables(of.risk, of.news2), policy, terms_of(of.model, prevalence))


def test_an_evaluation_tells_what_each_guard_found(judged: Judged) -> None:
    told = {one["guard"]: one["level"] for one in judged.figures["guards"]}
    assert told.keys() == {
        "split_by_patient", "clock", "sampling", "tuning_patients", "training_patients", "hits_after_onset", "cadence",
        "competing_death", "recognition", "horizon", "few_events", "times",
    }  # fmt: skip
    assert told["sampling"] == "warning"  # 24 of 60
    assert told["split_by_patient"] == "ok"
    assert any(words.startswith("sampling: 40.0% of the stays") for words in judged.figures["warnings"])
    assert all(one["said"] for one in judged.figures["guards"])


def test_strangers_in_the_tuning_part_are_warned_of_and_acquaintances_refused(judged: Judged) -> None:
    assert judged.policy is not None
    assert (judged.study.part == "tuning").any()
    assert refuse_tuning_patients(judged.model, judged.study, judged.policy).level == "warning"
    acquainted: Any = SimpleNamespace(about={"cohort_digests": list(judged.study.cohorts)})
    with pytest.raises(SettingsError, match="tuned on patients it is to be judged by"):
        refuse_tuning_patients(acquainted, judged.study, judged.policy)
    held_out = judged.study.take("held_out")
    assert refuse_tuning_patients(acquainted, held_out, judged.policy).level == "ok"
    very = replace(judged.policy, tuned_on=patients_digest(held_out.subject_id))
    with pytest.raises(SettingsError, match="tuned on patients it is to be judged by"):
        refuse_tuning_patients(judged.model, held_out, very)


def test_traps_are_fallen_into(judged: Judged, ward: Path, tmp_path: Path) -> None:
    minutes = AlertPolicy(threshold=0.5, cadence=Duration.parse("5min"))
    assert levels(judge(judged, minutes).findings)["cadence"] == "warning"
    hours = (judged.study.rows.time - judged.study.admitted[judged.study.rows.bed]) / 3.6e9
    clock = replace(judged, risk=(hours / 100).astype(np.float32))
    assert levels(judge(clock, minutes).findings)["clock"] == "warning"
    shuffled = replace(judged.whole, subject_id=np.repeat(judged.whole.subject_id[::2], 2),
                       part=np.where(np.arange(60) % 2, "train", "held_out"))  # fmt: skip
    found = known_findings(judged.model, shuffled, judged.study, "all", None)
    assert levels(found)["split_by_patient"] == "refused"
    without = tmp_path / "alone.onnx"
    without.write_bytes((find_model("sepsis-vitals") / "model.onnx").read_bytes())
    told = {one["guard"] for one in judge_model(without, ward, "all").figures["guards"]}
    assert told == {
        "split_by_patient",
        "clock",
        "sampling",
        "training_patients",
        "competing_death",
        "horizon",
        "few_events",
        "times",
    }


def test_patients_of_the_training_are_told_of(judged: Judged) -> None:
    acquainted: Any = SimpleNamespace(about={"cohort_digests": list(judged.study.cohorts)})
    assert training_patients(acquainted, judged.study, "all").level == "warning"
    assert training_patients(acquainted, judged.study, "held_out").level == "ok"
    assert training_patients(judged.model, judged.study, "all").level == "unknown"


def test_a_sample_is_weighted_to_the_prevalence_of_the_ward(judged: Judged) -> None:
    """At the sample's own prevalence nothing changes; where the event is rarer, precision falls and recall stays."""
    eager = AlertPolicy(threshold=0.0)
    own, rare = (judge(judged, eager, share) for share in (0.4, 0.04))
    plain = evaluate(*judged.study.spells(judged.risk), eager, judged.model.settings.alerting)
    assert own.measure("precision") == pytest.approx(plain.measure("precision"))
    assert rare.measure("recall") == own.measure("recall") == plain.measure("recall")
    true, false = plain.count("true"), plain.count("false")
    assert rare.measure("precision") == pytest.approx(true / (true + 16 * false))  # 24 · 0.96 / (0.04 · 36) = 16
    assert rare.intervals["precision"].low <= rare.measure("precision") <= rare.intervals["precision"].high
    at = int(np.argmin(rare.curve.threshold))
    assert rare.curve.measure("precision")[at] == pytest.approx(rare.measure("precision"), rel=1e-3)
    assert judged.news2 is not None
    _, stays = judged.study.spells(judged.risk)
    theirs = evaluate(judged.study.spells(judged.news2)[0], replace(stays, patient=np.arange(60)), trigger(5))
    weight = np.where(stays.has_onset, 1, 16)
    alerts, seconds = (weight @ theirs.by_patient[:, COUNTS.index(name)] for name in ("alerts", "seconds"))
    found = rare.news2["at_least_5"]["alarms_per_100_patient_days"]
    assert found == pytest.approx(100 * alerts / (seconds / DAY))
    with pytest.raises(SettingsError, match="a share between 0 and 1"):
        judge(judged, eager, 4.0)


def test_of_a_sample_nobody_knows_the_prevalence_of_only_recall_is_said(judged: Judged) -> None:
    seen = judge(judged, AlertPolicy(threshold=0.3), "unknown")
    assert np.isfinite(seen.measure("recall"))
    assert np.isnan(seen.measure("precision"))
    assert levels(seen.findings)["sampling"] == "refused"
    assert seen.calibration is None
    assert seen.ranking["step"]["auprc"] is None
    assert seen.decision_curve == seen.alert_net_benefit == {}
    with pytest.raises(SettingsError, match="a share such as"):
        terms_of(judged.model, "rare")


def test_ends_and_recognitions_of_the_cohort_are_looked_at(ward: Path, judged: Judged, tmp_path: Path) -> None:
    """What a cohort folder says of how stays and events ended changes what its alerts are."""
    whole = judged.whole
    ended = np.array(["home", "lost", "died"], object)[np.arange(60) % 3]
    told = replace(whole, ended=ended, lost=ended == "lost", events=replace(
        whole.events, recognised=whole.events.onset - 3_600_000_000, end=whole.events.onset + 3_600_000_000))  # fmt: skip
    seen = judge(replace(judged, study=told), AlertPolicy(threshold=0.0))
    assert seen.evaluation.count("indeterminate") > 0
    assert levels(seen.findings)["competing_death"] == "ok"
    assert levels(seen.findings)["recognition"] != "unknown"
    assert seen.before_recognition is not None
    assert len(seen.spells) > len(whole.stay_id)
    assert pd.isna(judge(judged, AlertPolicy(threshold=0.0)).before_recognition)


def test_the_command_and_the_call_on_frames_say_the_same(judged: Judged, ward: Path) -> None:
    """One judge: a model's risks handed over as data frames give the very figures of the command."""
    cohort = open_cohort(ward)
    risks = score_frame(find_model("sepsis-vitals"), ward)
    points = pd.DataFrame({
        "stay_id": judged.study.stay_id[judged.study.rows.bed], "news2": np.round(20 * judged.news2),
        "prediction_time": pd.to_datetime(judged.study.rows.time, unit="us", utc=True).as_unit("us"),
    })  # fmt: skip
    assert judged.policy is not None
    seen = evaluate_frames(
        risks.merge(points, on=["stay_id", "prediction_time"]), cohort.stays, cohort.outcomes,
        replace(judged.policy, tuned_on=""), alerting=judged.model.settings.alerting, kind="sepsis",
    ).to_dict()  # fmt: skip
    theirs = judged.figures["alerts"]
    assert {name: seen[name] for name in theirs if name != "policy"} == {
        name: theirs[name] for name in theirs if name != "policy"
    }
    for name in ("at_least_5", "at_least_7", "at_equal_burden", "curve"):
        assert seen["news2"][name] == judged.figures["news2"][name], name
    assert seen["curve"] == judged.figures["curve"]
    assert seen["alert_net_benefit"] == judged.figures["alert_net_benefit"]
