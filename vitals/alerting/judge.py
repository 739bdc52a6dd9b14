"""Judge anybody's risks as a hospital does, from data frames or arrays: one call, every figure, every trap looked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vitals.alerting import guards
from vitals.alerting.findings import Finding
from vitals.alerting.frames import Frame, Tables, read_frames
from vitals.alerting.judgement import Judgement
from vitals.alerting.judging import Terms, judge_tables
from vitals.alerting.spells import ClinicalEvents
from vitals.alerting.stays import Risks, Stays
from vitals.alerting.weighting import check_prevalence
from vitals.errors import DataError
from vitals.labelling.labels import NO_ONSET
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Alerting


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
        risks: a data frame ``stay_id, prediction_time, risk`` and perhaps ``news2``, the points at that time, to be compared
            with; or :class:`~vitals.alerting.stays.Risks`.
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
    check_prevalence(prevalence)
    tables, named = _tables(risks, stays, outcomes, kind, alerting or Alerting())
    terms = Terms(
        alerting=alerting, horizon=horizon, probability=probability, subsampled=subsampled, prevalence=prevalence,
        replicates=replicates, ranked=replicates,
    )  # fmt: skip
    return judge_tables(tables, policy, terms, _of_patients(tables, policy) if named else [guards.nobody_named()])


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
            return Tables(risks, replace(stays, onset=first), outcomes, stays.patient), False
    elif not (isinstance(risks, Risks) or isinstance(stays, Stays) or isinstance(outcomes, ClinicalEvents | None)):
        return read_frames(risks, stays, outcomes, kind, search), True
    came = ", ".join(type(table).__name__ for table in (risks, stays, outcomes))
    raise DataError("risks, stays, outcomes", came, "three data frames, or arrays for all", "convert the others")


def _of_patients(tables: Tables, policy: AlertPolicy) -> list[Finding]:
    """Guards that need to know who the patients are."""
    part = tables.part
    split = [] if part is None else [guards.split_by_patient(tables.subject_id, part)]
    if tables.row_part is not None:
        split.append(guards.split_by_patient(tables.subject_id[tables.risks.stay], tables.row_part))
    return [*split, guards.tuning_patients(policy, tables.subject_id, None if part is None else part == "tuning")]
