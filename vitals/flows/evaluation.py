"""Judge a model on one part of a cohort as a ward would: onsets caught and alarms raised, beside NEWS2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vitals.alerting.bootstrap import intervals, paired_difference
from vitals.alerting.curve import operating_curve, recall_at_burden
from vitals.alerting.evaluate import Evaluation, evaluate
from vitals.alerting.stays import Risks, Stays, patients_digest
from vitals.bedside.news2 import SIGNALS as NEWS2_SIGNALS
from vitals.bedside.news2 import news2_risk
from vitals.bedside.risk import bedside_risk
from vitals.errors import SettingsError
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
from vitals.spec.settings import Alerting
from vitals.ward.ward import refuse_other_model
from vitals.windowing.types import Float32

Progress = Callable[[int, int, str], None]
_NEWS2_TRIGGERS = (5, 7)


def evaluate_model(
    model: Path, data: Path, part: str = "held_out", policy: Path | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Evaluate a model on one part of a cohort; figures and a report page go into the model folder.

    Args:
        model: a model folder, or a shipped model by its name: then nothing is written.
        data: a cohort folder.
        part: ``"held_out"``, another part of the model's own split, or ``"all"`` for a cohort of other patients.
        policy: an alert policy file; without it the model folder's ``policy.toml``, where there is one.
        progress: told what is being done.

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
    model, data = Path(model), Path(data)
    opened = open_model(model)
    chosen = find_policy(model, policy)
    refuse_other_model(opened, chosen)
    whole = open_study(opened.settings, [data], progress)
    _refuse_tuning_patients(chosen, whole, part)
    study = whole.take(part)
    risk = _score(opened, study, progress)
    figures = {
        "part": part, "data": {"name": data.name, "digest": study.digest}, "model_digest": opened.digest,
        "patients_digest": patients_digest(study.subject_id),
        "patients": len(set(study.subject_id)), "stays": len(study.stay_id), "rows": len(study.rows),
        "warnings": _warnings(opened, study, part), **_discrimination(study, risk),
        **_challenge(opened, whole, study, risk, part), **_alerting(opened, study, risk, chosen),
    }  # fmt: skip
    figures["files"] = _keep(model, opened, figures)
    return figures


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


def _refuse_tuning_patients(policy: AlertPolicy | None, whole: Study, part: str) -> None:
    """Part ``all`` of a cohort that the policy was tuned on holds the very patients of the tuning part."""
    tuning = whole.subject_id[whole.stays_of("tuning")]
    if policy is not None and part == "all" and len(tuning) and policy.tuned_on == patients_digest(tuning):
        raise SettingsError(
            "--part all", "a cohort that holds the patients the policy was tuned on", "other patients",
            "evaluate --part held_out, or another cohort",
        )  # fmt: skip


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
    called = risk.astype(np.float64) >= (threshold := pays_from(_tau(tuning), _score(model, tuning, None)))
    figures = {"threshold": threshold, "tuned_on": "tuning", "utility": utility(_tau(study), called)}
    site_of_row = study.site[study.rows.bed]
    for site in sorted(set(study.site)):
        rows = site_of_row == site
        figures[f"utility_{site}"] = utility(_tau(study)[rows], called[rows])
    return {"challenge_2019": figures}


def _tau(study: Study) -> np.ndarray:
    return hours_from_onset(study.rows.time, study.rows.bed, study.onset_stay, study.onset_time)


def _alerting(model: Model, study: Study, risk: Float32, policy: AlertPolicy | None) -> dict[str, Any]:
    stays, search = study.alert_stays(), model.settings.alerting
    ours = Risks.of(study.rows.bed, study.rows.time, risk)
    bedside = _news2(model, study)
    figures: dict[str, Any] = {"news2": {}}
    for points in _NEWS2_TRIGGERS if bedside is not None else ():
        assert bedside is not None
        trigger = _plain_policy(float(news2_risk(points)))
        theirs = evaluate(bedside, stays, trigger, search)
        burden = theirs.measure("alarms_per_100_patient_days")
        same = recall_at_burden(ours, stays, burden, trigger, search)
        figures["news2"][f"at_least_{points}"] = {**_brief(theirs), "model_recall_at_equal_burden": same.recall}
    if policy is not None:
        judged = evaluate(ours, stays, policy, search, patients_digest(study.subject_id))
        figures["alerts"] = {**judged.to_dict(), "intervals": _plain(intervals(judged))}
        figures["curve"] = operating_curve(ours, stays, policy, alerting=search).to_dict()
        if bedside is not None:
            figures["news2"]["at_equal_burden"] = _beside(ours, bedside, stays, judged, search)
            figures["news2"]["curve"] = operating_curve(bedside, stays, _plain_policy(), alerting=search).to_dict()
    return figures


def _news2(model: Model, study: Study) -> Risks | None:
    """NEWS2 of the same rows, each value carried at most eight hours; None where the model reads none of its signals."""
    if not set(NEWS2_SIGNALS) & set(model.settings.signals):
        return None
    risk = bedside_risk("news2", study.rows, model.settings.channels)
    return Risks.of(study.rows.bed, study.rows.time, risk)


def _beside(ours: Risks, bedside: Risks, stays: Stays, judged: Evaluation, search: Alerting) -> dict[str, Any]:
    """NEWS2 with at most the alarms our policy raised, and how much more our risk catches with at most NEWS2's.

    NEWS2 has few thresholds, so its burden may lie far below ours; the difference is therefore taken at its burden.
    """
    burden, shape = judged.measure("alarms_per_100_patient_days"), _plain_policy()
    point = recall_at_burden(bedside, stays, burden, shape, search)
    if not np.isfinite(point.threshold):
        return {"recall": 0.0, "alarms_per_100_patient_days": 0.0, "threshold": None}
    theirs = evaluate(bedside, stays, _plain_policy(point.threshold), search)
    same = recall_at_burden(ours, stays, theirs.measure("alarms_per_100_patient_days"), shape, search)
    figures = {**_brief(theirs), "threshold_points": point.threshold * 20, "intervals": _plain(intervals(theirs))}
    if np.isfinite(same.threshold):
        held = evaluate(ours, stays, _plain_policy(same.threshold), search)
        figures |= {"model": _brief(held), "difference": _plain(paired_difference(held, theirs))}
    return figures


def _plain_policy(threshold: float = 1.0) -> AlertPolicy:
    """How a bedside score alerts: at a threshold, then not for six hours."""
    return AlertPolicy(threshold=threshold)


def _brief(evaluation: Evaluation) -> dict[str, Any]:
    names = ("recall", "precision", "alarms_per_100_patient_days")
    return {**{name: evaluation.measure(name) for name in names}, "median_lead_hours": evaluation.lead_quartiles[1]}


def _plain(named: dict[str, Any]) -> dict[str, list[float]]:
    return {name: [interval.value, interval.low, interval.high] for name, interval in named.items()}


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
