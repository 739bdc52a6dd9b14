"""How good risks are: pure functions of what came true, the risks, and the rows that were called."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.bootstrap import interval, resample
from vitals.alerting.curve import Ledger
from vitals.alerting.evaluation import Evaluation, evaluate
from vitals.alerting.measures import COUNTS, measure
from vitals.alerting.rank_bootstrap import ranking_intervals
from vitals.alerting.stays import Risks, Stays
from vitals.bedside.news2 import news2_risk
from vitals.flows.benchmark_truth import Truth
from vitals.labelling.calibration import ici, slope_intercept
from vitals.labelling.labels import NO_ONSET
from vitals.labelling.utility import EARLY, LATE, call_gain, utility
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting
from vitals.windowing.types import Float32, Float64, Int64

RULES = Alerting(lead_min=Duration(0), lead_max=Duration.parse("12h"))
SILENCE = Duration.parse("6h")
TRIGGERS = (5, 7)
"""NEWS2 points whose alarm burden every risk is held to."""
BURDENS = (5.0, 10.0, 30.0)
"""Alarms per 100 patient-days."""
SUSPICIOUS = 0.90
"""Hourly AUROC above which leakage is the first thing to look for."""


def judge_hourly(
    truth: Truth, risk: Float32, called: NDArray[np.bool_], *, probability: bool, replicates: tuple[int, int]
) -> dict[str, Any]:
    """Every figure of hourly risks.

    Args:
        truth: of the judged stays.
        risk: of their rows, ``(R,)``; a row without one (NaN) ranks lowest, is never called and raises no alarm.
        called: rows at or over the threshold that was chosen on other patients, ``(R,)``.
        probability: whether a risk claims to be one, so that its calibration can be judged.
        replicates: resamples of patients for sums of counts, and for AUROC and AUPRC.

    Returns:
        Plain numbers; a figure with an interval is ``[value, low, high]``.
    """
    stays, ours = truth.alert_stays(), Risks.of(truth.bed, truth.time, risk)
    news2 = Risks.of(truth.bed, truth.time, truth.news2)
    gain = _gain_by_patient(truth, stays, called)
    alarms = _alarms(ours, news2, stays)
    sums = resample(np.hstack([gain, *(found.by_patient for found in alarms.values())]), replicates[0])
    width = len(COUNTS)
    drawn = {name: sums[:, 2 + i * width :][:, :width] for i, name in enumerate(alarms)}
    worth = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)
    value = utility(truth.tau, called)
    return {
        **_counts(truth),
        "utility": [*interval(value, worth)],
        "calls_per_100_rows": 100 * float(called.mean()),
        **_rows_and_calibration(
            truth.label, risk, truth.patient[truth.bed], truth.usable, (probability, replicates[1])
        ),
        "alarms": {name: _alarm_figures(found, drawn[name]) for name, found in alarms.items()},
        "news2_difference": _differences(alarms, drawn),
    }


def judge_last(truth: Truth, risk: Float32, *, probability: bool, replicates: int) -> dict[str, Any]:
    """Every figure of one risk a stay: that of its last row, against whether an onset came.

    Args:
        truth: of the judged stays.
        risk: of their rows, ``(R,)``; a stay without one at its last row ranks lowest.
        probability: whether a risk claims to be one.
        replicates: resamples of patients.
    """
    label = (truth.onset != NO_ONSET).astype(np.float32)
    usable = np.ones(len(truth), bool)
    counts = {**_counts(truth), "prevalence": float(label.mean())}
    return {
        **counts,
        **_rows_and_calibration(label, risk[truth.last], truth.patient, usable, (probability, replicates)),
    }


def _counts(truth: Truth) -> dict[str, Any]:
    return {
        "patients": len(np.unique(truth.subject_id)), "stays": len(truth), "rows": len(truth.time),
        "onsets": int((truth.onset != NO_ONSET).sum()), "prevalence": float(truth.label[truth.usable].mean()),
    }  # fmt: skip


def _rows_and_calibration(
    label: Float32, risk: Float32, patient: Int64, usable: NDArray[np.bool_], how: tuple[bool, int]
) -> dict[str, Any]:
    """AUROC and AUPRC of all rows whose label may be used; calibration of those that have a risk."""
    probability, replicates = how
    lowest = np.where(np.isnan(risk), np.float32(-1), risk)
    found: dict[str, Any] = ranking_intervals(label[usable], lowest[usable], patient[usable], replicates)
    if probability:
        known = usable & ~np.isnan(risk)
        slope, intercept = slope_intercept(label[known], risk[known])
        found |= {"slope": slope, "intercept": intercept, "ici": ici(label[known], risk[known])}
    return found


def _gain_by_patient(truth: Truth, stays: Stays, called: NDArray[np.bool_]) -> Float64:
    """What the calls gained, and what the best calls would have, of each patient: ``(P, 2)``."""
    tau = truth.tau
    gain, patient = call_gain(tau), stays.patient[truth.bed]
    best = np.where((tau >= EARLY) & (tau <= LATE), gain, 0.0)
    return np.stack([np.bincount(patient, gain * called), np.bincount(patient, best)], axis=1)


def _alarms(ours: Risks, news2: Risks, stays: Stays) -> dict[str, Evaluation]:
    """What NEWS2 does at its triggers, and ours with no more alarms than that, and at fixed burdens."""
    ledger = Ledger(ours, stays, RULES)
    shape = _at(1.0)
    curve = ledger.curves([shape], ledger.thresholds())[0]
    found, burdens = {}, {f"at_{burden:g}": burden for burden in BURDENS}
    if not np.isnan(news2.risk).all():
        for points in TRIGGERS:
            theirs = evaluate(news2, stays, _at(float(news2_risk(points))), RULES)
            found[f"news2_{points}"] = theirs
            burdens[f"at_news2_{points}"] = theirs.measure("alarms_per_100_patient_days")
    for name, burden in burdens.items():
        point = ledger.best(shape, burden, curve)
        if point is None:  # no threshold keeps to so few alarms: whoever must, raises none and catches none
            found[name] = evaluate(Risks(ours.stay, ours.time, np.full(len(ours), np.nan)), stays, shape, RULES)
        else:
            found[name] = evaluate(ours, stays, _at(point.threshold), RULES)
    return found


def _at(threshold: float) -> AlertPolicy:
    return AlertPolicy(threshold=threshold, silence=SILENCE)


def _alarm_figures(found: Evaluation, drawn: Float64) -> dict[str, Any]:
    """Recall of all onsets, with the burden and the lead time at which it was had."""
    return {
        "recall": [*interval(found.measure("recall_of_all"), measure("recall_of_all", drawn))],
        "alarms_per_100_patient_days": found.measure("alarms_per_100_patient_days"),
        "precision": found.measure("precision"),
        "median_lead_hours": found.lead_quartiles[1],
        "threshold": found.policy.threshold,
    }


def _differences(alarms: dict[str, Evaluation], drawn: dict[str, Float64]) -> dict[str, list[float]]:
    """Recall of ours minus that of NEWS2 with at least as many alarms, of the same patients."""
    found = {}
    for points in TRIGGERS:
        ours, theirs = f"at_news2_{points}", f"news2_{points}"
        if ours in alarms:
            value = alarms[ours].measure("recall_of_all") - alarms[theirs].measure("recall_of_all")
            draws = measure("recall_of_all", drawn[ours]) - measure("recall_of_all", drawn[theirs])
            found[str(points)] = [*interval(value, draws)]
    return found
