"""Judge a model on one part of a cohort as a ward would: onsets caught and alarms raised, beside NEWS2."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.beside import PLAIN
from vitals.alerting.findings import enforce, warnings_of
from vitals.alerting.frames import NEWS2_MOST
from vitals.alerting.judgement import Judgement
from vitals.alerting.judging import judge_tables
from vitals.alerting.ranks import FEWEST, enough
from vitals.alerting.stays import patients_digest
from vitals.alerting.weighting import check_prevalence
from vitals.bedside.news2 import SIGNALS as NEWS2_SIGNALS
from vitals.bedside.risk import bedside_risk
from vitals.flows.guarding import OF_A_POLICY, known_findings, terms_of
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
from vitals.ward.outputs import refuse_other_model
from vitals.windowing.types import Float32, Float64

Progress = Callable[[int, int, str], None]


def evaluate_model(
    model: Path,
    data: Path,
    part: str = "held_out",
    policy: Path | None = None,
    progress: Progress | None = None,
    prevalence: float | str | None = None,
) -> dict[str, Any]:
    """Evaluate a model on one part of a cohort; figures and a report page go into the model folder.

    Args:
        model: a model folder, or a shipped model by its name: then nothing is written.
        data: a cohort folder.
        part: ``"held_out"``, another part of the model's own split, or ``"all"`` for a cohort of other patients.
        policy: an alert policy file; without it the model folder's ``policy.toml``, where there is one.
        progress: told what is being done.
        prevalence: share of stays with an onset where nobody was left out, for a cohort of cases and sampled controls: all
            figures of alerts are weighted to it. ``"unknown"`` where nobody knows it: those that hang on it are withheld.

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
        news2: of each row, divided by its maximum, ``(R,)``; None where the model reads none of its signals.
        judgement: what was found; without a policy that of one that never alerts.
        figures: in plain numbers.
    """

    model: Model
    policy: AlertPolicy | None
    whole: Study
    study: Study
    risk: Float32
    news2: Float64 | None
    judgement: Judgement
    figures: dict[str, Any]


def judge_model(
    model: Path,
    data: Path,
    part: str = "held_out",
    policy: Path | None = None,
    progress: Progress | None = None,
    prevalence: float | str | None = None,
) -> Judged:
    """Judge a model as :func:`evaluate_model` does, and write nothing."""
    opened = open_model(model)
    chosen = find_policy(model, policy)
    refuse_other_model(opened, chosen)
    terms = terms_of(opened, prevalence)
    check_prevalence(terms.prevalence)
    whole = open_study(opened.settings, [data], progress)
    study = whole.take(part)
    known = known_findings(opened, whole, study, part, chosen)
    enforce(known)
    risk = _score(opened, study, progress)
    news2 = news2_of(opened, study)
    found = judge_tables(study.tables(risk, news2), chosen or PLAIN, terms, known)
    figures = {
        "part": part, "data": {"name": data.name, "digest": study.digest}, "model_digest": opened.digest,
        "patients_digest": patients_digest(study.subject_id),
        "patients": len(set(study.subject_id)), "stays": len(study.stay_id), "rows": len(study.rows),
        **_figures(found, chosen is not None), **_rows(study, found, risk),
        **({} if prevalence is not None else _challenge(opened, whole, study, risk, part)),
    }  # fmt: skip
    return Judged(opened, chosen, whole, study, risk, news2, found, found.shown(figures))


def news2_of(model: Model, study: Study) -> Float64 | None:
    """NEWS2 of the same rows divided by its maximum, each value carried at most eight hours, ``(R,)``.

    None where the model reads none of its signals, or nothing of them was ever measured.
    """
    if not set(NEWS2_SIGNALS) & set(model.settings.signals):
        return None
    points = np.round(NEWS2_MOST * bedside_risk("news2", study.rows, model.settings.channels).astype(np.float64))
    return points / NEWS2_MOST if np.isfinite(points).any() else None


def _score(model: Model, study: Study, progress: Progress | None) -> Float32:
    if progress:
        progress(0, 1, "scoring")
    risk = score_rows(model, model.initial_hidden(len(study.stay_id)), study.rows)
    if progress:
        progress(1, 1, "scoring")
    return risk


def _figures(found: Judgement, has_policy: bool) -> dict[str, Any]:
    """What is said of the risks and, with a policy, of its alerts."""
    guarded = [one for one in found.findings if has_policy or one.guard not in OF_A_POLICY]
    said = {
        "guards": [one.to_dict() for one in guarded], "warnings": warnings_of(guarded), "prevalence_given": found.prevalence,
        "ranking": found.ranking, "calibration": found.calibration, "decision_curve": found.decision_curve,
    }  # fmt: skip
    if not has_policy:
        own = {name: found.ranking[name] for name in ("step", "stay")}
        beside = {name: one for name, one in found.news2.items() if name not in ("at_equal_burden", "curve")}
        return {**said, "ranking": own, "news2": beside}
    return {
        **said, "alerts": found.alerts(), "curve": found.curve.to_dict(), "news2": found.news2,
        "alert_net_benefit": found.alert_net_benefit,
    }  # fmt: skip


def _rows(study: Study, found: Judgement, risk: Float32) -> dict[str, Any]:
    """How the rows of all sites and of each are ranked, by the labels of the model's settings; small sites say nothing."""
    usable = study.usable & np.isfinite(risk)
    figures: dict[str, Any] = {"prevalence": float(study.label[usable].mean()) if usable.any() else None}
    for name in ("auroc", "auprc"):
        value = found.ranking["step"][name]
        figures[f"step_{name}"] = None if value is None else value[0]
    figures["observed_to_expected"] = found.calibration and found.calibration["observed_to_expected"]
    site_of_row, patient = study.site[study.rows.bed], study.subject_id[study.rows.bed]
    for site in sorted(set(study.site)):
        rows = usable & (site_of_row == site)
        figures.setdefault("by_site", {})[site] = _of_site(study.label[rows], risk[rows], patient[rows])
    return figures


def _of_site(label: Float32, risk: Float32, patient: NDArray[Any]) -> dict[str, Any]:
    if not enough(label, patient):
        return {"step_auroc": None, "step_auprc": None, "fewer_patients_than": FEWEST}
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
    site_of_row, patient = study.site[study.rows.bed], study.subject_id[study.rows.bed]
    for site in sorted(set(study.site)):
        rows = site_of_row == site
        if enough(study.label[rows], patient[rows]):
            figures[f"utility_{site}"] = utility(tau_of(study)[rows], called[rows])
    return {"challenge_2019": figures}


def tau_of(study: Study) -> Float64:
    """Hours from the onset to each row, ``(R,)``; NaN in stays without one."""
    return hours_from_onset(study.rows.time, study.rows.bed, study.onset_stay, study.onset_time)


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
