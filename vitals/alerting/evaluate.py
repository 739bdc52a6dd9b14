"""Judge a policy as a hospital does: onsets caught, alerts that were worth the walk, and how many there were."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.decide import AlertState, Outcome, decide
from vitals.alerting.measures import COUNTS, DAY, MEASURES, measure
from vitals.alerting.stays import Risks, Stays, check_fit, refuse_same_patients
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
        lead: hours from the first true alert to the onset, for each onset that had one, ``(detected,)`` float64.
        suppressed: scores at which an alert was due and held back before the onset, by what held it back.
    """

    policy: AlertPolicy
    stays: int
    by_patient: Float64
    lead: Float64
    suppressed: dict[str, int]

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

    def to_dict(self) -> dict[str, Any]:
        """Every figure in plain numbers for JSON; None where there is none."""
        alerts, true, false, detected, predictable, onsets, seconds = self.by_patient.sum(axis=0).tolist()
        low, middle, high = self.lead_quartiles
        return {
            "policy": plain(self.policy),
            "patients": len(self.by_patient),
            "stays": self.stays,
            "patient_days": seconds / DAY,
            "onsets": int(onsets),
            "predictable_onsets": int(predictable),
            "detected_onsets": int(detected),
            "alerts": int(alerts),
            "true_alerts": int(true),
            "false_alerts": int(false),
            "late_alerts": int(alerts - true - false),
            "suppressed": self.suppressed,
            **{name: _number(self.measure(name)) for name in MEASURES},
            "lead_hours": {"median": _number(middle), "quartiles": [_number(low), _number(high)]},
            "recall_by_lead_hours": {str(x): _number(share) for x, share in self.lead_curve.items()},
        }


def evaluate(
    risks: Risks, stays: Stays, policy: AlertPolicy, alerting: Alerting | None = None, patients: str = ""
) -> Evaluation:
    """Fold the policy over the risks and judge the alerts of each stay until its first onset.

    With onset o, an alert at a is *true* when ``o - lead_max <= a <= o - lead_min``, *false* when earlier or in a stay
    without an onset, *late* when ``o - lead_min < a <= o``; after the onset alerts are not looked at. An onset is
    *detected* when it has a true alert, *predictable* when there was a valid risk while an alert would have been true.

    Args:
        risks: of all the stays.
        stays: with their patients and first onsets.
        policy: the policy to judge.
        alerting: ``lead_min`` and ``lead_max``; without it 0 to 12 hours.
        patients: :func:`~vitals.alerting.stays.patients_digest` of the patients, so that a policy is never judged on
            those it was tuned on; "" where the caller cannot know.

    Raises:
        DataError: risks of stays that are not there.
        SettingsError: the policy was tuned on these patients.

    Example:
        >>> hour, day = 3_600_000_000, 24 * 3_600_000_000
        >>> stays = Stays.of(["anna", "ben"], [0, 0], [day, day], onset_stay=[0], onset_time=[20 * hour])
        >>> risks = Risks.of([0, 0, 1], [2 * hour, 15 * hour, 3 * hour], [0.1, 0.7, 0.6])
        >>> seen = evaluate(risks, stays, AlertPolicy(threshold=0.5))
        >>> seen.measure("recall"), seen.measure("precision"), seen.lead_quartiles[1]
        (1.0, 0.5, 5.0)
    """
    check_fit(risks, stays)
    refuse_same_patients(policy, patients)
    first, last = stays.hit_window(alerting or Alerting())
    _, due = decide(policy, AlertState.empty(len(stays)), risks.stay, risks.time, risks.risk)
    counted = risks.time[due.row] <= stays.onset[risks.stay[due.row]]
    row, outcome = due.row[counted], due.outcome[counted]
    held = {code.suppressed_by: int((outcome == code).sum()) for code in Outcome if code.suppressed_by}

    fired = row[outcome == Outcome.FIRED]
    stay, time = risks.stay[fired], risks.time[fired]
    true = (time >= first[stay]) & (time <= last[stay])
    caught, earliest = np.unique(stay[true], return_index=True)
    columns = {
        "alerts": np.bincount(stay, minlength=len(stays)),
        "true": np.bincount(stay[true], minlength=len(stays)),
        "false": np.bincount(stay[time < first[stay]], minlength=len(stays)),
        "detected": np.bincount(caught, minlength=len(stays)),
        **exposure(risks, stays, first, last),
    }
    return Evaluation(
        policy=policy,
        stays=len(stays),
        by_patient=_by_patient(stays.patient, np.stack([columns[name] for name in COUNTS], axis=1)),
        lead=(stays.onset[caught] - time[true][earliest]) / HOUR,
        suppressed=held,
    )


def exposure(risks: Risks, stays: Stays, first: Int64, last: Int64) -> dict[str, Float64]:
    """What no policy changes: predictable onsets, onsets and seconds at risk of each stay, ``(S,)`` each."""
    in_time = (risks.time >= first[risks.stay]) & (risks.time <= last[risks.stay]) & ~np.isnan(risks.risk)
    predictable = np.bincount(risks.stay[in_time], minlength=len(stays)) > 0
    return {
        "predictable": predictable.astype(np.float64),
        "onsets": stays.has_onset.astype(np.float64),
        "seconds": stays.seconds_at_risk,
    }


def _by_patient(patient: Int64, by_stay: Float64) -> Float64:
    total = np.zeros((int(patient.max(initial=-1)) + 1, by_stay.shape[1]))
    np.add.at(total, patient, by_stay)
    return total


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
