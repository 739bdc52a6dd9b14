"""The guards of alerting, asked about a model on one part of a cohort."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitals.alerting import guards
from vitals.alerting.bootstrap import intervals
from vitals.alerting.evaluation import evaluate
from vitals.alerting.guards import Finding
from vitals.alerting.stays import Risks
from vitals.alerting.weighting import to_prevalence
from vitals.flows.study import Study
from vitals.scoring.model import Model
from vitals.spec.policy import AlertPolicy
from vitals.windowing.types import Float32


def refuse_tuning_patients(model: Model, study: Study, policy: AlertPolicy | None) -> Finding:
    """Refuse a policy on patients it was tuned on; in a cohort that the model does not know an overlap is warned of.

    A policy names the set it was tuned on and no patients, so the model's own split decides who was among them.

    Args:
        model: names the cohorts of its training.
        study: the stays to be judged.
        policy: the policy to judge; None without one.

    Raises:
        SettingsError: the policy was tuned on some of these patients.
    """
    known = bool(set(model.about.get("cohort_digests", ())) & set(study.cohorts))
    found = guards.tuning_patients(
        policy or AlertPolicy(threshold=1.0), study.subject_id, study.part == "tuning", same_cohort=known
    )
    guards.enforce([found])
    return found


def look_for_traps(
    model: Model,
    whole: Study,
    study: Study,
    risk: Float32,
    policy: AlertPolicy | None,
    prevalence: float | None = None,
) -> list[Finding]:
    """What each guard finds in a part of a cohort.

    Args:
        model: says whether it reads a clock, and where the alerts' terms come from.
        whole: all stays of the cohort, with their parts.
        study: those judged.
        risk: of each row of ``study``, ``(R,)``.
        policy: the policy judged; without one its own guards have nothing to look at.
        prevalence: of the outcome where nobody was left out; None where it was not given.

    Raises:
        SettingsError: a patient in two parts, or a policy tuned on some of these patients.
    """
    risks, stays = Risks.of(study.rows.bed, study.rows.time, risk), study.alert_stays()
    found = [
        guards.split_by_patient(whole.subject_id, whole.part),
        guards.clock(risks, stays, model.settings.network.clock),
        guards.sampling(len(stays), int(np.count_nonzero(stays.has_onset)), prevalence=prevalence),
    ]
    if policy is not None:
        found += [
            refuse_tuning_patients(model, study, policy),
            guards.hits_after_onset(risks, stays, policy),
            guards.cadence(policy, risks),
        ]
    guards.enforce(found)
    return found


def at_prevalence(model: Model, study: Study, risk: Float32, policy: AlertPolicy, prevalence: float) -> dict[str, Any]:
    """The alerts of a policy in a sample of cases and controls, weighted to the prevalence of the ward, with intervals.

    Args:
        model: says what a useful alert is.
        study: the stays judged.
        risk: of each row of ``study``, ``(R,)``.
        policy: the policy judged.
        prevalence: share of stays with an onset where nobody was left out.

    Raises:
        SettingsError: a prevalence that is none.
        DataError: stays of one kind only.
    """
    risks, stays, search = Risks.of(study.rows.bed, study.rows.time, risk), study.alert_stays(), model.settings.alerting
    weighted = to_prevalence(evaluate(risks, stays, policy, search), risks, stays, search, prevalence)
    return {"prevalence": prevalence, **{name: [*one] for name, one in intervals(weighted).items()}}


def warnings_of(found: list[Finding]) -> list[str]:
    """What has to be said beside the figures.

    Example:
        >>> warnings_of([Finding("clock", "warning", "a clock", "leave it out"), Finding("cadence", "ok", "hourly")])
        ['clock: a clock; leave it out']
    """
    return [f"{one.guard}: {one.said}; {one.cure}" for one in found if one.level != "ok"]
