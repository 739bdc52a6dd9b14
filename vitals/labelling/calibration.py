"""Whether a risk of 3 % means that 3 in 100 come true: calibration of risks against labels.

Definitions: intercept, slope and calibration in the large are those of logistic recalibration (Cox 1958; Van Calster and
others, J Clin Epidemiol 2016;74:167); ICI, E50 and E90 those of Austin and Steyerberg (Stat Med 2019;38:4051), where a
loess of the label on the risk stands for what came true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.errors import DataError
from vitals.labelling.loess import loess

Float64 = NDArray[np.float64]

_NEAREST = 1e-7
"""A risk of exactly 0 or 1 has no logit; risks nearer to them than this count as this near (float32 knows no nearer 1)."""
_STEPS = 50


def slope_intercept(label: ArrayLike, risk: ArrayLike, weight: ArrayLike | None = None) -> tuple[float, float]:
    """Slope b and intercept a of logit P(label) = a + b · logit(risk), by maximum likelihood; 1 and 0 are ideal.

    A slope below 1 tells of risks that are too extreme, as overfitting makes them.

    Args:
        label: 0 or 1 for each row, ``(R,)``.
        risk: 0 to 1, ``(R,)``, no NaN.
        weight: how much each row counts, ``(R,)``, above 0; all the same without it.

    Returns:
        Slope and intercept; NaN both where no line is best: one label only, one risk only, or risks that separate the
        labels without error.

    Raises:
        DataError: columns of different lengths, a risk that is NaN or outside 0 to 1, or a label other than 0 and 1.

    Example:
        >>> risk = np.repeat([0.2, 0.8], 100)
        >>> label = np.r_[np.arange(100) < 35, np.arange(100) < 65]
        >>> slope, intercept = slope_intercept(label, risk)
        >>> round(slope, 3), round(abs(intercept), 3)
        (0.447, 0.0)
    """
    labels, risks = _checked(label, risk)
    logit = _logit(risks)
    if len(labels) == 0 or labels.min() == labels.max() or logit.min() == logit.max() or _separated(labels, logit):
        return float("nan"), float("nan")
    # centred and scaled, so that the two unknowns hardly touch each other and Newton's steps are safe
    centre, spread = float(logit.mean()), float(logit.std())
    weights = np.ones(len(labels)) if weight is None else np.asarray(weight, np.float64)
    intercept, slope = _newton(labels, (logit - centre) / spread, weights / weights.mean())
    return slope / spread, intercept - slope / spread * centre


def calibration_in_the_large(label: ArrayLike, risk: ArrayLike) -> float:
    """Intercept a of logit P(label) = a + logit(risk); 0 is ideal, below 0 the risks are too high on the whole.

    Args:
        label: 0 or 1 for each row, ``(R,)``.
        risk: 0 to 1, ``(R,)``, no NaN.

    Returns:
        The intercept; NaN where all rows have one label.

    Raises:
        DataError: columns of different lengths, a risk that is NaN or outside 0 to 1, or a label other than 0 and 1.

    Example:
        >>> round(calibration_in_the_large([0, 0, 0, 1], [0.5, 0.5, 0.5, 0.5]), 4)  # logit(1/4) - logit(1/2)
        -1.0986
    """
    labels, risks = _checked(label, risk)
    if len(labels) == 0 or labels.min() == labels.max():
        return float("nan")
    logit = _logit(risks)
    # the expected number of positives rises with the intercept, so halving an interval always finds it
    low, high = -50.0, 50.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _sigmoid(middle + logit).sum() < labels.sum() else (low, middle)
    return (low + high) / 2


def absolute_errors(label: ArrayLike, risk: ArrayLike) -> Float64:
    """How far each risk lies from what came true at such risks, after a loess (span 0.75) of the label on the risk.

    Args:
        label: 0 or 1 for each row, ``(R,)``.
        risk: 0 to 1, ``(R,)``, no NaN.

    Returns:
        ``(R,)`` float64. See :func:`vitals.labelling.loess.loess` for what is done with many rows.

    Raises:
        DataError: columns of different lengths, a risk that is NaN or outside 0 to 1, or a label other than 0 and 1.
    """
    labels, risks = _checked(label, risk)
    return np.abs(loess(risks, labels) - risks)


def ici(label: ArrayLike, risk: ArrayLike) -> float:
    """Integrated calibration index: the mean of :func:`absolute_errors`; NaN without rows.

    Example:
        >>> round(ici(np.arange(100) % 4 == 0, np.full(100, 0.3)), 3)
        0.05
    """
    return _summary(label, risk, np.mean)


def e50(label: ArrayLike, risk: ArrayLike) -> float:
    """The median of :func:`absolute_errors`; NaN without rows."""
    return _summary(label, risk, np.median)


def e90(label: ArrayLike, risk: ArrayLike) -> float:
    """The 90th percentile of :func:`absolute_errors`; NaN without rows."""
    return _summary(label, risk, lambda errors: np.quantile(errors, 0.9))


@dataclass(frozen=True)
class Reliability:
    """Groups of rows from low to high risk; a group is one bar of a calibration plot.

    Attributes:
        rows: rows of each group, ``(G,)`` int64.
        risk: mean risk, ``(G,)``.
        observed: share of positive labels, ``(G,)``.
    """

    rows: NDArray[np.int64]
    risk: Float64
    observed: Float64


def reliability(label: ArrayLike, risk: ArrayLike, groups: int = 10) -> Reliability:
    """Risk and truth in groups of equally many rows (10: deciles); equal risks stay together, so there may be fewer.

    Args:
        label: 0 or 1 for each row, ``(R,)``.
        risk: 0 to 1, ``(R,)``, no NaN.
        groups: at most this many.

    Raises:
        DataError: columns of different lengths, a risk that is NaN or outside 0 to 1, or a label other than 0 and 1.

    Example:
        >>> table = reliability([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.6], groups=2)
        >>> table.rows.tolist(), table.risk.round(2).tolist(), table.observed.tolist()
        ([2, 2], [0.15, 0.45], [0.0, 0.5])
    """
    labels, risks = _checked(label, risk)
    order = np.argsort(risks, kind="stable")
    # the highest risk of each group as it would be cut by rank; rows of that very risk belong to it too
    ends = (np.arange(1, groups + 1) * len(risks)) // groups - 1
    bounds = np.unique(risks[order][ends[ends >= 0]])
    group = np.searchsorted(bounds, risks, side="left")
    rows = np.bincount(group, minlength=len(bounds))
    return Reliability(
        rows.astype(np.int64),
        np.bincount(group, risks, len(bounds)) / rows,
        np.bincount(group, labels, len(bounds)) / rows,
    )


def ece(label: ArrayLike, risk: ArrayLike, groups: int = 10) -> float:
    """Expected calibration error: mean distance of risk and truth in groups of :func:`reliability`, weighted by their rows.

    It depends on the number of groups and is never 0 by chance; read :func:`ici` first. NaN without rows.

    Example:
        >>> round(ece([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.6], groups=2), 3)  # (2 · |0 - 0.15| + 2 · |0.5 - 0.45|) / 4
        0.1
    """
    table = reliability(label, risk, groups)
    return float(np.average(np.abs(table.observed - table.risk), weights=table.rows)) if len(table.rows) else np.nan


def _summary(label: ArrayLike, risk: ArrayLike, summarise: Callable[[Float64], Any]) -> float:
    errors = absolute_errors(label, risk)
    return float(summarise(errors)) if len(errors) else float("nan")


def _checked(label: ArrayLike, risk: ArrayLike) -> tuple[Float64, Float64]:
    labels, risks = np.asarray(label, np.float64), np.asarray(risk, np.float64)
    if labels.shape != risks.shape or labels.ndim != 1:
        raise DataError("labels", f"{labels.shape} for {risks.shape} risks", "one a risk", "pass equal columns")
    if not ((risks >= 0) & (risks <= 1)).all():  # NaN compares False
        raise DataError("risks", "NaN, or numbers outside 0 to 1", "probabilities", "leave out rows that have no risk")
    if not ((labels == 0) | (labels == 1)).all():
        raise DataError("labels", "other values", "0 and 1", "leave out rows that may not be used")
    return labels, risks


def _logit(risk: Float64) -> Float64:
    inside = np.clip(risk, _NEAREST, 1 - _NEAREST)
    return np.log(inside) - np.log1p(-inside)


def _sigmoid(logit: Float64) -> Float64:
    return 0.5 + 0.5 * np.tanh(0.5 * logit)


def _separated(labels: Float64, logit: Float64) -> bool:
    low, high = logit[labels == 0], logit[labels == 1]
    return bool(low.max() <= high.min() or high.max() <= low.min())


def _newton(labels: Float64, x: Float64, weights: Float64) -> tuple[float, float]:
    """Intercept and slope of the likeliest logistic line, which must exist."""
    share = (weights * labels).sum() / weights.sum()
    line = np.array([np.log(share / (1 - share)), 0.0])
    before = _likelihood(labels, line[0] + line[1] * x, weights)
    for _ in range(_STEPS):
        likely = _sigmoid(line[0] + line[1] * x)
        bent, error = weights * likely * (1 - likely), weights * (labels - likely)
        moment = (bent * x).sum()
        curvature = np.array([[bent.sum(), moment], [moment, (bent * x * x).sum()]])
        step = np.linalg.solve(curvature, [error.sum(), (error * x).sum()])
        after = _likelihood(labels, line[0] + step[0] + (line[1] + step[1]) * x, weights)
        while after < before and np.abs(step).max() > 1e-12:  # too far: the likelihood is concave, half way is better
            step /= 2
            after = _likelihood(labels, line[0] + step[0] + (line[1] + step[1]) * x, weights)
        line, before = line + step, after
        if np.abs(step).max() < 1e-10:
            break
    return float(line[0]), float(line[1])


def _likelihood(labels: Float64, logit: Float64, weights: Float64) -> float:
    """The logarithm of it."""
    return float((weights * (labels * logit - np.logaddexp(0, logit))).sum())
