"""Tune an alert policy: the best of all thresholds, hystereses, persistences, silences and re-arm rules, for both tiers."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vitals.alerting.curve import Ledger, OperatingCurve, Point
from vitals.alerting.evaluation import Evaluation, evaluate
from vitals.alerting.goal import Goal, recall_within
from vitals.alerting.stays import Risks, Stays
from vitals.errors import DataError, SettingsError
from vitals.spec.policy import AlertPolicy
from vitals.spec.reader import plain
from vitals.spec.settings import Alerting

_SHOWN = 10  # best policies told of
_WAITING = ("below_clear", "escalate")
_ROOM = (0.975, 0.95, 0.9, 0.8)  # of the budget for the first tier, where all of it leaves none for the second
_DEAR = 0.02  # of recall: a second tier that costs more is left out


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    Attributes:
        policy: the best policy; it names the model and the patients it was tuned on.
        point: its threshold, recall, precision and alerts per 100 patient-days on those patients, both tiers together.
        curve: its first tier at other thresholds.
        best: the best policies of the first tier, each of another shape, with their points.
        policies: how many policies were counted.
        search_seconds: how long that took.
        goal: what was to be as high as it can be, in words.
    """

    policy: AlertPolicy
    point: Point
    curve: OperatingCurve
    best: list[tuple[AlertPolicy, Point]]
    policies: int
    search_seconds: float
    goal: str

    def to_dict(self) -> dict[str, Any]:
        """Every figure in plain numbers for JSON."""
        figures = {name: _number(getattr(self.point, name)) for name in Point._fields[1:]}
        best = [
            {**_shape(policy), **{name: _number(value) for name, value in point._asdict().items()}}
            for policy, point in self.best
        ]
        return {
            "policy": plain(self.policy), "goal": self.goal, "policies": self.policies,
            "search_seconds": self.search_seconds, **figures, "best": best, "curve": self.curve.to_dict(),
        }  # fmt: skip


def candidates(alerting: Alerting) -> list[AlertPolicy]:
    """The policies to try, each at threshold 1: all silences, persistences, and ways to re-arm.

    Only ``below_clear`` and ``escalate`` ask whether an episode is over, so only they are tried with every hysteresis; after
    ``first_only`` there is nothing to silence. Of equal policies the first is taken, so the longest silence comes first.

    Example:
        >>> [(shape.rearm, shape.clear) for shape in candidates(Alerting(clear=(1.0, 0.8), silence=(0,)))]
        [('timer', 1.0), ('below_clear', 1.0), ('below_clear', 0.8), ('first_only', 1.0)]
    """
    return [
        AlertPolicy(threshold=1.0, clear=share, persistence=persistence, silence=silence, rearm=rearm)
        for persistence, rearm in itertools.product(alerting.persistence, alerting.rearm)
        for share in (alerting.clear if rearm in _WAITING else (1.0,))
        for silence in sorted(alerting.silence[:1] if rearm == "first_only" else alerting.silence, reverse=True)
    ]


def tune(
    risks: Risks,
    stays: Stays,
    goal: str | float | Goal,
    alerting: Alerting | None = None,
    tuned_on: str = "",
    model_digest: str = "",
) -> Tuned:
    """The best policy for a goal.

    Every candidate of ``alerting`` is counted at some 200 thresholds taken from the risks themselves; around the best
    of them the search is repeated on a finer grid. Of equal ones the one with fewer alerts counts. The second tier then is
    the lowest higher threshold at which its alerts are at most ``red_share`` of all and both together keep to the goal; the
    first may give way a little for it: at most 0.02 of recall where the goal is a budget, nothing of what is to be high otherwise.

    Args:
        risks: of all the stays, 0 to 1.
        stays: with their patients and first onsets.
        goal: an alarm budget such as ``"5/100pd"`` within which most onsets are to be caught, or another
            :class:`~vitals.alerting.goal.Goal`.
        alerting: where to look, and ``lead_min`` and ``lead_max``.
        tuned_on: :func:`~vitals.alerting.stays.patients_digest` of these patients; the policy carries it, and
            judging it on the same patients is refused (:mod:`vitals.alerting.guards`).
        model_digest: the model that gave the risks; the policy carries it.

    Raises:
        SettingsError: a budget that is none, or a goal that no policy keeps to.
        DataError: no onset that could have been predicted, or no risk at all.

    Example:
        >>> day = 24 * 3_600_000_000
        >>> stays = Stays.of(range(3), [0] * 3, [day] * 3, [0], [day // 2])
        >>> risks = Risks.of([0, 1, 2], [day // 4] * 3, [0.7, 0.8, 0.2])
        >>> found = tune(risks, stays, "90/100pd")
        >>> found.policy.threshold, found.point.recall, found.point.alarms_per_100_patient_days
        (0.7, 1.0, 80.0)
    """
    search = alerting or Alerting()
    wanted = goal if isinstance(goal, Goal) else recall_within(goal, search.beds_per_nurse)
    shapes, ledger = candidates(search), Ledger(risks, stays, search)
    if not ledger.predictable:
        raise DataError("tuning part", "no onset that could be predicted", "at least one", "tune on more patients")
    thresholds = ledger.thresholds() if wanted.threshold is None else np.array([wanted.threshold])
    ledger.curves(shapes[:1], thresholds[:1])  # a first use may have to compile the loops, which is no searching
    began = time.perf_counter()
    curves = ledger.curves(shapes, thresholds)
    seconds = time.perf_counter() - began
    ranked = _ranked(curves, wanted)
    if not ranked:
        least = wanted.least(np.concatenate([curve.counts for curve in curves]))
        raise SettingsError("goal of tuning", wanted.text, f"{least} on these stays", "ask for less")
    amber = _finest(ledger, shapes, curves, wanted)
    policy, seen = _with_red(amber, risks, stays, search, ledger, wanted)
    for share in _ROOM if wanted.budget < np.inf and search.red_share > 0 and not policy.has_red else ():
        less = _finest(ledger, shapes, curves, wanted.within(share * wanted.budget))
        both = _with_red(less, risks, stays, search, ledger, wanted) if less else None
        if both and both[0].has_red and both[1].measure("recall") >= seen.measure("recall") - _DEAR:
            policy, seen = both
            break
    policy = replace(policy, model_digest=model_digest, tuned_on=tuned_on)
    point = Point(policy.threshold, *(seen.measure(name) for name in Point._fields[1:]))
    best = [(at(shapes[i], curves[i].point(j).threshold), curves[i].point(j)) for i, j in ranked[:_SHOWN]]
    curve = curves[ranked[0][0]]
    return Tuned(policy, point, curve, best, len(shapes) * len(thresholds), seconds, wanted.text)


