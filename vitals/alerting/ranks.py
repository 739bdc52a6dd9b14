"""How well risks rank rows and stays, and whether they mean what they say, in the spells in which alerts are judged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.rank_bootstrap import ranking_intervals
from vitals.alerting.stays import Risks, Stays
from vitals.labelling.calibration import absolute_errors, calibration_in_the_large, ece, slope_intercept
from vitals.labelling.labels import NO_ONSET
from vitals.labelling.ranking import peak_risks
from vitals.windowing.types import Float64, Int64

_FEWEST = 10  # events below which nothing is said


def rows_at_risk(risks: Risks, stays: Stays, horizon: int, lead_min: int = 0) -> tuple[Int64, NDArray[np.bool_]]:
    """Rows that can be labelled: whether an onset comes within the horizon is known, and it is not too late to say so.

    Args:
        risks: of the stays.
        stays: spells with their onsets; where a record is lost, its last ``horizon`` is left out.
        horizon: microseconds.
        lead_min: rows closer to the onset than this are left out.

    Returns:
        Positions of the rows ``(r,)``, and whether an onset comes within the horizon ``(r,)``.

    Example:
        >>> stays = Stays.of([1, 2], [0, 0], [100, 100], [0], [50], lost=[False, True])
        >>> risks = Risks.of([0, 0, 0, 1, 1], [10, 45, 60, 80, 95], [0.1] * 5)
        >>> [column.tolist() for column in rows_at_risk(risks, stays, horizon=10)]
        [[0, 1, 3], [False, True, False]]
    """
    onset, stay = stays.onset[risks.stay], risks.stay
    with_onset = onset != NO_ONSET
    left = np.where(with_onset, onset - risks.time, 0)
    unknown = stays.lost[stay] & ~with_onset & (risks.time > stays.discharged[stay] - horizon)
    usable = ~np.isnan(risks.risk) & ~unknown & (~with_onset | (left >= max(lead_min, 1)))
    row = np.flatnonzero(usable)
    return row, (with_onset & (left <= horizon))[row]


def discrimination(
    risks: Risks, stays: Stays, horizon: int, lead_min: int = 0, replicates: int = 1000
) -> dict[str, Any]:
    """AUROC and AUPRC over rows and over stays, with intervals of resampled patients; of a stay counts its highest risk.

    A mean over rows is one over long stays, and a stay that goes on has more chances of a high risk: neither says what a
    nurse sees. A lost stay without an onset is left out of the stays.

    Args:
        risks: of the stays.
        stays: spells with their onsets.
        horizon: microseconds, for the rows.
        lead_min: see :func:`rows_at_risk`.
        replicates: of the resampling.

    Returns:
        ``"step"`` and ``"stay"``, each with how many were ranked, how many are positive, and ``auroc`` and ``auprc`` as
        ``[value, low, high]``, None with fewer than ten positive or negative ones.
    """
    row, soon = rows_at_risk(risks, stays, horizon, lead_min)
    peak = peak_risks(risks.stay, risks.time, risks.risk, stays.onset)
    ranked = np.flatnonzero(~np.isnan(peak) & (stays.has_onset | ~stays.lost))
    return {
        "step": _ranked(soon, risks.risk[row], stays.patient[risks.stay[row]], replicates),
        "stay": _ranked(stays.has_onset[ranked], peak[ranked], stays.patient[ranked], replicates),
    }


def _ranked(label: NDArray[np.bool_], risk: Float64, patient: Int64, replicates: int) -> dict[str, Any]:
    positive = int(label.sum())
    figures: dict[str, Any] = {"ranked": len(label), "positive": positive, "auroc": None, "auprc": None}
    if min(positive, len(label) - positive) < _FEWEST:
        return figures
    _, number = np.unique(patient, return_inverse=True)
    return figures | ranking_intervals(label, risk, number, replicates)


def calibration(risks: Risks, stays: Stays, horizon: int, lead_min: int = 0) -> dict[str, float] | None:
    """Whether risks are probabilities of an onset within the horizon; None with fewer than ten positive or negative rows.

    Args:
        risks: of the stays, 0 to 1.
        stays: spells with their onsets.
        horizon: microseconds; that of the model.
        lead_min: see :func:`rows_at_risk`.

    Returns:
        ``observed_to_expected``, ``in_the_large``, ``intercept``, ``slope``, ``ici``, ``e50``, ``e90`` and ``ece`` (ten
        groups of equally many rows).
    """
    row, soon = rows_at_risk(risks, stays, horizon, lead_min)
    label, risk = soon.astype(np.float64), risks.risk[row]
    if min(label.sum(), len(label) - label.sum()) < _FEWEST:
        return None
    return calibration_of(label, risk)


def calibration_of(label: Float64, risk: Float64) -> dict[str, float]:
    """The same of labels and risks.

    Example:
        >>> figures = calibration_of(np.arange(100) % 4 == 0, np.tile([0.2, 0.3], 50))
        >>> round(figures["observed_to_expected"], 3), round(figures["ece"], 3)
        (1.0, 0.3)
    """
    slope, intercept = slope_intercept(label, risk)
    errors = absolute_errors(label, risk)
    return {
        "observed_to_expected": float(label.sum() / risk.sum()) if risk.sum() else float("nan"),
        "in_the_large": calibration_in_the_large(label, risk), "intercept": intercept, "slope": slope,
        "ici": float(errors.mean()), "e50": float(np.median(errors)), "e90": float(np.quantile(errors, 0.9)),
        "ece": ece(label, risk),
    }  # fmt: skip
