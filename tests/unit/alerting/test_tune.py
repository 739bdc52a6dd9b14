"""Operating curves and tuning: every count is evaluate's, every choice is what trying all would choose."""

from __future__ import annotations

import dataclasses
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from tests.unit.alerting.plain import plain_machine
from vitals.alerting import machine
from vitals.alerting.curve import Ledger, operating_curve, recall_at_burden
from vitals.alerting.evaluate import evaluate
from vitals.alerting.measures import COUNTS
from vitals.alerting.stays import Risks, Stays, patients_digest
from vitals.alerting.tune import candidates, tune
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
    "shape", candidates(SEARCH), ids=lambda p: f"{p.silence.text}-{p.k}of{p.n}-{p.rearm}-{p.clear}"
)
@pytest.mark.parametrize("levels", [None, 10])
def test_every_point_of_a_curve_is_what_evaluate_counts(shape: AlertPolicy, levels: int | None) -> None:
    risks, stays = ward(seed=1, levels=levels)
    curve = operating_curve(risks, stays, shape, alerting=SEARCH)
    assert len(curve) > 8
    assert (np.diff(curve.threshold) < 0).all()
    for index, threshold in enumerate(curve.threshold):
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


BENT = {
    "alerts count after the onset": ("if time > history.onset[s]:", "if False:"),
    "an alert at the onset does not count": ("if time > history.onset[s]:", "if time >= history.onset[s]:"),
    "the earliest true alert is false": ("time < history.first_hit[s]", "time <= history.first_hit[s]"),
    "the earliest true alert is not true": ("history.first_hit[s] <= time", "history.first_hit[s] < time"),
    "the latest true alert is late": ("time <= history.last_hit[s]", "time < history.last_hit[s]"),
    "an onset is detected once for each alert": ("true > 0", "true"),
    "a stay that only reaches the threshold is skipped": (
        "highest < rules.threshold[p]",
        "highest <= rules.threshold[p]",
    ),
    "a stay with a missing risk is skipped": ("if history.risk[i] > highest:", "if not history.risk[i] <= highest:"),
    "a stay begins with a high score": (
        "bed = Bed(np.uint64(0), True, NEVER)",
        "bed = Bed(np.uint64(1), True, NEVER)",
    ),
}


def counts_agree(bent: SimpleNamespace, case: tuple[Risks, Stays], search: Alerting) -> bool:
    ledger = Ledger(*case, search)
    grid = ledger.grid(candidates(search), np.array([0.5]))
    return np.array_equal(bent.count(grid, ledger.history), machine.count(grid, ledger.history))


def edgy_ward(draw: st.DrawFn) -> tuple[Risks, Stays]:
    """Two stays of few hours, with risks on the threshold and onsets close by."""
    hours = [draw(st.integers(1, 6)) for _ in range(2)]
    risk = [draw(st.sampled_from([0.5, 0.5, 0.2, math.nan])) for _ in range(sum(hours))]
    onsets = [(s, draw(st.integers(1, 9)) * HOUR) for s in range(2) if draw(st.integers(0, 3))]
    stay, time = np.repeat([0, 1], hours), np.concatenate([np.arange(1, h + 1) * HOUR for h in hours])
    stays = Stays.of([0, 1], [0, 0], [h * HOUR for h in hours], [s for s, _ in onsets], [o for _, o in onsets])
    return Risks.of(stay, time, risk), stays


@pytest.mark.parametrize("bend", [None, *BENT], ids=lambda name: (name or "straight").replace(" ", "_"))
def test_every_bent_count_is_caught(bend: str | None) -> None:
    bent = plain_machine(*BENT[bend]) if bend else plain_machine()
    search = dataclasses.replace(
        SEARCH, lead_max=Duration.parse("3h"), silence=(Duration(0), Duration.parse("2h")), persistence=((1, 1), (2, 2))
    )

    @settings(phases=[Phase.generate], report_multiple_bugs=False)
    @given(st.composite(edgy_ward)())
    def look(case: tuple[Risks, Stays]) -> None:
        assume(not np.isnan(case[0].risk).all())
        assert counts_agree(bent, case, search), "caught"

    if bend is None:
        look()
    else:
        with pytest.raises(AssertionError, match="caught"):
            look()


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


def test_tuning_keeps_to_the_budget_and_the_policy_does_what_it_says() -> None:
    risks, stays = ward(seed=5, stays=300)
    here = patients_digest(stays.patient)
    for budget in (15.0, 60.0, 150.0):
        found = tune(risks, stays, f"{budget:g}/100pd", SEARCH, tuned_on=here, model_digest="m")
        seen = evaluate(risks, stays, found.policy, SEARCH)
        assert found.point.alarms_per_100_patient_days <= budget
        assert found.point.recall == seen.measure("recall")
        assert found.point.precision == seen.measure("precision")
        assert found.point.alarms_per_100_patient_days == seen.measure("alarms_per_100_patient_days")
        assert (found.policy.tuned_on, found.policy.model_digest) == (here, "m")
        with pytest.raises(SettingsError, match="tuned_on"):
            evaluate(risks, stays, found.policy, SEARCH, patients=here)
        one = [recall_at_burden(risks, stays, budget, shape, SEARCH).recall for shape in candidates(SEARCH)]
        # The shape is chosen on the coarse grid; the fine one can move a shape by an onset or two.
        assert found.point.recall >= max(one) - 0.02
        assert found.point.recall >= found.curve.measure("recall")[found.curve.best(budget)]


def test_what_tuning_found_is_plain_json() -> None:
    found = tune(*ward(seed=2), "80/100pd", SEARCH).to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["policies"] == len(candidates(SEARCH)) * len(found["curve"]["threshold"])
    assert set(found["curve"]) == {"threshold", "recall", "precision", "alarms_per_100_patient_days"}


def test_candidates_try_the_hysteresis_only_where_it_matters() -> None:
    shapes = candidates(SEARCH)
    assert len(shapes) == 2 * 2 * 3
    assert {shape.clear for shape in shapes if shape.rearm == "timer"} == {1.0}
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