def _finest(ledger: Ledger, shapes: list[AlertPolicy], curves: list[OperatingCurve], goal: Goal) -> AlertPolicy | None:
    """The best policy, looked for again between the neighbours of its threshold; None where none reaches the goal."""
    ranked = _ranked(curves, goal)
    if not ranked:
        return None
    (i, j), *_ = ranked
    near = ledger.around(curves[i], j) if goal.threshold is None else curves[i].threshold
    fine = ledger.curves([shapes[i]], near)[0]
    index = goal.best(fine.counts)
    assert index is not None  # the fine grid holds the best of the coarse one
    return at(shapes[i], fine.point(index).threshold)


def at(shape: AlertPolicy, threshold: float) -> AlertPolicy:
    """A policy of one tier at another threshold; ``clear`` keeps its share of it."""
    share = shape.clear_below / shape.threshold if shape.threshold else 1.0
    return replace(shape, threshold=threshold, clear=share * threshold, red=None, red_clear=None)


def _ranked(curves: list[OperatingCurve], goal: Goal) -> list[tuple[int, int]]:
    """Curves that reach the goal, the best first, each with its best threshold."""
    best = [(i, j) for i, curve in enumerate(curves) if (j := goal.best(curve.counts)) is not None]
    if not best:
        return []
    counts = np.stack([curves[i].counts[j] for i, j in best])
    order = np.lexsort((np.arange(len(best)), counts[:, 0], -goal.worth(counts)))
    return [best[i] for i in order]


def _with_red(
    amber: AlertPolicy | None, risks: Risks, stays: Stays, search: Alerting, ledger: Ledger, goal: Goal
) -> tuple[AlertPolicy, Evaluation]:
    """The policy with the lowest second tier that keeps to its share and the goal, or without one; and what it does."""
    assert amber is not None
    share = amber.clear_below / amber.threshold if amber.threshold else 1.0
    higher = ledger.thresholds()
    higher = higher[(higher > amber.threshold) & (higher < 1.0)]
    alone = evaluate(risks, stays, amber, search)
    low, high, found = 0, len(higher) - 1, (amber, alone)
    while search.red_share > 0 and low <= high:  # fewer red alerts the higher it is, if not strictly so
        middle = (low + high) // 2
        tried = replace(amber, red=float(higher[middle]), red_clear=share * float(higher[middle]))
        seen = evaluate(risks, stays, tried, search)
        counts = seen.by_patient.sum(axis=0)[None]
        dear = seen.measure("recall") < alone.measure("recall") - _DEAR
        if goal.budget == np.inf:  # no budget that a second tier could be paid from: it must cost nothing
            dear = bool(goal.worth(counts)[0] < goal.worth(alone.by_patient.sum(axis=0)[None])[0])
        kept = goal.allowed(counts)[0] and not dear
        if 0 < seen.red <= search.red_share * seen.count("alerts") and kept:
            found, low = (tried, seen), middle + 1
        elif seen.red == 0:
            low = middle + 1
        else:
            high = middle - 1
    return found


def _shape(policy: AlertPolicy) -> dict[str, Any]:
    names = ("clear", "persistence", "silence", "rearm")
    told = plain(policy)
    return {name: told[name] for name in names}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
