"""What a risk means: calibration by groups of rows, and its spread in those with and without an event."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitals.alerting.bootstrap import interval, resample
from vitals.alerting.ranks import enough
from vitals.flows.guarding import RANKED
from vitals.flows.report_evidence import Evidence, plain_numbers
from vitals.labelling.brier import brier, brier_skill
from vitals.labelling.calibration import reliability
from vitals.windowing.types import Float64, Int64

_BINS, _LOWEST = 24, 1e-4


def calibration_figures(evidence: Evidence) -> dict[str, Any]:
    """Calibration of the usable rows; intervals of the groups resample patients."""
    rows = evidence.usable
    label, risk = evidence.judged.study.label[rows], evidence.judged.risk[rows].astype(np.float64)
    if evidence.judged.judgement.calibration is None:
        return {}
    return {
        **evidence.judged.judgement.calibration, "brier": brier(label, risk), "brier_skill": brier_skill(label, risk),
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
    draws = resample(sums.reshape(len(sums), -1), RANKED).reshape(RANKED, many, 3)
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
    if not enough(label, evidence.patient[rows]):
        return {}
    edges = np.geomspace(max(_LOWEST, float(risk.min())), 1.0, _BINS + 1)
    counts = [np.histogram(np.clip(risk[label == kind], edges[0], 1.0), edges)[0] for kind in (0, 1)]
    without, with_event = (count / count.sum() for count in counts)
    return {"edges": edges.tolist(), "with_event": with_event.tolist(), "without": without.tolist()}
