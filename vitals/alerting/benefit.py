"""What acting on a risk is worth: the decision curve of decisions that a ward takes, and the net benefit of alerts."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitals.alerting.bootstrap import interval, resample
from vitals.alerting.evaluation import Evaluation
from vitals.alerting.goal import alert_net_benefit
from vitals.alerting.ranks import Labelled, enough
from vitals.labelling.net_benefit import decision_curve, landmarks, net_benefit
from vitals.spec.duration import HOUR
from vitals.windowing.types import Float64

SHIFT_HOURS = 12
NEEDED = (5, 7, 10, 15, 20, 30)
"""Work-ups for one true case that staff would accept."""
_THRESHOLDS = 40


def decisions(rows: Labelled, called: dict[str, Float64] | None = None) -> dict[str, Any]:
    """Net benefit per 1,000 decisions, one a patient and shift; other rules decide at the same moments.

    Args:
        rows: the labelled rows; the first of each stay and shift is a decision.
        called: name of a rule, and whether it acts, 0 or 1 for each of ``rows.risks``, ``(R,)``.

    Returns:
        For JSON; empty with decisions of one kind from fewer than ten patients.
    """
    stay, time = rows.risks.stay[rows.row], rows.risks.time[rows.row]
    first = landmarks(stay, time, rows.stays.admitted, rows.stays.onset, SHIFT_HOURS * HOUR)
    label, risk = rows.label[first], rows.risk[first]
    if not enough(label, rows.patient[first]):
        return {}
    share = float(label.mean())
    threshold = np.geomspace(share / 5, min(0.5, 25 * share), _THRESHOLDS)
    curve = decision_curve(label, risk, threshold)
    found = {
        "decisions": len(first), "positive": int(label.sum()), "prevalence": share, "shift_hours": SHIFT_HOURS,
        "threshold": threshold.tolist(), "model": (1000 * curve.model).tolist(),
        "everybody": (1000 * curve.everybody).tolist(), "avoided_per_100": curve.avoided.tolist(),
    }  # fmt: skip
    for name, acts in (called or {}).items():
        found[name] = (1000 * net_benefit(label, acts[rows.row[first]], threshold)).tolist()
    return found


def alert_benefit(policies: dict[str, Evaluation], replicates: int = 1000) -> dict[str, Any]:
    """Net benefit of alerts per 100 patient-days at several bounds of work-ups, each with its interval.

    Args:
        policies: what each policy did, by the name it is shown under.
        replicates: of the resampling of patients.
    """
    return {
        "needed": list(NEEDED),
        **{name: [_worth(one, needed, replicates) for needed in NEEDED] for name, one in policies.items()},
    }


def _worth(evaluation: Evaluation, needed: int, replicates: int) -> list[float]:
    value = float(alert_net_benefit(evaluation.by_patient.sum(axis=0), needed))
    return [*interval(value, alert_net_benefit(resample(evaluation.by_patient, replicates), needed))]
