"""Judge a policy as a hospital does: onsets caught, alerts that were worth the walk, and how many there were."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.decide import AlertState, Outcome, decide
from vitals.alerting.measures import COUNTS, DAY, MEASURES, measure
from vitals.alerting.stays import Risks, Stays, check_fit
from vitals.spec.policy import AlertPolicy
from vitals.spec.reader import plain
from vitals.spec.settings import Alerting
from vitals.windowing.types import Int64

Float64 = NDArray[np.float64]
HOUR = 3_600_000_000
LEADS = (1, 2, 4, 6, 8, 12)
"""Hours of the lead-time curve."""


@dataclass(frozen=True)
class Evaluation:
    """What a policy did to a set of patients.

    Attributes:
        policy: the policy judged.
        stays: number of stays.
        by_patient: the counts of each patient, ``(P, len(COUNTS))`` float64: all that resampling needs.
        by_stay: alerts of each stay, ``(stays,)`` int64.
        weight: how many stays each stands for, ``(stays,)`` float64.
        lead: hours from the first true alert to the onset, for each onset that had one, ``(detected,)`` float64.
        suppressed: scores at which an alert was due and held back before the onset, by what held it back.
        red: alerts of the second tier among them.
        beds_per_nurse: for the burden of a shift.
    """

    policy: AlertPolicy
    stays: int
    by_patient: Float64
    by_stay: Int64
    weight: Float64
    lead: Float64
    suppressed: dict[str, float]
    red: float
    beds_per_nurse: float

    def count(self, name: str) -> float:
        """The sum of one of ``COUNTS`` over all patients."""
        return float(self.by_patient[:, COUNTS.index(name)].sum())

    def measure(self, name: str) -> float:
        """One of ``MEASURES``: recall, precision, alarms_per_100_patient_days, …; NaN where nothing was to count."""
        return float(measure(name, self.by_patient.sum(axis=0)))

    @property
    def lead_quartiles(self) -> tuple[float, float, float]:
        """Lower quartile, median and upper quartile of ``lead``, in hours: of the onsets caught, so a selection."""
        if not len(self.lead):
            return (math.nan, math.nan, math.nan)
        low, middle, high = np.quantile(self.lead, [0.25, 0.5, 0.75])
        return (float(low), float(middle), float(high))

    @property
    def lead_curve(self) -> dict[int, float]:
        """Share of the predictable onsets with a true alert at least x hours before, for x in ``LEADS``."""
        predictable = self.count("predictable")
        return {x: float((self.lead >= x).sum()) / predictable if predictable else math.nan for x in LEADS}

    @property
    def concentration(self) -> float:
        """Share of the alerts that come from the tenth of the stays with the most; 0.1 is even, NaN without an alert."""
        order = np.argsort(-self.by_stay, kind="stable")
        alerts, stays = (self.weight * self.by_stay)[order], np.cumsum(self.weight[order])
        tenth = int(np.searchsorted(stays, stays[-1] / 10 - 1e-9)) + 1 if len(stays) else 0
        return float(alerts[:tenth].sum() / alerts.sum()) if alerts.sum() else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Every figure in plain numbers for JSON; None where there is none. Weighted stays make counts no whole numbers."""
        counted = [_whole(number) for number in self.by_patient.sum(axis=0).tolist()]
        alerts, true, false, detected, unknown, predictable, onsets, seconds = counted
        low, middle, high = self.lead_quartiles
        return {
            "policy": plain(self.policy),
            "patients": len(self.by_patient),
            "stays": self.stays,
            "patient_days": seconds / DAY,
            "onsets": onsets,
            "predictable_onsets": predictable,
            "detected_onsets": detected,
            "alerts": alerts,
            "true_alerts": true,
            "false_alerts": false,
            "late_alerts": _whole(self.count("alerts") - self.count("true") - self.count("false") - unknown),
            "indeterminate_alerts": unknown,
            "red_alerts": _whole(self.red),
            "suppressed": {word: _whole(number) for word, number in self.suppressed.items()},
            **{name: _number(self.measure(name)) for name in MEASURES},
            "alarms_per_nurse_shift": _number(self.beds_per_nurse * self.measure("alarms_per_bed_shift")),
            "beds_per_nurse": self.beds_per_nurse,
            "alarm_concentration": _number(self.concentration),
            "lead_hours": {"median": _number(middle), "quartiles": [_number(low), _number(high)]},
            "recall_by_lead_hours": {str(x): _number(share) for x, share in self.lead_curve.items()},
        }


