"""Judge a model on one part of a cohort as a ward would: onsets caught and alarms raised, beside NEWS2."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitals.alerting.bootstrap import intervals
from vitals.alerting.curve import operating_curve
from vitals.alerting.evaluation import evaluate
from vitals.alerting.stays import Risks, patients_digest
from vitals.flows.beside import beside_news2, plain_intervals
from vitals.flows.guarding import at_prevalence, look_for_traps, refuse_tuning_patients, warnings_of
from vitals.flows.study import Study, open_study
from vitals.flows.watching import find_policy
from vitals.flows.writing import as_json
from vitals.labelling.paying import pays_from
from vitals.labelling.ranking import auprc, auroc
from vitals.labelling.utility import hours_from_onset, utility
from vitals.report.page import write_report
from vitals.scoring.model import Model, open_model
from vitals.scoring.ward_step import score_rows
from vitals.spec.modelfile import METRICS_FILE
from vitals.spec.policy import AlertPolicy
from vitals.ward.ward import refuse_other_model
from vitals.windowing.types import Float32, Float64

Progress = Callable[[int, int, str], None]


def evaluate_model(
    model: Path,
    data: Path,
    part: str = "held_out",
    policy: Path | None = None,
    progress: Progress | None = None,
    prevalence: float | None = None,
) -> dict[str, Any]:
    """Evaluate a model on one part of a cohort; figures and a report page go into the model folder.

    Args:
        model: a model folder, or a shipped model by its name: then nothing is written.
        data: a cohort folder.
        part: ``"held_out"``, another part of the model's own split, or ``"all"`` for a cohort of other patients.
        policy: an alert policy file; without it the model folder's ``policy.toml``, where there is one.
        progress: told what is being done.
        prevalence: share of stays with an onset where nobody was left out, for a cohort of cases and sampled controls:
            ``at_prevalence`` then has precision and burden weighted to it.

    Returns:
        Every figure in plain numbers.

    Raises:
        SettingsError: an unknown part, or a policy tuned on the very patients it is to be judged by.
        ModelError: a damaged model, or a policy tuned on another model.
        DataError: a damaged cohort, or a part without stays or onsets.

    Example:
        >>> figures = evaluate_model(model, ward, "held_out")
        >>> recall, low, high = figures["alerts"]["intervals"]["recall"]
        >>> low <= recall <= high and recall == figures["alerts"]["recall"]
        True
        >>> sorted(Path(file).name for file in figures["files"])
        ['card.json', 'card.md', 'metrics.json', 'report.html']
    """
    judged = judge_model(Path(model), Path(data), part, policy, progress, prevalence)
    judged.figures["files"] = _keep(Path(model), judged.model, judged.figures)
    return judged.figures


@dataclass(frozen=True)
class Judged:
    """A model judged on one part of a cohort, with what it was judged by.

    Attributes:
        model: the opened model.
        policy: the alert policy; None without one.
        whole: all stays of the cohort.
        study: those of the part.
        risk: of each row of ``study``, ``(R,)``, NaN where there is none.
        figures: in plain numbers.
    """

    model: Model
    policy: AlertPolicy | None
    whole: Study
    study: Study
    risk: Float32
    figures: dict[str, Any]


def judge_model(
    model: Path,
    data: Path,
    part: str = "held_out",
    policy: Path | None = None,
    progress: Progress | None = None,
    prevalence: float | None = None,
) -> Judged:
    """Judge a model as :func:`evaluate_model` does, and write nothing."""
    opened = open_model(model)
    chosen = find_policy(model, policy)
    refuse_other_model(opened, chosen)
    whole = open_study(opened.settings, [data], progress)
    study = whole.take(part)
    refuse_tuning_patients(opened, study, chosen)
    risk = _score(opened, study, progress)
    found = look_for_traps(opened, whole, study, risk, chosen, prevalence)
    figures = {
        "part": part, "data": {"name": data.name, "digest": study.digest}, "model_digest": opened.digest,
        "patients_digest": patients_digest(study.subject_id),
        "patients": len(set(study.subject_id)), "stays": len(study.stay_id), "rows": len(study.rows),
        "guards": [one.to_dict() for one in found],
        "warnings": [*_warnings(opened, study, part), *warnings_of(found)], **_discrimination(study, risk),
        **_challenge(opened, whole, study, risk, part), **_alerting(opened, study, risk, chosen),
    }  # fmt: skip
    if prevalence is not None and chosen is not None:
        figures["at_prevalence"] = at_prevalence(opened, study, risk, chosen, prevalence)
    return Judged(opened, chosen, whole, study, risk, figures)


def _score(model: Model, study: Study, progress: Progress | None) -> Float32:
    if progress:
        progress(0, 1, "scoring")
    risk = score_rows(model, model.initial_hidden(len(study.stay_id)), study.rows)
    if progress:
        progress(1, 1, "scoring")
    return risk


def _warnings(model: Model, study: Study, part: str) -> list[str]:
    trained_on = set(model.about.get("cohort_digests", ()))
    if part in ("train", "all") and trained_on & set(study.cohorts):
        return [f"part {part} holds patients the model was trained on: these figures flatter it"]
    return []


def _discrimination(study: Study, risk: Float32) -> dict[str, Any]:
    valid = study.usable & np.isfinite(risk)
    figures = _ranks(study.label[valid], risk[valid])
    site_of_row = study.site[study.rows.bed]
    for site in sorted(set(study.site)):
        rows = valid & (site_of_row == site)
        figures.setdefault("by_site", {})[site] = _ranks(study.label[rows], risk[rows])
    return figures


def _ranks(label: Float32, risk: Float32) -> dict[str, Any]:
    if not len(label) or label.min() == label.max():
        return {"step_auroc": None, "step_auprc": None, "prevalence": float(label.mean()) if len(label) else None}
    return {
        "step_auroc": auroc(label, risk), "step_auprc": auprc(label, risk), "prevalence": float(label.mean()),
        "observed_to_expected": float(label.sum() / risk.sum(dtype=np.float64)),
    }  # fmt: skip


def _challenge(model: Model, whole: Study, study: Study, risk: Float32, part: str) -> dict[str, Any]:
    """The 2019 utility at the threshold from which calling pays on the tuning part; only for models trained towards it."""
    if model.settings.training.objective != "challenge_utility" or part in ("tuning", "all"):
        return {}
    tuning = whole.take("tuning")
    called = risk.astype(np.float64) >= (threshold := pays_from(tau_of(tuning), _score(model, tuning, None)))
    figures = {"threshold": threshold, "tuned_on": "tuning", "utility": utility(tau_of(study), called)}
    site_of_row = study.site[study.rows.bed]
    for site in sorted(set(study.site)):
        rows = site_of_row == site
        figures[f"utility_{site}"] = utility(tau_of(study)[rows], called[rows])
    return {"challenge_2019": figures}


def tau_of(study: Study) -> Float64:
    """Hours from the onset to each row, ``(R,)``; NaN in stays without one."""
    return hours_from_onset(study.rows.time, study.rows.bed, study.onset_stay, study.onset_time)


def _alerting(model: Model, study: Study, risk: Float32, policy: AlertPolicy | None) -> dict[str, Any]:
    stays, search = study.alert_stays(), model.settings.alerting
    ours = Risks.of(study.rows.bed, study.rows.time, risk)
    judged = None
    figures: dict[str, Any] = {}
    if policy is not None:
        judged = evaluate(ours, stays, policy, search, patients_digest(study.subject_id))
        figures["alerts"] = {**judged.to_dict(), "intervals": plain_intervals(intervals(judged))}
        figures["curve"] = operating_curve(ours, stays, policy, alerting=search).to_dict()
    return {"news2": beside_news2(model, study, ours, judged, search), **figures}


def _keep(folder: Path, model: Model, figures: dict[str, Any]) -> list[str]:
    """Figures into ``metrics.json`` beside what training measured; page and card are of the model's own cohorts."""
    if not folder.is_dir():
        return []
    file = folder / METRICS_FILE
    metrics = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    own = figures["data"]["digest"] == model.about.get("data_digest")
    name = figures["part"] if own else f"{figures['part']} of {figures['data']['name']}"
    metrics.setdefault("evaluation", {})[name] = figures
    file.write_bytes(as_json(metrics))
    fresh = not (folder / "report.html").is_file()
    return [str(file), *map(str, write_report(folder, model, figures) if own or fresh else ())]
