"""Judge anybody's risks as a hospital does, from data frames or arrays: one call, every figure, every trap looked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vitals.alerting import guards
from vitals.alerting.bootstrap import Interval, interval, intervals, resample
from vitals.alerting.evaluation import Evaluation, evaluate
from vitals.alerting.frames import Frame, Tables, read_frames
from vitals.alerting.guards import Finding
from vitals.alerting.measures import COUNTS, MEASURES
from vitals.alerting.ranks import calibration, discrimination
from vitals.alerting.spells import ClinicalEvents, recognised_at, spells
from vitals.alerting.stays import Risks, Stays
from vitals.alerting.weighting import check_prevalence, to_prevalence
from vitals.errors import DataError
from vitals.labelling.labels import NO_ONSET
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting
from vitals.windowing.types import Float64

_DETECTED, _PREDICTABLE = COUNTS.index("detected"), COUNTS.index("predictable")


@dataclass(frozen=True)
class Judgement:
    """What a policy on somebody's risks did to a set of patients.

    Attributes:
        evaluation: the counts, as they are in the tables.
        intervals: every measure with its interval of resampled patients, weighted to ``prevalence`` where that was given;
            NaN where a guard withholds it.
        before_recognition: recall by alerts before clinicians recognised the event; None where nobody knows when.
        ranking: see :func:`~vitals.alerting.ranks.discrimination`.
        calibration: see :func:`~vitals.alerting.ranks.calibration`; None where it was not asked for or cannot be said.
        prevalence: as it was given.
        findings: what each guard found.
    """

    evaluation: Evaluation
    intervals: dict[str, Interval]
    before_recognition: Interval | None
    ranking: dict[str, Any]
    calibration: dict[str, float] | None
    prevalence: float | None
    findings: list[Finding]

    def measure(self, name: str) -> float:
        """One of ``MEASURES``; NaN where nothing was to count, or where a guard withholds it."""
        return self.intervals[name].value

    @property
    def warnings(self) -> list[str]:
        """What has to be said beside the figures."""
        return [f"{f.guard}: {f.said}; {f.cure}" for f in self.findings if f.level != "ok"]

    def to_dict(self) -> dict[str, Any]:
        """Every figure in plain numbers for JSON; None where there is none."""
        held = {name for finding in self.findings for name in finding.withholds}
        low, high = (self.intervals[f"precision_if_unknown_{word}"].value for word in ("false", "true"))
        alerts = self.evaluation.to_dict()
        a_bed = self.intervals["alarms_per_bed_shift"].value  # weighted to the prevalence, where that was given
        alerts["alarms_per_nurse_shift"] = (
            None if "alarms_per_bed_shift" in held else self.evaluation.beds_per_nurse * a_bed
        )
        figures: dict[str, Any] = _finite({
            **alerts, **{name: found.value for name, found in self.intervals.items()},
            "intervals": {name: list(found) for name, found in self.intervals.items()},
            "indeterminate": {"alerts": self.evaluation.count("indeterminate"), "precision_range": [low, high]},
            "before_recognition": self.before_recognition and list(self.before_recognition),
            "ranking": self.ranking, "calibration": self.calibration, "prevalence": self.prevalence,
            "guards": [finding.to_dict() for finding in self.findings], "warnings": self.warnings,
        })  # fmt: skip
        return figures


def judge(  # noqa: PLR0913 - three tables and a policy, and what no table says, by name
    risks: Frame | Risks,
    stays: Frame | Stays,
    outcomes: Frame | ClinicalEvents | None,
    policy: AlertPolicy,
    *,
    alerting: Alerting | None = None,
    kind: str | None = None,
    horizon: Duration | None = None,
    probability: bool = True,
    subsampled: bool = False,
    prevalence: float | None = None,
    replicates: int = 1000,
) -> Judgement:
    """Judge a policy on risks of any origin: ``vitals.alerting.evaluate``.

    Args:
        risks: a data frame ``stay_id, prediction_time, risk``, or :class:`~vitals.alerting.stays.Risks`.
        stays: ``stay_id, subject_id, admitted, discharged`` and perhaps ``ended`` and ``part``
            (:func:`~vitals.alerting.frames.read_frames`), or :class:`~vitals.alerting.stays.Stays`.
        outcomes: ``stay_id, onset`` and perhaps ``end``, ``recognised`` and ``kind``, or
            :class:`~vitals.alerting.spells.ClinicalEvents`, or None where ``stays`` knows its onsets.
        policy: the policy to judge.
        alerting: ``lead_min``, ``lead_max``, ``death`` and ``beds_per_nurse``; without it 0 to 12 hours.
        kind: the kind of outcome, where the frame has several.
        horizon: what the risk is a probability of, an onset within this; without it ``lead_max``.
        probability: whether the risk is a probability; without, nothing is said about calibration.
        subsampled: cases or controls were left out of the stays.
        prevalence: share of stays with an onset where nobody was left out; precision and burden are weighted to it.
        replicates: of the resampling of patients.

    Raises:
        DataError: tables that cannot be meant.
        SettingsError: a patient in two parts, a policy tuned on these patients, or a prevalence that is none.

    Example:
        >>> import pandas as pd
        >>> hour = 3_600_000_000
        >>> risks = pd.DataFrame({"stay_id": ["a", "a", "b"], "prediction_time": [2 * hour, 15 * hour, 3 * hour],
        ...     "risk": [0.1, 0.7, 0.6]})
        >>> stays = pd.DataFrame({"stay_id": ["a", "b"], "subject_id": ["anna", "ben"], "admitted": 0, "discharged": 24 * hour})
        >>> outcomes = pd.DataFrame({"stay_id": ["a"], "onset": [20 * hour]})
        >>> seen = judge(risks, stays, outcomes, AlertPolicy(threshold=0.5))
        >>> seen.measure("recall"), seen.measure("precision"), seen.evaluation.lead_quartiles[1]
        (1.0, 0.5, 5.0)
    """
    if prevalence is not None:
        check_prevalence(prevalence)
    search = alerting or Alerting()
    tables, named = _tables(risks, stays, outcomes, kind, search)
    findings = [*(_of_patients(tables, policy) if named else []), *_of_risks(tables, policy)]
    if named:
        findings.append(guards.competing_death(int(tables.died.sum()), alerting))
    with_onset = int(tables.stays.has_onset.sum())
    findings.append(guards.sampling(len(tables.stays), with_onset, subsampled, prevalence))
    guards.enforce(findings)
    cut, of = spells(tables.risks, tables.stays, tables.events, int(policy.reset))
    seen = evaluate(cut, of, policy, search)
    before, told = _before_recognition(cut, of, tables.events, seen, search, replicates)
    weighted = seen if prevalence is None else to_prevalence(seen, cut, of, search, prevalence)
    ahead, representative = int(horizon or search.lead_max), not subsampled and prevalence is None
    return Judgement(
        seen, _held_back(intervals(weighted, replicates), findings), before,
        _ranking(discrimination(cut, of, ahead, int(search.lead_min), replicates), representative),
        calibration(cut, of, ahead, int(search.lead_min)) if probability and representative else None,
        prevalence, [*findings, told],
    )  # fmt: skip


def _tables(
    risks: Frame | Risks,
    stays: Frame | Stays,
    outcomes: Frame | ClinicalEvents | None,
    kind: str | None,
    search: Alerting,
) -> tuple[Tables, bool]:
    """The tables as arrays, and whether they name patients."""
    if isinstance(risks, Risks) and isinstance(stays, Stays):
        if outcomes is None:
            known = np.flatnonzero(stays.has_onset)
            outcomes = ClinicalEvents.of(known, stays.onset[known])
        if isinstance(outcomes, ClinicalEvents):
            first = np.full(len(stays), NO_ONSET)
            np.minimum.at(first, outcomes.stay, outcomes.onset)
            nobody = np.zeros(len(stays), bool)
            return Tables(risks, replace(stays, onset=first), outcomes, stays.patient, nobody, None), False
    elif not (isinstance(risks, Risks) or isinstance(stays, Stays) or isinstance(outcomes, ClinicalEvents | None)):
        return read_frames(risks, stays, outcomes, kind, search), True
    came = ", ".join(type(table).__name__ for table in (risks, stays, outcomes))
    raise DataError("risks, stays, outcomes", came, "three data frames, or arrays for all", "convert the others")


def _of_patients(tables: Tables, policy: AlertPolicy) -> list[Finding]:
    """Guards that need to know who the patients are."""
    part = tables.part
    split = [] if part is None else [guards.split_by_patient(tables.subject_id, part)]
    return [*split, guards.tuning_patients(policy, tables.subject_id, None if part is None else part == "tuning")]


def _of_risks(tables: Tables, policy: AlertPolicy) -> list[Finding]:
    return [
        guards.hits_after_onset(tables.risks, tables.stays, policy),
        guards.clock(tables.risks, tables.stays),
        guards.cadence(policy, tables.risks),
    ]


def _before_recognition(
    risks: Risks, of: Stays, events: ClinicalEvents, seen: Evaluation, search: Alerting, replicates: int
) -> tuple[Interval | None, Finding]:
    """Recall by alerts before the event was recognised, of all predictable onsets; and what the guard says of it."""
    when = recognised_at(of, events)
    known = int((when != NO_ONSET).sum())
    if not known:
        return None, guards.recognition(0, 0, 0)
    early = risks.time < when[risks.stay]  # an alert depends on nothing after it, so leaving out later rows moves none
    ahead = evaluate(Risks(risks.stay[early], risks.time[early], risks.risk[early]), of, seen.policy, search)
    counts = np.stack([ahead.by_patient[:, _DETECTED], seen.by_patient[:, _PREDICTABLE]], axis=1)
    found = interval(_ratio(counts.sum(axis=0)), _ratio(resample(counts, replicates)))
    return found, guards.recognition(int(seen.count("detected")), int(ahead.count("detected")), known)


def _ratio(counts: Float64) -> Any:
    above, below = counts[..., 0], counts[..., 1]
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)


def _held_back(found: dict[str, Interval], findings: list[Finding]) -> dict[str, Interval]:
    held = {name for finding in findings for name in finding.withholds}
    return {name: Interval(math.nan, math.nan, math.nan) if name in held else found[name] for name in MEASURES}


def _ranking(figures: dict[str, Any], representative: bool) -> dict[str, Any]:
    """AUPRC depends on how common the outcome is, so that of a sample is left out."""
    return figures if representative else {name: {**one, "auprc": None} for name, one in figures.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
