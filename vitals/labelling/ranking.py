"""How well risks rank rows: AUROC and AUPRC, exact with ties, in one sort."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.errors import DataError


def auroc(label: ArrayLike, risk: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a positive row has the higher risk, a tie counting one half.

    Args:
        label: 0 or 1 for each row, ``(R,)``.
        risk: ``(R,)``, no NaN.

    Returns:
        0 to 1; NaN when all rows have one label.

    Raises:
        DataError: columns of different lengths, a NaN risk, or a label other than 0 and 1.

    Example:
        >>> auroc([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8])
        0.875
    """
    true, false = _cumulated(label, risk)
    pairs = true[-1] * false[-1]
    # Trapezoids below a curve whose corners are whole numbers: twice the area is whole too, so the sum is exact.
    twice = np.diff(false, prepend=0) * (true + np.concatenate([[0], true[:-1]]))
    return float(twice.sum() / 2 / pairs) if pairs else float("nan")


def auprc(label: ArrayLike, risk: ArrayLike) -> float:
    """Area under the precision-recall curve as average precision: precision summed over the steps of recall.

    Args:
        label: 0 or 1 for each row, ``(R,)``.
        risk: ``(R,)``, no NaN.

    Returns:
        0 to 1; NaN when no row is positive.

    Raises:
        DataError: columns of different lengths, a NaN risk, or a label other than 0 and 1.

    Example:
        >>> round(auprc([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8]), 4)
        0.8333
    """
    true, false = _cumulated(label, risk)
    if not true[-1]:
        return float("nan")
    return float((np.diff(true, prepend=0) * (true / np.maximum(true + false, 1))).sum() / true[-1])


def peak_risks(stay: ArrayLike, time: ArrayLike, risk: ArrayLike, onset: ArrayLike) -> NDArray[np.float64]:
    """The highest risk of each stay: before the onset where there is one, of the whole stay elsewhere.

    Ranking stays by their peaks is what a stay's AUROC usually means. It flatters a risk that rises with time: a stay
    without an onset is watched longer, and one with an onset only until then, so read it beside the figures of rows.

    Args:
        stay: of each row, ``(R,)``.
        time: of each row, ``(R,)`` int64 microseconds UTC.
        risk: ``(R,)``, NaN where there is none.
        onset: first onset of each stay, ``(S,)``; a time after all rows where there is none.

    Returns:
        ``(S,)``; NaN for a stay without a risk before its onset.

    Example:
        >>> peak_risks([0, 0, 1, 1], [1, 2, 1, 2], [0.2, 0.9, 0.3, 0.4], onset=[2, 99]).tolist()
        [0.2, 0.4]
    """
    stays, risks, onsets = np.asarray(stay, np.int64), np.asarray(risk, np.float64), np.asarray(onset, np.int64)
    counted = (np.asarray(time, np.int64) < onsets[stays]) & ~np.isnan(risks)
    peak = np.full(len(onsets), -np.inf)
    np.maximum.at(peak, stays[counted], risks[counted])
    return np.where(np.isinf(peak), np.nan, peak)


def _cumulated(label: ArrayLike, risk: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positive and negative rows at or over each distinct risk, from the highest down."""
    labels, risks = np.asarray(label), np.asarray(risk, np.float64)
    if labels.shape != risks.shape or labels.ndim != 1:
        raise DataError("labels", f"{labels.shape} for {risks.shape} risks", "one a risk", "pass equal columns")
    if np.isnan(risks).any():
        raise DataError("risks", f"{np.isnan(risks).sum()} of NaN", "numbers", "leave out rows that have no risk")
    positive = labels == 1
    if not (positive | (labels == 0)).all():
        raise DataError("labels", "other values", "0 and 1", "leave out rows that may not be used")
    order = np.argsort(risks)[::-1]
    falling, hits = risks[order], positive[order]
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)) if len(risks) else np.empty(0, np.int64)
    true = np.concatenate([[0], np.cumsum(hits, dtype=np.int64)[last]])
    return true, np.concatenate([[0], last + 1]) - true
