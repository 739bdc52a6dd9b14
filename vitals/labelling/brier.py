"""The Brier score: how far risks lie from what came true, squared; and how much better that is than saying the mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vitals.errors import DataError


def brier(label: ArrayLike, risk: ArrayLike) -> float:
    """Mean squared distance of risk and label; NaN without rows.

    Args:
        label: 0 or 1 for each row, ``(R,)``.
        risk: 0 to 1, ``(R,)``, no NaN.

    Raises:
        DataError: columns of different lengths, or a NaN risk.

    Example:
        >>> round(brier([0, 1], [0.1, 0.6]), 3)
        0.085
    """
    labels, risks = np.asarray(label, np.float64), np.asarray(risk, np.float64)
    if labels.shape != risks.shape or labels.ndim != 1:
        raise DataError("labels", f"{labels.shape} for {risks.shape} risks", "one a risk", "pass equal columns")
    if np.isnan(risks).any():
        raise DataError("risks", f"{np.isnan(risks).sum()} of NaN", "numbers", "leave out rows that have no risk")
    return float(np.mean((risks - labels) ** 2)) if len(labels) else float("nan")


def brier_skill(label: ArrayLike, risk: ArrayLike) -> float:
    """1 - Brier / Brier of the prevalence p: 1 is perfect, 0 no better than p, NaN where all labels are alike.

    With rare events easy negatives rule it, so it is small for good risks too.

    Example:
        >>> brier_skill([0, 0, 0, 1], [0.0, 0.0, 0.0, 1.0]), brier_skill([0, 0, 0, 1], [0.25] * 4)
        (1.0, 0.0)
    """
    labels = np.asarray(label, np.float64)
    score, share = brier(labels, risk), float(labels.mean()) if labels.size else float("nan")
    spread = share * (1 - share)
    return 1 - score / spread if spread > 0 else float("nan")
