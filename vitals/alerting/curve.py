"""Operating curves: what each threshold would have caught, and at how many alerts. Exact counts by the alert rule itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitals.alerting import machine
from vitals.alerting.evaluate import exposure
from vitals.alerting.measures import COUNTS, measure
from vitals.alerting.stays import Risks, Stays, check_fit
from vitals.errors import DataError
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting

Float64 = NDArray[np.float64]
POINTS = 200
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
    """Risks and stays made ready for counting many policies: what no policy changes is worked out once."""

    def __init__(self, risks: Risks, stays: Stays, alerting: Alerting | None = None) -> None:
        check_fit(risks, stays)
        first, last = stays.hit_window(alerting or Alerting())
        fixed = exposure(risks, stays, first, last)
        self._fixed = [float(fixed[name].sum()) for name in ("predictable", "onsets", "seconds")]
        starts = risks.starts(len(stays))
        self.history = machine.History(starts, risks.time, risks.risk, stays.onset, first, last)
        at_risk = risks.risk[(risks.time <= stays.onset[risks.stay]) & ~np.isnan(risks.risk)]
        self.falling: Float64 = np.sort(at_risk)[::-1]
        if not self.falling.size or not self._fixed[-1]:
            raise DataError(
                "risks", "no risk while a patient was at risk", "at least one", "pass stays that were scored"
            )

    @property
    def predictable(self) -> int:
        """Onsets with a valid risk while there was time to warn."""
        return int(self._fixed[0])

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

    def grid(self, shapes: Sequence[AlertPolicy], thresholds: Float64) -> machine.Rule:
        """Every policy at every threshold as one ``Rule`` of arrays; ``clear`` keeps its share of the threshold."""
        rules = [machine.rule_of(shape) for shape in shapes]
        share = np.array([rule.clear / rule.threshold if rule.threshold else 1.0 for rule in rules])
        return machine.Rule(
            threshold=np.tile(thresholds, len(rules)),
            clear=(share[:, None] * thresholds).ravel(),
            k=_each(rules, "k", len(thresholds), np.int64),
            window=_each(rules, "window", len(thresholds), np.uint64),
            silence=_each(rules, "silence", len(thresholds), np.int64),
            timer=_each(rules, "timer", len(thresholds), np.bool_),
        )

    def curves(self, shapes: Sequence[AlertPolicy], thresholds: Float64) -> list[OperatingCurve]:
        """Count every policy at every threshold.

        Args:
            shapes: policies whose threshold is replaced; ``clear`` keeps its share of the threshold.
            thresholds: falling, ``(P,)`` float64.
        """
        counts = machine.count(self.grid(shapes, thresholds), self.history).astype(np.float64)
        whole = np.concatenate([counts, np.tile(self._fixed, (len(counts), 1))], axis=1)
        return [OperatingCurve(thresholds, part) for part in np.split(whole, len(shapes))]

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


def _each(rules: Sequence[machine.Rule], field: str, times: int, kind: type[Any]) -> NDArray[Any]:
    return np.repeat(np.array([getattr(rule, field) for rule in rules], kind), times)
