"""What a risk means: calibration, its spread in those with and without an event, and what acting on it is worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitals.alerting.bootstrap import interval, resample
from vitals.alerting.evaluation import Evaluation
from vitals.alerting.goal import alert_net_benefit
from vitals.bedside.news2 import news2_risk
from vitals.flows.report_evidence import REPLICATES, Evidence, plain_numbers
from vitals.labelling.brier import brier, brier_skill
from vitals.labelling.calibration import absolute_errors, calibration_in_the_large, ece, reliability, slope_intercept
from vitals.labelling.net_benefit import decision_curve, landmarks, net_benefit
from vitals.spec.duration import HOUR
from vitals.windowing.types import Float64, Int64

SHIFT_HOURS = 12
NEEDED = (5, 7, 10, 15, 20, 30)
"""Work-ups for one true case that staff would accept."""
_BINS, _THRESHOLDS, _LOWEST = 24, 40, 1e-4


def calibration_figures(evidence: Evidence) -> dict[str, Any]:
    """Calibration of the usable rows; intervals of the groups resample patients."""
    rows = evidence.usable
    label, risk = evidence.judged.study.label[rows], evidence.judged.risk[rows].astype(np.float64)
    if not len(label) or label.min() == label.max():
        return {}
    slope, intercept = slope_intercept(label, risk)
    errors = absolute_errors(label, risk)  # once: its mean, median and 90th percentile are ICI, E50 and E90
    return {
        "rows": len(label), "slope": slope, "intercept": intercept, "in_the_large": calibration_in_the_large(label, risk),
        "ici": float(errors.mean()), "e50": float(np.median(errors)), "e90": float(np.quantile(errors, 0.9)),
        "ece": ece(label, risk),
        "brier": brier(label, risk), "brier_skill": brier_skill(label, risk),
        **_groups(label.astype(np.float64), risk, evidence.patient[rows]),
    }  # fmt: skip


def _groups(label: Float64, risk: Float64, patient: Int64) -> dict[str, Any]:
    """Deciles of risk, and all of them together as observed over expected."""
    table = reliability(label, risk)
    group = np.empty(len(risk), np.int64)
    group[np.argsort(risk, kind="stable")] = np.repeat(np.arange(len(table.rows)), table.rows)
    many = len(table.rows)
    sums = np.zeros((int(patient.max()) + 1, many, 3))
    for i, counted in enumerate((label, risk, np.ones(len(risk)))):
        np.add.at(sums[..., i], (patient, group), counted)
    draws = resample(sums.reshape(len(sums), -1), REPLICATES).reshape(REPLICATES, many, 3)
    observed = np.divide(draws[..., 0], draws[..., 2], out=np.full(draws.shape[:2], np.nan), where=draws[..., 2] > 0)
    bounds = [interval(value, observed[:, i]) for i, value in enumerate(table.observed)]
    ratio = interval(float(label.sum() / risk.sum()), draws[..., 0].sum(1) / draws[..., 1].sum(1))
    return {
        "observed_to_expected": [*ratio],
        "groups": {
            "rows": table.rows.tolist(), "risk": table.risk.tolist(), "observed": table.observed.tolist(),
            "low": plain_numbers([one.low for one in bounds]), "high": plain_numbers([one.high for one in bounds]),
        },
    }  # fmt: skip


def distribution_figures(evidence: Evidence) -> dict[str, Any]:
    """Shares of the rows of each class in equal steps of the risk's logarithm."""
    rows = evidence.usable
    label, risk = evidence.judged.study.label[rows], evidence.judged.risk[rows].astype(np.float64)
    if not len(label) or label.min() == label.max():
        return {}
    edges = np.geomspace(max(_LOWEST, float(risk.min())), 1.0, _BINS + 1)
    counts = [np.histogram(np.clip(risk[label == kind], edges[0], 1.0), edges)[0] for kind in (0, 1)]
    without, with_event = (count / count.sum() for count in counts)
    return {"edges": edges.tolist(), "with_event": with_event.tolist(), "without": without.tolist()}


def decision_figures(evidence: Evidence) -> dict[str, Any]:
    """Net benefit per 1,000 decisions, one a patient and shift; a NEWS2 trigger is a decision too."""
    study, stays = evidence.judged.study, evidence.stays
    chosen = np.flatnonzero(evidence.usable)
    at = chosen[
        landmarks(study.rows.bed[chosen], study.rows.time[chosen], stays.admitted, stays.onset, SHIFT_HOURS * HOUR)
    ]
    label, risk = study.label[at], evidence.judged.risk[at].astype(np.float64)
    share = float(label.mean()) if len(at) else 0.0
    if not 0 < share < 1:
        return {}
    threshold = np.geomspace(share / 5, min(0.5, 25 * share), _THRESHOLDS)
    curve = decision_curve(label, risk, threshold)
    found = {
        "decisions": len(at), "positive": int(label.sum()), "prevalence": share, "shift_hours": SHIFT_HOURS,
        "threshold": threshold.tolist(), "model": (1000 * curve.model).tolist(),
        "everybody": (1000 * curve.everybody).tolist(), "avoided_per_100": curve.avoided.tolist(),
    }  # fmt: skip
    if evidence.bedside is not None:
        points = np.nan_to_num(evidence.bedside.risk[at])
        for n in (5, 7):
            called = (points >= float(news2_risk(n))).astype(np.float64)
            found[f"NEWS2 ≥ {n}"] = (1000 * net_benefit(label, called, threshold)).tolist()
    return found


def alert_benefit_figures(evidence: Evidence, judged: Evaluation) -> dict[str, Any]:
    """Net benefit of alerts per 100 patient-days, of the policy and of NEWS2, at several bounds of work-ups."""
    every = {"policy": judged, **evidence.triggers()}
    return {"needed": list(NEEDED), **{name: [_worth(one, needed) for needed in NEEDED] for name, one in every.items()}}


def _worth(evaluation: Evaluation, needed: int) -> list[float]:
    value = float(alert_net_benefit(evaluation.by_patient.sum(axis=0), needed))
    return [*interval(value, alert_net_benefit(resample(evaluation.by_patient), needed))]
