"""Net benefit: what acting on a risk is worth beside acting on everybody and on nobody (Vickers and Elkin 2006)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.errors import DataError, SettingsError

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


def net_benefit(label: ArrayLike, risk: ArrayLike, threshold: ArrayLike) -> Float64:
    """Net benefit of acting on every risk at or over a threshold probability t: TP/n - FP/n · t/(1 - t).

    One true positive counts 1; the odds of t say how many false ones it is worth. Each row is one decision, so rows must
    be decisions: :func:`landmarks` picks one a shift.

    Args:
        label: 0 or 1 for each decision, ``(R,)``.
        risk: ``(R,)``, no NaN.
        threshold: above 0 and below 1, ``(T,)``.

    Returns:
        ``(T,)``; NaN without a decision.

    Raises:
        DataError: columns of different lengths, a NaN risk, or a label other than 0 and 1.
        SettingsError: a threshold that is no probability.

    Example:
        >>> net_benefit([1, 1, 0, 0], [0.9, 0.2, 0.6, 0.1], [0.5, 0.2]).round(4).tolist()
        [0.0, 0.4375]
    """
    labels, risks, odds = *_decisions(label, risk), _odds(threshold)
    if not len(labels):
        return np.full(odds.shape, np.nan)
    order = np.argsort(risks)
    at_or_over = len(risks) - np.searchsorted(risks[order], np.asarray(threshold, np.float64), side="left")
    true = np.concatenate([[0.0], np.cumsum(labels[order][::-1])])[at_or_over]
    benefit: Float64 = (true - (at_or_over - true) * odds) / len(labels)
    return benefit


def treat_all(label: ArrayLike, threshold: ArrayLike) -> Float64:
    """Net benefit of acting on everybody; acting on nobody is 0.

    Args:
        label: 0 or 1 for each decision, ``(R,)``.
        threshold: above 0 and below 1, ``(T,)``.

    Example:
        >>> treat_all([1, 0, 0, 0], [0.1, 0.25]).round(4).tolist()
        [0.1667, 0.0]
    """
    return net_benefit(label, np.ones(np.shape(label)), threshold)


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit at many thresholds.

    Attributes:
        threshold: ``(T,)``.
        model: of acting on the risk, ``(T,)``.
        everybody: of acting on all, ``(T,)``.
    """

    threshold: Float64
    model: Float64
    everybody: Float64

    @property
    def avoided(self) -> Float64:
        """Needless actions spared per 100 decisions, beside acting on everybody, no true one being missed for it, ``(T,)``."""
        spared: Float64 = 100 * (self.model - self.everybody) * (1 - self.threshold) / self.threshold
        return spared


def decision_curve(label: ArrayLike, risk: ArrayLike, threshold: ArrayLike) -> DecisionCurve:
    """Net benefit of the risk and of acting on everybody, at each threshold.

    Raises:
        DataError: columns of different lengths, a NaN risk, or a label other than 0 and 1.
        SettingsError: a threshold that is no probability.

    Example:
        >>> curve = decision_curve([1, 0, 0, 0], [0.9, 0.6, 0.1, 0.1], [0.5])
        >>> curve.model.tolist(), curve.everybody.tolist(), curve.avoided.tolist()
        ([0.0], [-0.5], [50.0])
    """
    at = np.asarray(threshold, np.float64)
    return DecisionCurve(at, net_benefit(label, risk, at), treat_all(label, at))


def landmarks(stay: ArrayLike, time: ArrayLike, admitted: ArrayLike, onset: ArrayLike, every: int) -> Int64:
    """The first row of each stay in each shift, as long as the patient is at risk: one decision per patient and shift.

    Args:
        stay: of each row, ``(R,)``; rows ordered by stay and time.
        time: of each row, ``(R,)`` int64 microseconds UTC.
        admitted: of each stay, ``(S,)``; shifts are counted from there.
        onset: first onset of each stay, ``(S,)``; rows at or after it are no decision any more.
        every: length of a shift in microseconds.

    Returns:
        Positions of the rows, rising.

    Raises:
        SettingsError: a shift that has no length.

    Example:
        >>> hour = 3_600_000_000
        >>> hours = np.array([1, 5, 12, 13, 30])
        >>> landmarks([0] * 5, hours * hour, [0], [26 * hour], every=12 * hour).tolist()
        [0, 2]
    """
    if every <= 0:
        raise SettingsError("shift", f"{every} µs", "a duration above 0", "write 12 h, for example")
    stays, times = np.asarray(stay, np.int64), np.asarray(time, np.int64)
    shift = (times - np.asarray(admitted, np.int64)[stays]) // every
    at_risk = np.flatnonzero(times < np.asarray(onset, np.int64)[stays])
    begins = (np.diff(stays[at_risk], prepend=-1) != 0) | (np.diff(shift[at_risk], prepend=-1) != 0)
    chosen: Int64 = at_risk[begins]
    return chosen


def _decisions(label: ArrayLike, risk: ArrayLike) -> tuple[Float64, Float64]:
    labels, risks = np.asarray(label, np.float64), np.asarray(risk, np.float64)
    if labels.shape != risks.shape or labels.ndim != 1:
        raise DataError("labels", f"{labels.shape} for {risks.shape} risks", "one a risk", "pass equal columns")
    if np.isnan(risks).any():
        raise DataError("risks", f"{np.isnan(risks).sum()} of NaN", "numbers", "leave out rows that have no risk")
    if not ((labels == 0) | (labels == 1)).all():
        raise DataError("labels", "other values", "0 and 1", "leave out rows that may not be used")
    return labels, risks


def _odds(threshold: ArrayLike) -> Float64:
    at = np.asarray(threshold, np.float64)
    if not ((at > 0) & (at < 1)).all():
        raise SettingsError("threshold", "a number outside 0 to 1", "probabilities between them", "leave out the ends")
    odds: Float64 = at / (1 - at)
    return odds
