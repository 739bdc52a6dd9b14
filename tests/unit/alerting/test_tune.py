"""Operating curves and tuning: every count is evaluate's, every choice is what trying all would choose."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitals.alerting.curve import Ledger, Point, operating_curve, recall_at_burden
from vitals.alerting.evaluation import evaluate
from vitals.alerting.goal import net_benefit, recall_with_precision
from vitals.alerting.guards import tuning_patients
from vitals.alerting.measures import COUNTS, DAY
from vitals.alerting.stays import Risks, Stays, patients_digest
from vitals.alerting.tune import at, candidates, tune
from vitals.errors import DataError, SettingsError
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting

HOUR = 3_600_000_000
SEARCH = Alerting(
    lead_min=Duration.parse("1h"),
    lead_max=Duration.parse("8h"),
    silence=(Duration.parse("2h"), Duration.parse("6h")),
    persistence=((1, 1), (2, 3)),
    clear=(1.0, 0.5),
)


def ward(seed: int, stays: int = 40, levels: int | None = None) -> tuple[Risks, Stays]:
    """Stays of some 20 hours, a third with an onset that the risks hint at; ``levels`` coarse risks make ties."""
    draw = np.random.default_rng(seed)
    length = draw.integers(1, 40, stays)
    onset_stay = np.flatnonzero(draw.random(stays) < 0.35)
    onset = draw.integers(1, 45, len(onset_stay))
    stay = np.repeat(np.arange(stays), length)
    hour = np.concatenate([np.arange(1, n + 1) for n in length])
    coming = np.full(stays, 99)
    coming[onset_stay] = onset
    near = np.clip(1 - np.abs(coming[stay] - hour - 4) / 12, 0, 1)
    risk = np.clip(0.5 * draw.random(len(stay)) + 0.4 * near, 0, 1)
    if levels:
        risk = np.round(risk * levels) / levels
    risk[draw.random(len(stay)) < 0.1] = np.nan
    return Risks.of(stay, hour * HOUR, risk), Stays.of(
        draw.integers(0, 30, stays), np.zeros(stays), length * HOUR, onset_stay, onset * HOUR
    )


@pytest.mark.parametrize(
    "shape", candidates(SEARCH)[::3], ids=lambda p: f"{p.silence.text}-{p.k}of{p.n}-{p.rearm}-{p.clear}"
)
@pytest.mark.parametrize("levels", [None, 10])
def test_every_point_of_a_curve_is_what_evaluate_counts(shape: AlertPolicy, levels: int | None) -> None:
    risks, stays = ward(seed=1, levels=levels)
    curve = operating_curve(risks, stays, shape, alerting=SEARCH)
    assert len(curve) > 8
    assert (np.diff(curve.threshold) < 0).all()
    for index in range(0, len(curve), 1 + len(curve) // 25):
        threshold = curve.threshold[index]
        clear = shape.clear_below * threshold
        rule = dataclasses.replace(shape, threshold=float(threshold), clear=float(clear))
        seen = evaluate(risks, stays, rule, SEARCH)
        assert curve.counts[index].tolist() == [seen.count(name) for name in COUNTS]
        assert curve.point(index)[1:] == pytest.approx(
            [seen.measure(name) for name in ("recall", "precision", "alarms_per_100_patient_days")], abs=0, nan_ok=True
        )


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([3.0, 20.0, 60.0, 150.0]), st.sampled_from([None, 8]))
def test_the_best_within_a_burden_is_what_trying_every_risk_finds(seed: int, burden: float, levels: int | None) -> None:
    """With so few risks the two grids hold all of them."""
    risks, stays = ward(seed, stays=12, levels=levels)
    if not Ledger(risks, stays, SEARCH).predictable:
        return
    found = recall_at_burden(risks, stays, burden, AlertPolicy(threshold=1.0), SEARCH)
    tried = []
    for threshold in np.unique(risks.risk[~np.isnan(risks.risk)]):
        seen = evaluate(risks, stays, AlertPolicy(threshold=float(threshold)), SEARCH)
        if seen.measure("alarms_per_100_patient_days") <= burden:
            tried.append((seen.measure("recall"), -seen.count("alerts"), threshold))
    if not tried:
        assert found[:2] == (math.inf, 0.0)
        return
    best = max(tried)
    assert found.recall == best[0]
    assert found.alarms_per_100_patient_days <= burden
    if levels:  # few distinct risks: both grids hold every one of them
        assert found.threshold == best[2]


def test_recall_may_fall_as_the_threshold_falls_and_the_best_is_still_found() -> None:
    """A lower threshold alerts at hour 1, too early, and silences the true alert at hour 5."""
    stays = Stays.of(["anna"], [0], [24 * HOUR], [0], [10 * HOUR])
    risks = Risks.of([0, 0], [HOUR, 5 * HOUR], [0.3, 0.8])
    curve = operating_curve(risks, stays, AlertPolicy(threshold=1.0), alerting=SEARCH)
    assert curve.measure("recall").tolist() == [1.0, 0.0]
    assert curve.best(10_000) == 0


def test_equal_recalls_take_fewer_alerts() -> None:
    stays = Stays.of(["anna", "ben"], [0, 0], [24 * HOUR] * 2, [0], [10 * HOUR])
    risks = Risks.of([0, 1], [5 * HOUR, 5 * HOUR], [0.8, 0.4])
    assert recall_at_burden(risks, stays, 10_000).threshold == 0.8


def test_thresholds_are_dense_in_the_tail() -> None:
    draw = np.random.default_rng(0)
    risks = Risks.of(np.zeros(20_000), np.arange(20_000), draw.random(20_000))
    thresholds = Ledger(risks, Stays.of([0], [0], [HOUR])).thresholds(50)
    over = np.array([(risks.risk >= t).sum() for t in thresholds])
    assert over[0] == 1
    assert over[-1] == 20_000
    assert (over[1:] / over[:-1]).max() <= 2
    assert (thresholds[:10] > 0.999).all()


def test_risks_after_the_onset_are_no_thresholds() -> None:
    stays = Stays.of([0], [0], [9], [0], [5])
    ledger = Ledger(Risks.of([0, 0, 0], [4, 5, 6], [0.2, 0.4, 0.9]), stays)
    assert ledger.thresholds().tolist() == [0.4, 0.2]


def tried(risks: Risks, stays: Stays, search: Alerting) -> np.ndarray:
    """The counts of every candidate at every risk there is, one policy after the other."""
    levels = np.unique(risks.risk[~np.isnan(risks.risk)])
    policies = [at(shape, float(level)) for shape in candidates(search) for level in levels]
    return np.array([evaluate(risks, stays, policy, search).by_patient.sum(axis=0) for policy in policies])


ONE_TIER = dataclasses.replace(SEARCH, red_share=0.0, persistence=((1, 1),), silence=(Duration.parse("4h"),))
GOALS: dict[str, tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "budget": ("60/100pd", lambda c: c[:, 3], lambda c: 100 * c[:, 0] / (c[:, 7] / DAY) <= 60),
    "shift": ("1.2/shift", lambda c: c[:, 3], lambda c: 4 * c[:, 0] / (c[:, 7] / (DAY / 2)) <= 1.2),
    "precision": (recall_with_precision(0.25), lambda c: c[:, 3], lambda c: 4 * c[:, 1] >= c[:, 1] + c[:, 2]),
    "net benefit": (net_benefit(5.0), lambda c: c[:, 3] - c[:, 2] / 4, lambda c: c[:, 7] > 0),
}


@pytest.mark.parametrize("name", GOALS)
@pytest.mark.parametrize("seed", [3, 4])
def test_tuning_finds_what_trying_every_candidate_finds(name: str, seed: int) -> None:
    """With so few different risks both grids hold all of them."""
    risks, stays = ward(seed, stays=30, levels=12)
    goal, worth, allowed = GOALS[name]
    counts = tried(risks, stays, ONE_TIER)
    counts = counts[allowed(counts)]
    best = worth(counts).max()
    fewest = counts[worth(counts) == best, 0].min()
    found = tune(risks, stays, goal, ONE_TIER)
    seen = evaluate(risks, stays, found.policy, ONE_TIER).by_patient.sum(axis=0)[None]
    assert (worth(seen)[0], seen[0, 0]) == (best, fewest)
    assert allowed(seen)[0]
    assert not found.policy.has_red
    assert len(counts) < len(tried(risks, stays, ONE_TIER)) or name == "net benefit"  # the bound bites


def test_tuning_keeps_to_the_budget_and_the_policy_does_what_it_says() -> None:
    risks, stays = ward(seed=5, stays=300)
    here, reds = patients_digest(stays.patient), 0
    for budget in (15.0, 60.0, 150.0):
        found = tune(risks, stays, f"{budget:g}/100pd", SEARCH, tuned_on=here, model_digest="m")
        seen = evaluate(risks, stays, found.policy, SEARCH)
        assert found.point.alarms_per_100_patient_days <= budget
        assert found.point.recall == seen.measure("recall")
        assert found.point.precision == seen.measure("precision")
        assert found.point.alarms_per_100_patient_days == seen.measure("alarms_per_100_patient_days")
        assert (found.policy.tuned_on, found.policy.model_digest) == (here, "m")
        assert tuning_patients(found.policy, stays.patient).level == "refused"
        ledger = Ledger(risks, stays, SEARCH)
        one = [ledger.best(shape, budget) for shape in candidates(SEARCH)]
        # The shape is chosen on the coarse grid; the fine one can move a shape by an onset or two, and red costs a little.
        assert found.point.recall >= max(point.recall for point in one if point) - 0.04
        if found.policy.has_red:
            reds += 1
            assert 0 < seen.red <= SEARCH.red_share * seen.count("alerts")
            assert found.policy.red_from > found.policy.threshold
            share = found.policy.clear_below / found.policy.threshold
            assert found.policy.red_clear_below == pytest.approx(share * found.policy.red_from)
    assert reds >= 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("floor", "name"), [(0.2, "precision"), (40.0, "alarms_per_100_patient_days")])
def test_both_tiers_together_keep_to_the_goal(seed: int, floor: float, name: str) -> None:
    risks, stays = ward(seed, stays=80)
    one_tier = dataclasses.replace(SEARCH, red_share=0.0)
    goal = recall_with_precision(floor) if name == "precision" else f"{floor:g}/100pd"
    found, alone = (tune(risks, stays, goal, search) for search in (SEARCH, one_tier))
    value = getattr(found.point, name)
    assert value >= floor if name == "precision" else value <= floor
    assert not alone.policy.has_red
    assert found.point.recall >= alone.point.recall - 0.04


def test_what_tuning_found_is_plain_json() -> None:
    found = tune(*ward(seed=2), "80/100pd", SEARCH).to_dict()
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {
        "policy", "goal", "policies", "search_seconds", "recall", "precision", "alarms_per_100_patient_days", "best",
        "curve",
    }  # fmt: skip
    assert found["policies"] == len(candidates(SEARCH)) * len(Ledger(*ward(seed=2), SEARCH).thresholds())
    assert found["search_seconds"] > 0
    assert found["goal"] == "most onsets caught with at most 80 alerts per 100 patient-days"
    assert found["policy"]["rearm"] in SEARCH.rearm
    assert set(found["curve"]) == {"threshold", "recall", "precision", "alarms_per_100_patient_days"}


def test_the_best_policies_are_of_different_shapes_and_in_order() -> None:
    risks, stays = ward(seed=2, stays=60)
    found = tune(risks, stays, "80/100pd", SEARCH)
    shapes = [(p.clear_below / p.threshold, p.persistence, p.silence, p.rearm) for p, _ in found.best]
    assert len(set(shapes)) == len(shapes) == 10
    assert [point.recall for _, point in found.best] == sorted((point.recall for _, point in found.best), reverse=True)
    for policy, point in found.best:
        seen = evaluate(risks, stays, policy, SEARCH)
        assert point[1:] == tuple(seen.measure(name) for name in Point._fields[1:])
        assert point.alarms_per_100_patient_days <= 80
    told = found.to_dict()["best"]
    assert [one["rearm"] for one in told] == [policy.rearm for policy, _ in found.best]
    assert set(told[0]) == {"clear", "persistence", "silence", "rearm", *Point._fields}


def test_goals_that_cannot_be_meant_or_met_are_refused() -> None:
    risks, stays = ward(seed=2)
    for floor in (0.0, 1.1, math.nan):
        with pytest.raises(SettingsError, match="precision floor"):
            recall_with_precision(floor)
    for needed in (1.0, math.inf, math.nan):
        with pytest.raises(SettingsError, match="needed to evaluate"):
            net_benefit(needed)
    after = Stays.of(stays.patient, stays.admitted, stays.discharged, [0], [HOUR])
    late = dataclasses.replace(SEARCH, lead_min=Duration(0), lead_max=Duration(0))  # true only at the very onset
    with pytest.raises(SettingsError, match=r"at most .*% on these stays"):
        tune(risks, after, recall_with_precision(1.0), late)


def test_candidates_try_only_what_matters() -> None:
    """The hysteresis where an end of the episode is asked for, the silence where there is a second alert."""
    shapes = candidates(dataclasses.replace(SEARCH, rearm=("timer", "below_clear", "escalate", "first_only")))
    of = Counter((shape.rearm, shape.clear, shape.silence.text) for shape in shapes)
    assert of == {
        **{("timer", 1.0, silence): 2 for silence in ("2h", "6h")},
        **{(rearm, clear, silence): 2 for rearm in ("below_clear", "escalate") for clear in (1.0, 0.5) for silence in ("2h", "6h")},
        ("first_only", 1.0, "2h"): 2,
    }  # fmt: skip
    assert len(set(shapes)) == len(shapes)


def test_a_budget_that_nothing_keeps_to_is_refused_with_the_least_there_is() -> None:
    stays = Stays.of(["anna"], [0], [24 * HOUR], [0], [24 * HOUR])
    risks = Risks.of([0], [20 * HOUR], [0.9])
    with pytest.raises(SettingsError, match=r"at least 100/100pd"):
        tune(risks, stays, "99/100pd")
    assert tune(risks, stays, "100/100pd").point.recall == 1


def test_nothing_to_tune_on_is_refused() -> None:
    stays = Stays.of(["anna"], [0], [24 * HOUR])
    with pytest.raises(DataError, match="no onset"):
        tune(Risks.of([0], [HOUR], [0.9]), stays, "5/100pd")
    with pytest.raises(DataError, match="no risk"):
        tune(Risks.of([0], [HOUR], [math.nan]), stays, "5/100pd")
    with pytest.raises(SettingsError, match="100pd"):
        tune(Risks.of([0], [HOUR], [0.9]), stays, "5")


def test_scores_on_another_scale_have_curves_too() -> None:
    stays = Stays.of(["anna", "ben"], [0, 0], [24 * HOUR] * 2, [0], [10 * HOUR])
    curve = operating_curve(Risks.of([0, 1], [5 * HOUR] * 2, [7.0, 5.0]), stays, AlertPolicy(threshold=1.0), [5, 7, 8])
    assert curve.threshold.tolist() == [8, 7, 5]
    assert curve.counts[:, 0].tolist() == [0, 1, 2]
    assert curve.to_dict()["precision"] == [None, 1.0, 0.5]
