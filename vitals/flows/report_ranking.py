"""How well risks rank: rows, onsets and stays, three figures that are never the same thing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vitals.alerting.rank_bootstrap import ranking_intervals
from vitals.alerting.stays import Risks
from vitals.flows.report_evidence import REPLICATES, Evidence
from vitals.labelling.ranking import peak_risks


def ranking_figures(evidence: Evidence) -> dict[str, Any]:
    """Rows, stays and onsets ranked by the model, and rows and stays by NEWS2.

    Returns:
        For JSON: ``rows``, ``stays`` and (with a policy) ``events``; each AUROC and AUPRC as ``[value, low, high]``.
    """
    found: dict[str, Any] = {"model": _both(evidence, evidence.risks)}
    if evidence.bedside is not None:
        found["NEWS2"] = _both(evidence, evidence.bedside)
    curve = evidence.judged.figures.get("curve")
    if curve:
        found["model"]["events"] = {"auprc": event_auprc(curve["recall"], curve["precision"])}
    return found


def event_auprc(recall: ArrayLike, precision: ArrayLike) -> float | None:
    """Area under precision over event recall, from the highest threshold down; None where nothing was ever caught.

    A lower threshold may catch less than a higher one, so only what it adds to the best before it counts.

    Example:
        >>> event_auprc([0.0, 0.5, 0.4, 1.0], [None, 0.6, 0.3, 0.2])
        0.4
    """
    best = np.maximum.accumulate(np.nan_to_num(np.array(recall, np.float64)))
    area = (np.diff(best, prepend=0.0) * np.nan_to_num(np.array(precision, np.float64))).sum()
    return float(area) if len(best) and best[-1] > 0 else None


def _both(evidence: Evidence, risks: Risks) -> dict[str, Any]:
    study, stays = evidence.judged.study, evidence.stays
    rows = evidence.usable & np.isfinite(risks.risk)
    peak = peak_risks(risks.stay, risks.time, risks.risk, stays.onset)
    known = np.isfinite(peak)
    return {
        "rows": _ranks(study.label[rows], risks.risk[rows], evidence.patient[rows]),
        "stays": _ranks(stays.has_onset[known].astype(np.float32), peak[known], stays.patient[known]),
    }


def _ranks(label: ArrayLike, risk: ArrayLike, patient: ArrayLike) -> dict[str, Any]:
    counted = {"number": len(np.asarray(label)), "positive": int(np.sum(label))}
    if counted["positive"] in (0, counted["number"]):
        return counted
    return {**counted, **ranking_intervals(label, risk, patient, REPLICATES)}
