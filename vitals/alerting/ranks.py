"""How well risks rank rows and stays, and whether they mean what they say."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.alerting.rank_bootstrap import ranking_intervals
from vitals.alerting.stays import Risks, Stays
from vitals.labelling.calibration import absolute_errors, calibration_in_the_large, ece, slope_intercept
from vitals.labelling.labels import NO_ONSET, outlasts
from vitals.labelling.ranking import peak_risks
from vitals.windowing.types import Float64, Int64

FEWEST = 10
"""Events, or patients with one, below which nothing is said."""


class Labelled(NamedTuple):
    """Rows whose answer is known.

    Attributes:
        risks: of the stays; a row without a risk is never among the labelled ones.
        stays: the stays or spells they belong to.
        row: positions of the labelled rows, ``(r,)``.
        label: whether an onset comes in time, ``(r,)`` bool.
    """

    risks: Risks
    stays: Stays
    row: Int64
    label: NDArray[np.bool_]

    @property
    def risk(self) -> Float64:
        """Of each labelled row, ``(r,)``."""
        return self.risks.risk[self.row]

    @property
    def patient(self) -> Int64:
        """Number of each labelled row's patient, ``(r,)``."""
        return self.stays.patient[self.risks.stay[self.row]]

    @property
    def can_rank(self) -> bool:
        """Whether there are positive and negative rows of enough patients to say anything."""
        return enough(self.label, self.patient)


def enough(label: ArrayLike, patient: ArrayLike) -> bool:
    """Whether at least ``FEWEST`` patients have positive rows, and as many negative ones: rows of one patient are one event."""
    positive, of = np.asarray(label, bool), np.asarray(patient)
    return min(len(np.unique(of[positive])), len(np.unique(of[~positive]))) >= FEWEST


def rows_at_risk(risks: Risks, stays: Stays, horizon: int, lead_min: int = 0) -> Labelled:
    """Rows that can be labelled: whether an onset comes within the horizon is known, and it is not too late to say so.

    Args:
        risks: of the stays.
        stays: spells with their onsets; where a record is lost, its last ``horizon`` is left out.
        horizon: microseconds.
        lead_min: rows closer to the onset than this are left out.

    Example:
        >>> stays = Stays.of([1, 2], [0, 0], [100, 100], [0], [50], lost=[False, True])
        >>> risks = Risks.of([0, 0, 0, 1, 1], [10, 45, 60, 80, 95], [0.1] * 5)
        >>> found = rows_at_risk(risks, stays, horizon=10)
        >>> found.row.tolist(), found.label.tolist()
        ([0, 1, 3], [False, True, False])
    """
    onset, stay = stays.onset[risks.stay], risks.stay
    with_onset = onset != NO_ONSET
    left = np.where(with_onset, onset - risks.time, 0)
    unknown = outlasts(risks.time, stay, stays.lost_at, horizon)
    usable = ~np.isnan(risks.risk) & ~unknown & (~with_onset | (left >= max(lead_min, 1)))
    row = np.flatnonzero(usable)
    return Labelled(risks, stays, row, (with_onset & (left <= horizon))[row])


def discrimination(rows: Labelled, risks: Risks, stays: Stays, replicates: int = 1000) -> dict[str, Any]:
    """AUROC and AUPRC over rows and over stays, with intervals of resampled patients; of a stay counts its highest risk.

    A mean over rows is one over long stays, and a stay that goes on has more chances of a high risk: neither says what a
    nurse sees. A lost stay without an onset is left out of the stays.

    Args:
        rows: the labelled rows.
        risks: of the spells.
        stays: spells with their onsets.
        replicates: of the resampling.

    Returns:
        ``"step"`` and ``"stay"``, each with how many were ranked, how many are positive, and ``auroc`` and ``auprc`` as
        ``[value, low, high]``, None with positive or negative ones of fewer than ten patients.
    """
    peak = peak_risks(risks.stay, risks.time, risks.risk, stays.onset)
    known = np.flatnonzero(~np.isnan(peak) & (stays.has_onset | ~stays.lost))
    return {
        "step": ranked(rows.label, rows.risk, rows.patient, replicates),
        "stay": ranked(stays.has_onset[known], peak[known], stays.patient[known], replicates),
    }


def ranked(label: NDArray[np.bool_], risk: Float64, patient: Int64, replicates: int = 1000) -> dict[str, Any]:
    """AUROC and AUPRC with intervals of resampled patients, None where there are too few.

    Example:
        >>> ranked(np.array([True, False]), np.array([0.9, 0.1]), np.array([0, 1]))
        {'ranked': 2, 'positive': 1, 'auroc': None, 'auprc': None}
    """
    figures: dict[str, Any] = {"ranked": len(label), "positive": int(label.sum()), "auroc": None, "auprc": None}
    if not enough(label, patient):
        return figures
    _, number = np.unique(patient, return_inverse=True)
    return figures | ranking_intervals(label, risk, number, replicates)


def calibration(rows: Labelled) -> dict[str, float] | None:
    """Whether risks are probabilities of the label; None with positive or negative rows of fewer than ten patients.

    Returns:
        ``rows``, ``observed_to_expected``, ``in_the_large``, ``intercept``, ``slope``, ``ici``, ``e50``, ``e90`` and ``ece``
        (ten groups of equally many rows).
    """
    return calibration_of(rows.label, rows.risk) if rows.can_rank else None


def calibration_of(label: ArrayLike, risk: Float64) -> dict[str, float]:
    """The same of labels and risks.

    Example:
        >>> figures = calibration_of(np.arange(100) % 4 == 0, np.tile([0.2, 0.3], 50))
        >>> round(figures["observed_to_expected"], 3), round(figures["ece"], 3)
        (1.0, 0.3)
    """
    known = np.asarray(label, np.float64)
    slope, intercept = slope_intercept(known, risk)
    errors = absolute_errors(known, risk)  # once: its mean, median and 90th percentile are ICI, E50 and E90
    return {
        "rows": len(known), "observed_to_expected": float(known.sum() / risk.sum()) if risk.sum() else float("nan"),
        "in_the_large": calibration_in_the_large(known, risk), "intercept": intercept, "slope": slope,
        "ici": float(errors.mean()), "e50": float(np.median(errors)), "e90": float(np.quantile(errors, 0.9)),
        "ece": ece(known, risk),
    }  # fmt: skip


def event_auprc(recall: ArrayLike, precision: ArrayLike) -> float | None:
    """Area under precision over event recall, from the highest threshold down; None where nothing was ever caught.

    A lower threshold may catch less than a higher one, so only what it adds to the best before it counts.

    Example:
        >>> event_auprc([0.0, 0.5, 0.4, 1.0], [float("nan"), 0.6, 0.3, 0.2])
        0.4
    """
    best = np.maximum.accumulate(np.nan_to_num(np.asarray(recall, np.float64)))
    area = (np.diff(best, prepend=0.0) * np.nan_to_num(np.asarray(precision, np.float64))).sum()
    return float(area) if len(best) and best[-1] > 0 else None