def evaluate(risks: Risks, stays: Stays, policy: AlertPolicy, alerting: Alerting | None = None) -> Evaluation:
    """Fold the policy over the risks and judge the alerts of each stay until its first onset.

    With onset o, an alert at a is *true* when ``o - lead_max <= a <= o - lead_min``, *false* when earlier or in a stay
    without an onset, *late* when ``o - lead_min < a <= o``; after the onset alerts are not looked at. Where a record without
    an onset is *lost*, alerts whose ``lead_max`` outlasts it are *indeterminate* instead of false. An onset is
    *detected* when it has a true alert, *predictable* when there was a valid risk while an alert would have been true.

    Args:
        risks: of all the stays.
        stays: with their patients and first onsets.
        policy: the policy to judge.
        alerting: ``lead_min`` and ``lead_max``; without it 0 to 12 hours.

    Raises:
        DataError: risks of stays that are not there.

    Example:
        >>> hour, day = 3_600_000_000, 24 * 3_600_000_000
        >>> stays = Stays.of(["anna", "ben"], [0, 0], [day, day], onset_stay=[0], onset_time=[20 * hour])
        >>> risks = Risks.of([0, 0, 1], [2 * hour, 15 * hour, 3 * hour], [0.1, 0.7, 0.6])
        >>> seen = evaluate(risks, stays, AlertPolicy(threshold=0.5))
        >>> seen.measure("recall"), seen.measure("precision"), seen.lead_quartiles[1]
        (1.0, 0.5, 5.0)
    """
    check_fit(risks, stays)
    search = alerting or Alerting()
    first, last = stays.hit_window(search)
    _, due = decide(policy, AlertState.empty(len(stays)), risks.stay, risks.time, risks.risk)
    counted = risks.time[due.row] <= stays.onset[risks.stay[due.row]]
    row, outcome, fires = due.row[counted], due.outcome[counted], due.fires[counted]
    # alerts due during an event are told live; here an event ends a stay's time at risk
    held = dict.fromkeys((code.suppressed_by for code in Outcome if code.suppressed_by not in (None, "event")), 0.0)
    weight = stays.weight[risks.stay[row]]
    for code in Outcome:
        if code.suppressed_by in held:
            held[code.suppressed_by] += float(weight[outcome == code].sum())
    stay, time = risks.stay[row[fires]], risks.time[row[fires]]
    columns = {**_judged(stays, search, stay, time), **exposure(risks, stays, search)}
    true = (time >= first[stay]) & (time <= last[stay])
    weight_of = np.ones(int(stays.whole.max(initial=-1)) + 1)
    weight_of[stays.whole] = stays.weight
    caught, earliest = np.unique(stay[true], return_index=True)
    return Evaluation(
        policy=policy,
        stays=len(np.unique(stays.whole)),
        by_patient=stays.by_patient(np.stack([columns[name] for name in COUNTS], axis=1)),
        by_stay=np.bincount(stays.whole, columns["alerts"]).astype(np.int64),
        weight=weight_of,
        lead=(stays.onset[caught] - time[true][earliest]) / HOUR,
        suppressed=held,
        red=float(weight[outcome == Outcome.RED_FIRED].sum()),
        beds_per_nurse=search.beds_per_nurse,
    )


def _judged(stays: Stays, alerting: Alerting, stay: Int64, time: Int64) -> dict[str, Float64]:
    """What became of the alerts of each stay, ``(S,)`` each."""
    first, last = stays.hit_window(alerting)
    true, early = (time >= first[stay]) & (time <= last[stay]), time < first[stay]
    unknown = early & (time >= stays.unknown_from(alerting)[stay])
    parts = {"alerts": stay, "true": stay[true], "false": stay[early & ~unknown], "detected": np.unique(stay[true])}
    parts["indeterminate"] = stay[unknown]
    return {name: np.bincount(part, minlength=len(stays)).astype(np.float64) for name, part in parts.items()}


def in_time(risks: Risks, stays: Stays, alerting: Alerting) -> NDArray[np.bool_]:
    """Rows with a valid risk at which an alert would be true, ``(R,)``."""
    first, last = stays.hit_window(alerting)
    rows: NDArray[np.bool_] = (
        (risks.time >= first[risks.stay]) & (risks.time <= last[risks.stay]) & ~np.isnan(risks.risk)
    )
    return rows


def predictable(risks: Risks, stays: Stays, alerting: Alerting) -> NDArray[np.bool_]:
    """Which stays have an onset and a valid risk while there was time to warn of it, ``(S,)``."""
    known: NDArray[np.bool_] = np.bincount(risks.stay[in_time(risks, stays, alerting)], minlength=len(stays)) > 0
    return known


def comparable(stays: Stays, scores: Iterable[Risks], alerting: Alerting | None = None) -> Stays:
    """The stays with one denominator of recall for several scores: the onsets that any of them could warn of.

    Otherwise a score gains by giving no risk of the patients that are hard to judge.

    Example:
        >>> stays = Stays.of([1, 2], [0, 0], [100, 100], [0, 1], [90, 90])
        >>> one, other = Risks.of([0, 1], [80, 80], [0.9, float("nan")]), Risks.of([0, 1], [80, 80], [0.1, 0.9])
        >>> [evaluate(one, of, AlertPolicy(0.5)).measure("recall") for of in (stays, comparable(stays, [one, other]))]
        [1.0, 0.5]
    """
    search = alerting or Alerting()
    known = np.zeros(len(stays), bool)
    for risks in scores:
        known |= predictable(risks, stays, search)
    return replace(stays, predictable=known)


def exposure(risks: Risks, stays: Stays, alerting: Alerting) -> dict[str, Float64]:
    """What no policy changes: predictable onsets, onsets and seconds at risk of each stay, ``(S,)`` each."""
    known = predictable(risks, stays, alerting) if stays.predictable is None else stays.predictable
    return {
        "predictable": known.astype(np.float64),
        "onsets": stays.has_onset.astype(np.float64),
        "seconds": stays.seconds_at_risk,
    }


def _whole(count: float) -> float:
    return int(count) if float(count).is_integer() else count


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
