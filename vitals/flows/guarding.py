"""The guards that need to know a model and its split, and the terms on which a model is judged."""

from __future__ import annotations

from vitals.alerting import guards
from vitals.alerting.findings import Finding, enforce
from vitals.alerting.judging import Terms
from vitals.errors import SettingsError
from vitals.flows.study import Study
from vitals.scoring.model import Model
from vitals.spec.policy import AlertPolicy

UNKNOWN = "unknown"
"""In place of a prevalence: cases or controls were left out, and nobody knows how common the outcome is."""
_USED = {"validation": "watched", "tuning": "calibrated"}
RANKED = 200
"""Resamples for AUROC and AUPRC: intervals that are read, not decided by."""
OF_A_POLICY = frozenset({"tuning_patients", "hits_after_onset", "cadence", "recognition"})
"""Guards that have nothing to look at without a policy."""


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
    enforce([found])
    return found


def training_patients(model: Model, study: Study, part: str) -> Finding:
    """Say whether the part holds patients that the model was trained on.

    Args:
        model: names the cohorts of its training.
        study: the stays to be judged.
        part: of the model's own split, or ``"all"``.

    Example:
        >>> from vitals.flows.study import open_study
        >>> from vitals.scoring.model import open_model
        >>> opened = open_model(model)
        >>> training_patients(opened, open_study(opened.settings, [ward]), "all").level
        'warning'
    """
    known = bool(set(model.about.get("cohort_digests", ())) & set(study.cohorts))
    if known and part != "held_out":
        said = f"part {part} holds patients the model was {_USED.get(part, 'trained')} on: these figures flatter it"
        return Finding("training_patients", "warning", said, "judge it on the held-out part")
    if known:
        return Finding("training_patients", "ok", "no patient is of another part than the held-out one")
    said = "a cohort that the model does not name: whether it was trained on some of these patients, nobody says"
    return Finding("training_patients", "unknown", said, "make sure that they are other patients")


def known_findings(model: Model, whole: Study, study: Study, part: str, policy: AlertPolicy | None) -> list[Finding]:
    """What the guards find that need the split: the others look at risks and stays when these are judged.

    Args:
        model: names the cohorts of its training.
        whole: all stays of the cohort, with their parts.
        study: those to be judged.
        part: their part.
        policy: the policy to judge; None without one.

    Raises:
        SettingsError: a policy tuned on some of these patients.
    """
    return [
        guards.split_by_patient(whole.subject_id, whole.part),
        training_patients(model, study, part),
        refuse_tuning_patients(model, study, policy),
    ]


def terms_of(model: Model, prevalence: float | str | None = None) -> Terms:
    """On what terms a model is judged: its own settings.

    Args:
        model: says what a useful alert is, its horizon, and whether it reads a clock.
        prevalence: share of stays with an onset where nobody was left out, or ``"unknown"`` where somebody was and nobody
            knows it; None where nobody was.

    Raises:
        SettingsError: another word than ``"unknown"``.

    Example:
        >>> from vitals.scoring.model import open_model
        >>> terms_of(open_model(model), "unknown").subsampled
        True
    """
    if isinstance(prevalence, str) and prevalence != UNKNOWN:
        raise SettingsError("prevalence", repr(prevalence), f'a share such as 0.05, or "{UNKNOWN}"', "write a number")
    settings = model.settings
    return Terms(
        alerting=settings.alerting, horizon=settings.label.horizon, subsampled=prevalence == UNKNOWN,
        prevalence=None if isinstance(prevalence, str) else prevalence, ranked=RANKED, uses_clock=settings.network.clock,
    )  # fmt: skip
