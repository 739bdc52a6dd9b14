"""The criteria of a comparison by hand and against brute force."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vitals.alerting.evaluation import evaluate
from vitals.alerting.measures import COUNTS
from vitals.alerting.stays import Risks, Stays
from vitals.errors import SettingsError
from vitals.flows.comparing_criteria import (
    Side,
    counts_of,
    judge_as_they_stand,
    judge_burden,
    judge_calibration,
    judge_groups,
    judge_recall,
)
from vitals.spec.criteria import (
    BurdenCriterion,
    CalibrationCriterion,
    Criteria,
    GroupCriterion,
    RecallCriterion,
)
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.reader import plain
from vitals.spec.settings import Alerting

HOUR = 3_600_000_000
STAYS, ONSETS = 20, 12


def side(risk: Any, policy: AlertPolicy | None = None, stays: int = STAYS, onsets: int = ONSETS) -> Side:
    """Two rows a stay, at hours 4 and 8; the first few have an onset at hour 10."""
    bed = np.repeat(np.arange(stays), 2)
    alert_stays = Stays.of(range(stays), [0] * stays, [12 * HOUR] * stays, range(onsets), [10 * HOUR] * onsets)
    study = SimpleNamespace(
        rows=SimpleNamespace(bed=bed), whole_stays=lambda: alert_stays, subject_id=np.arange(stays),
        spells=lambda risk, _: (Risks.of(bed, np.tile([4 * HOUR, 8 * HOUR], stays), risk), alert_stays),
        usable=np.ones(2 * stays, bool), label=(bed < onsets).astype(np.float32),
    )  # fmt: skip
    model = SimpleNamespace(settings=SimpleNamespace(alerting=Alerting()))
    chosen = policy or AlertPolicy(threshold=0.5, silence=Duration.parse("2h"))
    stand_in: Any = Side(model, chosen, study, np.asarray(risk, np.float32))  # type: ignore[arg-type]
    return stand_in  # type: ignore[no-any-return]


def knowing(share: float, seed: int = 1) -> np.ndarray[Any, Any]:
    """Risks of the rows that know this share of the truth; no two are the same."""
    draw = np.random.default_rng(seed)
    truth = np.repeat(np.arange(STAYS) < ONSETS, 2)
    return np.round(share * truth * 0.6 + (1 - share) * draw.random(2 * STAYS) + 0.1 * draw.random(2 * STAYS), 6) / 1.1


def recall(old: Side, new: Side, **wanted: Any) -> dict[str, Any]:
    return judge_recall(old, new, counts_of(old, new), RecallCriterion(**wanted), replicates=200)


def best_by_force(mine: Side, alarms: float) -> float:
    """The most onsets that any threshold among the risks catches with at most so many alarms, as a share."""
    (risks, stays), found = mine.spells(), [0.0]
    for threshold in np.unique(mine.risk).tolist():
        seen = evaluate(risks, stays, AlertPolicy(threshold=threshold, silence=mine.policy.silence))
        if seen.count("alerts") <= alarms:
            found.append(seen.count("detected") / seen.count("predictable"))
    return max(found)


def test_a_model_is_as_good_as_itself() -> None:
    old = side(knowing(0.5))
    told = recall(old, old, margin=0.001)
    assert told["found"]["difference"] == [0, 0, 0]
    assert told["passed"] is True


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_recall_is_the_best_within_the_alarms_of_the_old_policy(seed: int) -> None:
    old, new = side(knowing(0.3, seed)), side(knowing(0.7, seed + 10))
    alarms = float(counts_of(old, new)[:, COUNTS.index("alerts")].sum())
    found = recall(old, new)["found"]
    assert found["old"] == best_by_force(old, alarms)
    assert found["new"] == best_by_force(new, alarms)
    assert found["difference"][1] <= found["difference"][0] <= found["difference"][2]


def test_a_worse_model_fails_and_a_margin_may_forgive_it() -> None:
    old, new = side(knowing(1.0)), side(1 - knowing(1.0))
    told = recall(old, new)
    assert told["found"]["difference"][0] <= -0.5
    assert told["passed"] is False
    assert recall(new, old)["passed"] is True
    less = side(knowing(0.2, seed=5))
    low = recall(old, less)["found"]["difference"][1]
    assert low < -0.02
    assert recall(old, less, margin=-low - 0.01)["passed"] is False
    assert recall(old, less, margin=-low + 0.01)["passed"] is True


def test_a_budget_may_stand_for_the_old_alarms() -> None:
    old = side(knowing(1.0), AlertPolicy(threshold=1.0, silence=Duration.parse("2h")))
    never = recall(old, old)
    assert never["found"]["old"] == 0  # it never alerts
    assert never["passed"] is None  # and whatever is compared with it would pass
    days = (ONSETS * 10 + (STAYS - ONSETS) * 12) / 24
    told = recall(old, old, burden=f"{100 * 6 / days + 0.01:.2f}/100pd")
    assert told["found"]["old"] == best_by_force(side(knowing(1.0)), 6)
    with pytest.raises(SettingsError, match=r"\[recall\] burden"):
        recall(old, old, burden="5")


def test_only_the_first_tier_is_compared() -> None:
    """A second tier raises alarms of its own; at equal burden it is left out on both sides."""
    plain_one = side(knowing(0.8))
    two = side(knowing(0.8), AlertPolicy(threshold=0.5, red=0.7, silence=Duration.parse("2h")))
    assert recall(plain_one, two)["found"]["difference"] == [0, 0, 0]


def test_a_new_policy_that_catches_nothing_fails_however_well_it_ranks() -> None:
    old = side(knowing(0.8))
    new = side(knowing(0.8), AlertPolicy(threshold=0.99, silence=Duration.parse("2h")))
    assert recall(old, new)["passed"] is True  # at equal burden it is the same model
    told = judge_as_they_stand(old, new, RecallCriterion(), 200)
    assert told["found"]["new"] == 0 < told["found"]["old"]
    assert told["passed"] is False
    assert judge_as_they_stand(old, old, RecallCriterion(), 200)["passed"] is True
    assert judge_as_they_stand(new, old, RecallCriterion(), 200)["passed"] is True
    assert judge_as_they_stand(new, new, RecallCriterion(margin=1.0), 200)["passed"] is None


def test_risks_that_promise_too_much_fail_whatever_their_slope() -> None:
    draw = np.random.default_rng(4)
    risk = draw.uniform(0.2, 0.6, 800)
    high = side(risk, stays=400, onsets=400)
    high.study.label[:] = draw.random(800) < risk * 0.6
    passed = {
        one["criterion"]: one["passed"] for one in judge_calibration(high, CalibrationCriterion(ici=1, slope=(0.1, 9)))
    }
    assert passed["calibration observed / expected"] is False


@pytest.mark.parametrize(("new", "passes"), [(11, True), (12, False)])
def test_the_burden_may_rise_a_little(new: int, passes: bool) -> None:
    counts = np.zeros((2, 1, len(COUNTS)))
    counts[:, 0, COUNTS.index("alerts")], counts[:, 0, COUNTS.index("seconds")] = [10, new], 86_400
    told = judge_burden(counts[0], counts[1], BurdenCriterion(most=1.15))
    assert told["passed"] is passes
    assert told["found"] == {"old": 1000.0, "new": 100.0 * new}


def groups(detected: int, events: int, **wanted: Any) -> list[dict[str, Any]]:
    """40 stays with an onset; ``events`` of them in the group, of whom so many are detected, and all of the others."""
    counts = np.zeros((40, len(COUNTS)))
    counts[:, COUNTS.index("predictable")] = 1
    counts[:, COUNTS.index("detected")] = [i < detected or i >= events for i in range(40)]
    members = np.arange(40) < events
    alone = side(np.zeros(80), stays=40, onsets=40)
    named = [("sex", "female", members), ("unit", "medical", members), ("site", "A", np.ones(40, bool))]
    return judge_groups(alone, counts, named, GroupCriterion(**wanted), 200)


def test_a_group_that_is_left_behind_fails() -> None:
    (told,) = groups(5, 20)  # units were not asked for, and everybody is of site A
    assert told["criterion"] == "recall in group sex female"
    assert told["found"]["recall"] == 0.25
    assert told["found"]["others"] == 1.0
    assert told["found"]["difference"][0] == -0.75
    assert told["passed"] is False
    assert groups(5, 20, tolerance=0.8)[0]["passed"] is True
    assert groups(20, 20)[0]["passed"] is True
    assert {one["criterion"] for one in groups(5, 20, kinds=("unit",))} == {"recall in group unit medical"}


def test_a_gap_by_chance_does_not_fail() -> None:
    counts = np.zeros((40, len(COUNTS)))
    counts[:, COUNTS.index("predictable")] = 1
    counts[:, COUNTS.index("detected")] = np.arange(40) % 10 < 5
    counts[20:24, COUNTS.index("detected")] = [1, 1, 1, 1]
    counts[27:29, COUNTS.index("detected")] = 1
    alone = side(np.zeros(80), stays=40, onsets=40)
    (told,) = judge_groups(alone, counts, [("sex", "male", np.arange(40) < 20)], GroupCriterion(tolerance=0.05), 500)
    low, high = told["found"]["difference"][1:]
    assert told["found"]["difference"][0] < -0.05
    assert low < 0 < high
    assert told["passed"] is True


@pytest.mark.parametrize("events", [9, 31])
def test_few_events_of_the_group_or_of_the_others_are_not_shown(events: int) -> None:
    (told,) = groups(0, events)
    assert told["passed"] is None
    assert told["found"] == {"fewer_events_than": 10}


def test_calibration_is_judged_with_ten_events_at_least() -> None:
    draw = np.random.default_rng(3)
    stays = 400
    risk = draw.beta(1, 3, 2 * stays)
    good = side(risk, stays=stays, onsets=stays)
    good.study.label[:] = draw.random(2 * stays) < risk
    assert [one["passed"] for one in judge_calibration(good, CalibrationCriterion(ici=0.05))] == [True, True, True]
    extreme = side(risk**3 / (risk**3 + (1 - risk) ** 3), stays=stays, onsets=stays)
    extreme.study.label[:] = good.study.label
    assert [one["passed"] for one in judge_calibration(extreme, CalibrationCriterion())][:2] == [False, False]
    assert [one["passed"] for one in judge_calibration(extreme, CalibrationCriterion(slope=(0.1, 9), ici=1))][:2] == [
        True, True,
    ]  # fmt: skip
    good.study.usable[np.flatnonzero(good.study.label == 1)[9:]] = False
    assert [one["passed"] for one in judge_calibration(good, CalibrationCriterion())] == [None, None, None]


def test_the_shipped_criteria_are_the_defaults() -> None:
    file = Path(__file__).parents[3] / "settings" / "criteria" / "default.toml"
    assert Criteria.from_toml(file) == Criteria()
    written = tomllib.loads(file.read_text("utf-8"))
    for name, table in plain(Criteria()).items():
        assert written[name].keys() == table.keys() - {"judged", "burden"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[recal]\nmargin = 0.1", 'did you mean "recall"'),
        ("[recall]\nmargins = 0.1", 'did you mean "margin"'),
        ("[recall]\nmargin = 2.0", "a number from 0 to 1"),
        ("[groups]\nfewest = 3", "a number from 10"),
        ('[groups]\nkinds = ["height"]', "'height'"),
        ("[calibration]\nslope = [1.2, 0.8]", "lowest, highest"),
        ("[recall]\njudged = false\n[burden]\njudged = false\n[groups]\njudged = false\n[calibration]\njudged = false",
         "none that is judged"),
    ],
)  # fmt: skip
def test_criteria_that_cannot_be_meant_are_refused(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "criteria.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=says):
        Criteria.from_toml(file)
