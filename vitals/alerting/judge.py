"""Judge anybody's risks as a hospital does, from data frames or arrays: one call, every figure, every trap looked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vitals.alerting import guards
from vitals.alerting.columns import Frame
from vitals.alerting.findings import Finding
from vitals.alerting.frames import Tables, read_frames
from vitals.alerting.judgement import Judgement
from vitals.alerting.judging import Terms, judge_tables
from vitals.alerting.spells import ClinicalEvents
from vitals.alerting.stays import Risks, Stays
from vitals.alerting.weighting import check_prevalence
from vitals.errors import DataError, SettingsError
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
    horizon: Duration | str | None = None,
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
        horizon: what the risk is a probability of, an onset within this, such as ``"6h"``; without it rows are ranked by onsets
            within ``lead_max``, and nothing is said of calibration and decisions.
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
    _check(policy, alerting, prevalence, replicates)
    tables, named = _tables(risks, stays, outcomes, kind, alerting or Alerting())
    terms = Terms(
        alerting=alerting, horizon=None if horizon is None else Duration.parse(horizon, "horizon"), probability=probability, subsampled=subsampled, prevalence=prevalence,
        replicates=replicates, ranked=replicates,
    )  # fmt: skip
    return judge_tables(tables, policy, terms, _of_patients(tables, policy) if named else [guards.nobody_named()])


def _check(policy: object, alerting: object, prevalence: object, replicates: object) -> None:
    """Refuse what cannot be meant before anything is counted."""
    if not isinstance(policy, AlertPolicy):
        raise SettingsError(
            "policy", type(policy).__name__, "an AlertPolicy", "write AlertPolicy(threshold=0.3), for example"
        )
    if not isinstance(alerting, Alerting | None):
        raise SettingsError("alerting", type(alerting).__name__, "an Alerting", "leave it out, or write Alerting()")
    if isinstance(prevalence, str | bool):
        raise SettingsError("prevalence", repr(prevalence), "a share between 0 and 1", "write 0.05, for example")
    check_prevalence(prevalence)  # type: ignore[arg-type]
    if not isinstance(replicates, int) or replicates < 1:
        raise SettingsError("replicates", repr(replicates), "a whole number from 1", "write 1000")


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
