"""One call on frames or arrays of anybody's risks, with every figure."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import vitals.alerting
from vitals.alerting.evaluation import evaluate
from vitals.alerting.judge import judge
from vitals.alerting.ranks import rows_at_risk
from vitals.alerting.spells import ClinicalEvents, spells
from vitals.alerting.stays import Risks, Stays
from vitals.errors import DataError, SettingsError
from vitals.labelling.labels import NO_ONSET
from vitals.labelling.ranking import auroc
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting

HOUR = 3_600_000_000
POLICY = AlertPolicy(threshold=0.5, silence=Duration.parse("4h"), reset=Duration.parse("2h"))
LEADS = Alerting(lead_max=Duration.parse("8h"))


def ward(seed: int = 3, stays: int = 60) -> dict[str, Any]:
    """Two days each, a third with an event of three hours and some with a second one; risks that know a little."""
    draw = np.random.default_rng(seed)
    start = pd.Timestamp("2026-01-01T00:00Z")
    rows, outcomes = [], []
    for stay in range(stays):
        onsets = sorted(draw.choice(np.arange(6, 44), size=[1, 2][stay % 2], replace=False)) if stay % 3 == 0 else []
        onsets = [at for i, at in enumerate(onsets) if i == 0 or at > onsets[i - 1] + 6]
        outcomes += [(f"s{stay}", start + pd.Timedelta(hours=at), start + pd.Timedelta(hours=at + 3)) for at in onsets]
        for hour in range(1, 49):
            soon = any(at - 8 <= hour <= at for at in onsets)
            rows.append((f"s{stay}", start + pd.Timedelta(hours=hour), float(draw.beta(4 if soon else 1, 4))))
    return {
        "risks": pd.DataFrame(rows, columns=["stay_id", "prediction_time", "risk"]),
        "stays": pd.DataFrame({
            "stay_id": [f"s{i}" for i in range(stays)], "subject_id": [f"p{i // 2}" for i in range(stays)],
            "admitted": start, "discharged": start + pd.Timedelta(hours=48),
            "ended": ["lost" if i % 5 == 4 else "home" for i in range(stays)],
        }),
        "outcomes": pd.DataFrame(outcomes, columns=["stay_id", "onset", "end"]),
    }  # fmt: skip


def arrays(tables: dict[str, Any]) -> tuple[Risks, Stays, ClinicalEvents]:
    index = {name: i for i, name in enumerate(tables["stays"]["stay_id"])}

    def micro(column: pd.Series[Any]) -> list[int]:
        return [int(at.value) // 1000 for at in pd.DatetimeIndex(column)]

    risks = Risks.of(
        [index[name] for name in tables["risks"]["stay_id"]], micro(tables["risks"]["prediction_time"]),
        tables["risks"]["risk"],
    )  # fmt: skip
    stays = Stays.of(
        tables["stays"]["subject_id"], micro(tables["stays"]["admitted"]), micro(tables["stays"]["discharged"]),
        lost=tables["stays"]["ended"] == "lost",
    )  # fmt: skip
    events = ClinicalEvents.of(
        [index[name] for name in tables["outcomes"]["stay_id"]], micro(tables["outcomes"]["onset"]),
        micro(tables["outcomes"]["end"]),
    )  # fmt: skip
    return risks, stays, events


def test_the_house_offers_it_beside_its_own_modules() -> None:
    """The name on the package is the function, whatever has been imported before."""
    script = (
        "import vitals.alerting; from vitals.alerting.evaluation import evaluate; import vitals.alerting.judge\n"
        "assert vitals.alerting.evaluate is vitals.alerting.judge.judge and vitals.alerting.evaluate is not evaluate\n"
        "import sys; assert not {'pandas', 'polars', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        vitals.alerting.evaluat  # noqa: B018


def test_frames_of_either_library_and_arrays_give_the_same() -> None:
    tables = ward()
    ours = judge(**tables, policy=POLICY, alerting=LEADS, replicates=20).to_dict()
    theirs = judge(**{name: pl.from_pandas(table) for name, table in tables.items()}, policy=POLICY, alerting=LEADS,
                   replicates=20).to_dict()  # fmt: skip
    assert ours == theirs
    plain = judge(*arrays(tables), POLICY, alerting=LEADS, replicates=20).to_dict()
    for name in ("recall", "precision", "alerts", "indeterminate", "recall_by_lead_hours", "ranking", "curve"):
        assert plain[name] == ours[name], name
    json.dumps(ours, allow_nan=False)


def test_it_judges_the_spells() -> None:
    risks, stays, events = arrays(ward())
    seen = judge(risks, stays, events, POLICY, alerting=LEADS, replicates=20)
    cut, of = spells(risks, stays, events, int(POLICY.reset))
    assert len(of) > len(stays)
    assert seen.evaluation.to_dict() == evaluate(cut, of, POLICY, LEADS).to_dict()
    low, value, high = (seen.intervals["recall"][i] for i in (1, 0, 2))
    assert low <= value <= high
    told = seen.to_dict()
    unknown = seen.evaluation.count("indeterminate")
    assert unknown > 0
    assert told["indeterminate"]["alerts"] == unknown
    assert told["indeterminate"]["precision_range"][0] < told["precision"] < told["indeterminate"]["precision_range"][1]


def test_stays_may_know_their_onsets_themselves() -> None:
    stays = Stays.of(["anna", "ben"], [0, 0], [24 * HOUR] * 2, [0], [20 * HOUR])
    risks = Risks.of([0, 0, 1], [2 * HOUR, 15 * HOUR, 3 * HOUR], [0.1, 0.7, 0.6])
    seen = judge(risks, stays, None, POLICY, replicates=10)
    assert seen.evaluation.to_dict() == evaluate(risks, stays, POLICY).to_dict()


def test_rows_and_stays_are_ranked_where_the_answer_is_known() -> None:
    risks, stays, events = arrays(ward())
    seen = judge(risks, stays, events, POLICY, alerting=LEADS, replicates=20)
    cut, of = spells(risks, stays, events, int(POLICY.reset))
    label, risk = [], []
    for stay, time, value in zip(cut.stay.tolist(), cut.time.tolist(), cut.risk.tolist(), strict=True):
        onset, left = int(of.onset[stay]), int(of.discharged[stay])
        if time >= onset or (onset == NO_ONSET and of.lost[stay] and time > left - 8 * HOUR):
            continue
        label.append(int(onset != NO_ONSET and onset - time <= 8 * HOUR))
        risk.append(value)
    assert seen.ranking["step"]["ranked"] == len(label)
    assert seen.ranking["step"]["auroc"][0] == auroc(label, risk)
    found = rows_at_risk(cut, of, 8 * HOUR)
    assert found.label.tolist() == [bool(one) for one in label]
    assert found.risk.tolist() == risk
    peaks = {
        int(s): cut.risk[(cut.stay == s) & (cut.time < of.onset[s])].max()
        for s in np.unique(cut.stay)
        if of.onset[s] != NO_ONSET or not of.lost[s]
    }
    answer = [int(of.onset[s] != NO_ONSET) for s in peaks]
    assert seen.ranking["stay"]["auroc"][0] == auroc(answer, list(peaks.values()))


def test_calibration_is_said_of_probabilities_only() -> None:
    tables = ward()
    unsaid = judge(**tables, policy=POLICY, alerting=LEADS, replicates=10)
    assert unsaid.calibration is None  # a probability of what?
    assert unsaid.decision_curve == {}
    assert {one.guard: one.level for one in unsaid.findings}["horizon"] == "unknown"
    seen = judge(**tables, policy=POLICY, alerting=LEADS, horizon=LEADS.lead_max, replicates=10)
    assert seen.calibration is not None
    assert seen.decision_curve["decisions"] > 0
    assert seen.calibration.keys() >= {"observed_to_expected", "slope", "ici", "ece"}
    nearer = judge(**tables, policy=POLICY, alerting=LEADS, horizon=Duration.parse("2h"), replicates=10)
    assert nearer.calibration is not None
    assert nearer.calibration["observed_to_expected"] < seen.calibration["observed_to_expected"]
    assert judge(**tables, policy=POLICY, probability=False, replicates=10).calibration is None


def test_few_events_are_not_ranked() -> None:
    tables = ward(stays=9)
    seen = judge(**tables, policy=POLICY, alerting=LEADS, replicates=10)
    assert seen.ranking["stay"]["auroc"] is None
    assert seen.to_dict()["ranking"]["stay"]["positive"] < 10


@pytest.mark.parametrize("wrong", ["risks", "stays", "outcomes"])
def test_frames_and_arrays_are_not_mixed(wrong: str) -> None:
    tables: dict[str, Any] = dict(zip(("risks", "stays", "outcomes"), arrays(ward(stays=3)), strict=True))
    with pytest.raises(DataError, match="three data frames, or arrays for all"):
        judge(**(tables | {wrong: ward(stays=3)[wrong]}), policy=POLICY)


def recognised(known: int) -> dict[str, Any]:
    """Onsets of which the first few were recognised an hour before every alert."""
    tables = ward()
    outcomes = tables["outcomes"].drop(columns="end").groupby("stay_id", as_index=False).min()
    early = outcomes["onset"] - pd.Timedelta(hours=40)
    return tables | {"outcomes": outcomes.assign(recognised=early.where(np.arange(len(outcomes)) < known))}


def test_only_onsets_that_somebody_timed_are_said_to_be_warned_of_before() -> None:
    """Nobody wrote down when the others were recognised, so nothing is said of them."""
    seen = judge(**recognised(3), policy=POLICY, alerting=LEADS, replicates=10)
    (found,) = [one for one in seen.findings if one.guard == "recognition"]
    assert found.level == "warning"
    assert "onsets caught, 0 were before clinicians recognised them (17 more" in found.said
    told = seen.to_dict()
    assert told["before_recognition"][0] == 0.0
    json.dumps(told, allow_nan=False)


def test_nothing_that_hangs_on_an_unknown_prevalence_is_left_anywhere() -> None:
    tables = ward()
    tables["risks"]["news2"] = np.round(20 * tables["risks"]["risk"])
    told = judge(
        **tables, policy=POLICY, alerting=LEADS, horizon=LEADS.lead_max, subsampled=True, replicates=10
    ).to_dict()
    held = {"precision", "alarms_per_100_patient_days", "alarms_per_nurse_shift", "auprc", "precision_range"}

    def left(value: Any, name: str = "") -> list[str]:
        if isinstance(value, dict):
            return [one for key, item in value.items() for one in left(item, key if key in held else name)]
        if isinstance(value, list):
            return [one for item in value for one in left(item, name)]
        return [name] if name and value is not None else []

    assert left(told) == []
    assert told["challenge_utility"] is None
    assert told["calibration"] is None
    assert told["recall"] > 0
    assert told["news2"]["at_least_5"]["recall"] is not None


def test_risks_outside_their_stays_are_refused() -> None:
    tables = ward(stays=12)
    tables["stays"]["discharged"] = tables["stays"]["admitted"] + pd.Timedelta(hours=40)
    with pytest.raises(DataError, match="risks outside their stays"):
        judge(**tables, policy=POLICY, alerting=LEADS, replicates=10)


def test_one_denominator_for_the_risk_and_for_what_it_is_compared_with() -> None:
    """A score that is silent on half of the onsets does not gain by it."""
    tables = ward()
    risks = tables["risks"]
    risks["news2"] = np.round(20 * risks["risk"])
    ill = tables["outcomes"]["stay_id"].unique()
    risks.loc[risks["stay_id"].isin(ill[: len(ill) // 2]), "risk"] = np.nan
    seen = judge(**tables, policy=POLICY, alerting=LEADS, replicates=10)
    assert (
        seen.evaluation.count("predictable")
        == seen.evaluation.count("onsets")
        > 1.5 * seen.evaluation.count("detected")
    )
    assert seen.measure("recall") == seen.measure("recall_of_all")
    told = seen.to_dict()
    assert told["curve"]["recall"][-1] < 0.7


def test_the_number_needed_has_no_end_where_a_resample_has_no_true_alert() -> None:
    tables = ward(stays=6)
    seen = judge(**tables, policy=POLICY, alerting=LEADS, replicates=200)
    precision, needed = seen.intervals["precision"], seen.intervals["needed_to_evaluate"]
    assert precision.low == 0
    assert needed.low == 1 / precision.high
    assert needed.high == np.inf
    assert seen.to_dict()["intervals"]["needed_to_evaluate"][2] is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"policy": {"threshold": 0.5}}, "an AlertPolicy"), ({"alerting": "x"}, "an Alerting"),
        ({"prevalence": "0.05"}, "a share between"), ({"replicates": 0}, "a whole number from 1"),
        ({"horizon": "soon"}, "horizon"),
    ],
)  # fmt: skip
def test_words_that_cannot_be_meant_are_refused_at_once(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        judge(**(ward(stays=3) | {"policy": POLICY} | wrong))


def test_a_horizon_may_be_written_as_text() -> None:
    tables = ward()
    one, other = (
        judge(**tables, policy=POLICY, horizon=horizon, replicates=10) for horizon in ("8h", Duration.parse("8h"))
    )
    assert one.calibration == other.calibration != None  # noqa: E711
