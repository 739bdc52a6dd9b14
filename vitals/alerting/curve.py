"""Operating curves: what each threshold would have caught, and at how many alerts. Exact counts by the alert rule itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.alerting.evaluation import exposure
from vitals.alerting.families import families_of
from vitals.alerting.grid import count
from vitals.alerting.leaps import History
from vitals.alerting.measures import COUNTS, FIXED, measure
from vitals.alerting.stays import Risks, Stays, check_fit
from vitals.errors import DataError
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting

Float64 = NDArray[np.float64]
POINTS = 240
"""Thresholds of a curve, and of the second look around the best of them."""


class Point(NamedTuple):
    """One threshold and what it gives."""

    threshold: float
    recall: float
    precision: float
    alarms_per_100_patient_days: float


@dataclass(frozen=True)
class OperatingCurve:
    """One policy at many thresholds.

    Attributes:
        threshold: falling, ``(P,)`` float64.
        counts: of all patients at each threshold, ``(P, len(COUNTS))`` float64.
    """

    threshold: Float64
    counts: Float64

    def __len__(self) -> int:
        """Number of thresholds."""
        return len(self.threshold)

    def measure(self, name: str) -> Float64:
        """One of ``MEASURES`` at each threshold, ``(P,)`` float64."""
        return measure(name, self.counts)

    def point(self, index: int) -> Point:
        """One threshold with its recall, precision and burden."""
        recall, precision, alarms = (float(self.measure(name)[index]) for name in Point._fields[1:])
        return Point(float(self.threshold[index]), recall, precision, alarms)

    def best(self, burden: float) -> int | None:
        """The threshold that catches most onsets with at most ``burden`` alerts per 100 patient-days.

        Of equal ones that with fewer alerts, then the higher. Recall may fall as the threshold falls (an early alert
        silences a true one), so all thresholds are looked at. None where no threshold keeps to the burden.
        """
        alerts, detected = self.counts[:, COUNTS.index("alerts")], self.counts[:, COUNTS.index("detected")]
        fits = np.flatnonzero(self.measure("alarms_per_100_patient_days") <= burden)
        if not len(fits):
            return None
        return int(fits[np.lexsort((-self.threshold[fits], alerts[fits], -detected[fits]))[0]])

    def to_dict(self) -> dict[str, Any]:
        """Columns of plain numbers for JSON; None where there is none."""
        columns = {"threshold": self.threshold} | {name: self.measure(name) for name in Point._fields[1:]}
        return {name: [None if np.isnan(x) else float(x) for x in column] for name, column in columns.items()}


class Ledger:
    """Risks and stays made ready for counting many policies: what no policy changes is worked out once.

    Counted is the first tier; a second one adds alerts of its own (:func:`~vitals.alerting.evaluation.evaluate`).
    """

    def __init__(self, risks: Risks, stays: Stays, alerting: Alerting | None = None) -> None:
        check_fit(risks, stays)
        search = alerting or Alerting()
        self._exposure = exposure(risks, stays, search)
        self._stays = stays
        self.history = History(
            risks.starts(len(stays)), risks.time, risks.risk, stays.onset, *stays.hit_window(search),
            stays.unknown_from(search), np.zeros(len(stays), np.int64),
        )  # fmt: skip
        at_risk = risks.risk[(risks.time <= stays.onset[risks.stay]) & ~np.isnan(risks.risk)]
        self.falling: Float64 = np.sort(at_risk)[::-1]
        if not self.falling.size or not self._exposure["seconds"].sum():
            raise DataError(
                "risks", "no risk while a patient was at risk", "at least one", "pass stays that were scored"
            )

    @property
    def predictable(self) -> int:
        """Onsets with a valid risk while there was time to warn."""
        return int(self._exposure["predictable"].sum())

    def thresholds(self, points: int = POINTS) -> Float64:
        """Falling thresholds among the risks themselves, dense in the tail where alerts live.

        The numbers of rows at or over them are evenly spaced on a log scale, from the highest risk to all rows.
        """
        ranks = np.geomspace(1, len(self.falling), points).round().astype(np.int64)
        return np.unique(self.falling[ranks - 1])[::-1]

    def around(self, curve: OperatingCurve, index: int, points: int = POINTS) -> Float64:
        """Falling thresholds between the neighbours of one of a curve, both included."""
        high, low = curve.threshold[max(index - 1, 0)], curve.threshold[min(index + 1, len(curve) - 1)]
        begin, end = np.searchsorted(-self.falling, [-high, -low])
        ranks = np.linspace(begin, min(end, len(self.falling) - 1), points).round().astype(np.int64)
        return np.unique(np.append(self.falling[ranks], curve.threshold[index]))[::-1]

    def dense(self, shape: AlertPolicy, burden: float, points: tuple[int, int] = (120, 80)) -> Float64:
        """Falling thresholds of which many lie where a policy raises ``burden`` alerts per 100 patient-days."""
        coarse = self.curves([shape], self.thresholds(points[0]))[0]
        best = coarse.best(burden)
        near = coarse.threshold if best is None else self.around(coarse, best, points[1])
        return np.unique(np.concatenate([coarse.threshold, near]))[::-1]

    def curves(self, shapes: Sequence[AlertPolicy], thresholds: Float64) -> list[OperatingCurve]:
        """Count every policy at every threshold, exactly as :func:`~vitals.alerting.decide.decide` would.

        Args:
            shapes: policies whose threshold is replaced; ``clear`` keeps its share of the threshold.
            thresholds: falling, ``(P,)`` float64.
        """
        weights, of_class = np.unique(self._stays.weight, return_inverse=True)  # counts are whole numbers, weights not
        history = self.history._replace(group=of_class.astype(np.int64))
        counts = np.tensordot(weights, self._counts(shapes, thresholds, history, len(weights)), 1)
        fixed = np.array([float((self._stays.weight * self._exposure[name]).sum()) for name in FIXED])
        return [OperatingCurve(thresholds, _with_fixed(part, fixed)) for part in counts]

    def by_patient(self, shape: AlertPolicy, thresholds: Float64) -> Float64:
        """What one policy did to each patient at every threshold, ``(patients, P, len(COUNTS))``: all resampling needs."""
        weights, of_class = np.unique(self._stays.weight, return_inverse=True)
        group = self._stays.patient * len(weights) + of_class
        counted = self._counts(
            [shape], thresholds, self.history._replace(group=group), self._stays.patients * len(weights)
        )
        of_patient = counted[:, 0].reshape(self._stays.patients, len(weights), *counted.shape[2:])
        counts = np.einsum("w,pwtc->ptc", weights, of_patient)
        fixed = self._stays.by_patient(np.stack([self._exposure[name] for name in FIXED], axis=1))
        return _with_fixed(counts, fixed[:, None])

    def _counts(
        self, shapes: Sequence[AlertPolicy], thresholds: Float64, history: History, groups: int
    ) -> NDArray[np.int32]:
        families, order = families_of(shapes, thresholds, history.risk)
        counts = count(families, history, len(thresholds), groups)
        back: NDArray[np.int32] = counts[:, np.argsort(order)]
        return back

    def best(self, shape: AlertPolicy, burden: float, curve: OperatingCurve | None = None) -> Point | None:
        """The best threshold for a policy within a burden, looked for twice: on a coarse grid and around its best."""
        coarse = curve or self.curves([shape], self.thresholds())[0]
        index = coarse.best(burden)
        if index is None:
            return None
        fine = self.curves([shape], self.around(coarse, index))[0]
        finer = fine.best(burden)
        return None if finer is None else fine.point(finer)


def operating_curve(
    risks: Risks,
    stays: Stays,
    policy: AlertPolicy,
    thresholds: ArrayLike | None = None,
    alerting: Alerting | None = None,
) -> OperatingCurve:
    """What a policy would have done at other thresholds.

    Args:
        risks: of all the stays, on any scale.
        stays: with their patients and first onsets.
        policy: everything but the threshold; ``clear`` keeps its share of the threshold.
        thresholds: ``(P,)`` in any order; without them some 200 of the risks themselves, dense in the tail.
        alerting: ``lead_min`` and ``lead_max``; without it 0 to 12 hours.

    Raises:
        DataError: risks of stays that are not there, or no risk at all.

    Example:
        >>> day = 24 * 3_600_000_000
        >>> stays = Stays.of(range(3), [0] * 3, [day] * 3, [0], [day // 2])
        >>> risks = Risks.of([0, 1, 2], [day // 4] * 3, [0.7, 0.8, 0.2])
        >>> curve = operating_curve(risks, stays, AlertPolicy(threshold=0.5))
        >>> curve.threshold.tolist(), curve.measure("recall").tolist(), curve.measure("precision").tolist()
        ([0.8, 0.7, 0.2], [0.0, 1.0, 1.0], [0.0, 0.5, 0.3333333333333333])
    """
    ledger = Ledger(risks, stays, alerting)
    chosen = ledger.thresholds() if thresholds is None else np.unique(np.asarray(thresholds, np.float64))[::-1]
    return ledger.curves([policy], np.ascontiguousarray(chosen))[0]


def recall_at_burden(
    risks: Risks, stays: Stays, burden: float, policy: AlertPolicy | None = None, alerting: Alerting | None = None
) -> Point:
    """The best event recall with at most ``burden`` alerts per 100 patient-days: the fair way to compare two scores.

    Args:
        risks: of all the stays, on any scale.
        stays: with their patients and first onsets.
        burden: alerts per 100 patient-days at risk, such as those of NEWS2 ≥ 5 on the same stays.
        policy: everything but the threshold; without it 1 of 1, six hours of silence, ``timer``.
        alerting: ``lead_min`` and ``lead_max``; without it 0 to 12 hours.

    Returns:
        The threshold with its recall, precision and burden; an infinite threshold and recall 0 where nothing fits.

    Raises:
        DataError: risks of stays that are not there, or no risk at all.

    Example:
        >>> day = 24 * 3_600_000_000
        >>> stays = Stays.of(range(3), [0] * 3, [day] * 3, [0], [day // 2])
        >>> risks = Risks.of([0, 1, 2], [day // 4] * 3, [0.7, 0.8, 0.2])
        >>> recall_at_burden(risks, stays, burden=80.0)
        Point(threshold=0.7, recall=1.0, precision=0.5, alarms_per_100_patient_days=80.0)
    """
    found = Ledger(risks, stays, alerting).best(policy or AlertPolicy(threshold=1.0), burden)
    return found or Point(float("inf"), 0.0, float("nan"), 0.0)


def _with_fixed(counts: Float64, fixed: Float64) -> Float64:
    """Counts with what no policy changes beside them, ``(..., len(COUNTS))``."""
    return np.concatenate([counts, np.broadcast_to(fixed, (*counts.shape[:-1], len(FIXED)))], axis=-1)
