"""Risks beside a bedside score on the same patients, at the same alarm burden, with paired intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitals.alerting.bootstrap import Interval, interval
from vitals.alerting.curve import Ledger, operating_curve
from vitals.alerting.evaluation import Evaluation, comparable, evaluate
from vitals.alerting.frames import NEWS2_MOST
from vitals.alerting.measures import MEASURES, measure
from vitals.alerting.retuning import at_equal_burden, best_within
from vitals.alerting.stays import Risks, Stays
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting

TRIGGERS = (5, 7)
"""NEWS2 points at which wards call for an urgent and for an emergency response."""
PLAIN = AlertPolicy(threshold=1.0)
"""How a bedside score alerts: from a threshold on, then not for six hours."""


def trigger(points: int) -> AlertPolicy:
    """How a ward alerts by NEWS2: at so many points, then not for six hours.

    Example:
        >>> trigger(5).threshold
        0.25
    """
    return AlertPolicy(threshold=points / NEWS2_MOST)


def beside_news2(
    ours: Risks, news2: Risks, stays: Stays, policy: AlertPolicy | None = None, search: Alerting | None = None,
    replicates: int = 1000,
) -> dict[str, Any]:  # fmt: skip
    """What NEWS2 catches at its usual triggers and at the burden of a policy, and what our risk catches at theirs.

    Our threshold is chosen on the judged patients, as NEWS2's burden is counted on them; the intervals choose and count anew
    in every resample. Recall is of the onsets that either of the two could warn of.

    Args:
        ours: risks of the stays.
        news2: points divided by ``NEWS2_MOST``, NaN where nothing of it is known.
        stays: the stays or spells.
        policy: ours; without one nothing is said about its burden.
        search: ``lead_min`` and ``lead_max``; without it 0 to 12 hours.
        replicates: of the resampling.

    Returns:
        For JSON: ``at_least_5``, ``at_least_7`` and, with a policy, ``at_equal_burden`` and ``curve``.
    """
    terms = search or Alerting()
    both = comparable(stays, [ours, news2], terms)
    ledger, found = Ledger(ours, both, terms), {}
    for points in TRIGGERS:
        theirs = evaluate(news2, both, trigger(points), terms)
        found[f"at_least_{points}"] = {**brief(theirs), **_ours_at(ledger, theirs, replicates)}
    if policy is not None:
        mine = evaluate(ours, both, policy, terms)
        found["at_equal_burden"] = _at_ours(ledger, news2, both, mine, (terms, replicates))
        found["curve"] = operating_curve(news2, both, PLAIN, alerting=terms).to_dict()
    return found


def _at_ours(ledger: Ledger, news2: Risks, stays: Stays, mine: Evaluation, how: tuple[Alerting, int]) -> dict[str, Any]:
    """NEWS2 with at most the alarms our policy raised, and how much more our risk catches with at most NEWS2's.

    NEWS2 has few thresholds, so its burden may lie far below ours; the difference is therefore taken at its burden. In every
    resample our burden is counted anew and NEWS2's threshold chosen anew.
    """
    search, replicates = how
    scores = Ledger(news2, stays, search)
    thresholds = np.unique(scores.falling)[::-1]  # NEWS2 has at most 21
    best = best_within([scores.by_patient(PLAIN, thresholds)], mine.by_patient, replicates)[:, 0]
    curve = scores.curves([PLAIN], thresholds)[0]
    chosen = curve.best(mine.measure("alarms_per_100_patient_days"))
    if chosen is None:
        return {"recall": 0.0, "alarms_per_100_patient_days": 0.0, "threshold": None}
    theirs = evaluate(news2, stays, AlertPolicy(threshold=float(thresholds[chosen])), search)
    bounds = {name: interval(theirs.measure(name), measure(name, best[1:])) for name in MEASURES}
    told = {
        **brief(theirs), "threshold_points": theirs.policy.threshold * NEWS2_MOST, "intervals": plain_intervals(bounds),
    }  # fmt: skip
    return told | _ours_at(ledger, theirs, replicates)


def _ours_at(ledger: Ledger, theirs: Evaluation, replicates: int) -> dict[str, Any]:
    """Our risk at the burden of another policy: the best recall with no more alerts, and the paired difference."""
    thresholds = ledger.dense(PLAIN, theirs.measure("alarms_per_100_patient_days"))
    found = at_equal_burden(ledger.by_patient(PLAIN, thresholds), theirs.by_patient, replicates)
    ours = plain_intervals(found["ours"])
    return {
        "model_recall_at_equal_burden": ours["recall"][0],
        "model": {name: bounds[0] for name, bounds in ours.items()},
        "model_intervals": ours,
        "difference": plain_intervals(found["difference"]),
    }


def brief(evaluation: Evaluation) -> dict[str, Any]:
    """The figures of a policy that a comparison shows."""
    names = ("recall", "precision", "alarms_per_100_patient_days")
    return {**{name: evaluation.measure(name) for name in names}, "median_lead_hours": evaluation.lead_quartiles[1]}


def plain_intervals(named: dict[str, Interval]) -> dict[str, list[float]]:
    """Intervals for JSON."""
    return {name: [*one] for name, one in named.items()}
