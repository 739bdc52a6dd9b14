"""A model beside NEWS2 on the same patients and at the same alarm burden, with paired intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitals.alerting.bootstrap import Interval, intervals
from vitals.alerting.curve import Ledger, operating_curve, recall_at_burden
from vitals.alerting.evaluation import Evaluation, evaluate
from vitals.alerting.retuning import at_equal_burden
from vitals.alerting.stays import Risks, Stays
from vitals.bedside.news2 import SIGNALS as NEWS2_SIGNALS
from vitals.bedside.news2 import news2_risk
from vitals.bedside.risk import bedside_risk
from vitals.flows.study import Study
from vitals.scoring.model import Model
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting
from vitals.windowing.types import Float64

TRIGGERS = (5, 7)
PLAIN = AlertPolicy(threshold=1.0)
"""How a bedside score alerts: from a threshold on, then not for six hours."""
_COARSE, _FINE = 120, 80


def beside_news2(
    model: Model, study: Study, ours: Risks, judged: Evaluation | None, search: Alerting
) -> dict[str, Any]:
    """What NEWS2 catches at its usual triggers and at the burden of a policy, and what the model catches at theirs.

    NEWS2 comes from the same rows, each value carried at most eight hours. The model's threshold is chosen on the judged
    patients, as NEWS2's burden is counted on them; the intervals choose and count anew in every resample.

    Args:
        model: names the signals.
        study: the judged stays.
        ours: the model's risks of them.
        judged: what the model's policy did; None without one.
        search: ``lead_min`` and ``lead_max``.

    Returns:
        For JSON; empty where the model reads none of NEWS2's signals.
    """
    if not set(NEWS2_SIGNALS) & set(model.settings.signals):
        return {}
    stays = study.alert_stays()
    bedside = Risks.of(study.rows.bed, study.rows.time, bedside_risk("news2", study.rows, model.settings.channels))
    ledger, figures = Ledger(ours, stays, search), {}
    for points in TRIGGERS:
        theirs = evaluate(bedside, stays, AlertPolicy(threshold=float(news2_risk(points))), search)
        figures[f"at_least_{points}"] = {**brief(theirs), **_ours_at(ledger, theirs)}
    if judged is not None:
        figures["at_equal_burden"] = _at_ours(ledger, bedside, stays, judged, search)
        figures["curve"] = operating_curve(bedside, stays, PLAIN, alerting=search).to_dict()
    return figures


def _at_ours(ledger: Ledger, bedside: Risks, stays: Stays, judged: Evaluation, search: Alerting) -> dict[str, Any]:
    """NEWS2 with at most the alarms our policy raised, and how much more our risk catches with at most NEWS2's.

    NEWS2 has few thresholds, so its burden may lie far below ours; the difference is therefore taken at its burden.
    """
    point = recall_at_burden(bedside, stays, judged.measure("alarms_per_100_patient_days"), PLAIN, search)
    if not np.isfinite(point.threshold):
        return {"recall": 0.0, "alarms_per_100_patient_days": 0.0, "threshold": None}
    theirs = evaluate(bedside, stays, AlertPolicy(threshold=point.threshold), search)
    told = {**brief(theirs), "threshold_points": point.threshold * 20, "intervals": plain_intervals(intervals(theirs))}
    return told | _ours_at(ledger, theirs)


def _ours_at(ledger: Ledger, theirs: Evaluation) -> dict[str, Any]:
    """Our risk at the burden of another policy: the best recall with no more alerts, and the paired difference."""
    burden = theirs.measure("alarms_per_100_patient_days")
    found = at_equal_burden(ledger.by_patient(PLAIN, _thresholds(ledger, burden)), theirs.by_patient)
    ours = plain_intervals(found["ours"])
    return {
        "model_recall_at_equal_burden": ours["recall"][0],
        "model": {name: bounds[0] for name, bounds in ours.items()},
        "model_intervals": ours,
        "difference": plain_intervals(found["difference"]),
    }


def _thresholds(ledger: Ledger, burden: float) -> Float64:
    """Falling, dense where the burden is met."""
    coarse = ledger.curves([PLAIN], ledger.thresholds(_COARSE))[0]
    best = coarse.best(burden)
    near = coarse.threshold if best is None else ledger.around(coarse, best, _FINE)
    return np.unique(np.concatenate([coarse.threshold, near]))[::-1]


def brief(evaluation: Evaluation) -> dict[str, Any]:
    """The figures of a policy that a comparison shows."""
    names = ("recall", "precision", "alarms_per_100_patient_days")
    return {**{name: evaluation.measure(name) for name in names}, "median_lead_hours": evaluation.lead_quartiles[1]}


def plain_intervals(named: dict[str, Interval]) -> dict[str, list[float]]:
    """Intervals for JSON."""
    return {name: [*one] for name, one in named.items()}
