"""Tune an alert policy to a budget, on ONNX scores of the tuning part, and write it into the model folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vitals.alerting.stays import Risks, patients_digest
from vitals.alerting.tune import tune
from vitals.errors import SettingsError
from vitals.flows.study import open_study
from vitals.report.card import write_card
from vitals.scoring.model import open_model
from vitals.scoring.ward_step import score_rows
from vitals.spec.modelfile import POLICY_FILE
from vitals.spec.reader import plain, to_toml
from vitals.spec.shipped import find_model

Progress = Callable[[int, int, str], None]


def tune_model(model: Path, data: Path, budget: str = "5/100pd", progress: Progress | None = None) -> dict[str, Any]:
    """Find the policy that catches most within an alarm budget, and write ``policy.toml`` into the model folder.

    Args:
        model: a model folder.
        data: a cohort folder; its tuning part, by the model's own split, is used.
        budget: such as ``"5/100pd"``: alerts per 100 patient-days.
        progress: told what is being done.

    Returns:
        The policy, what it does on the tuning part, and the operating curve.

    Raises:
        SettingsError: a budget that is none or that no policy can keep to, or a shipped model called by its name.
        DataError: a tuning part without onsets.

    Example:
        >>> tuned = tune_model(model, ward, "60/100pd")
        >>> tuned["alarms_per_100_patient_days"] <= 60
        True
        >>> sorted(tuned["policy"])
        ['clear', 'model_digest', 'persistence', 'rearm', 'silence', 'threshold', 'tuned_on']
    """
    model = Path(model)
    opened = open_model(model)
    _refuse_shipped(model)
    study = open_study(opened.settings, [data], progress).take("tuning")
    risk = score_rows(opened, opened.initial_hidden(len(study.stay_id)), study.rows)
    if progress:
        progress(0, 1, "tuning")
    risks = Risks.of(study.rows.bed, study.rows.time, risk)
    found = tune(
        risks, study.alert_stays(), budget, opened.settings.alerting, patients_digest(study.subject_id), opened.digest
    )
    if progress:
        progress(1, 1, "tuning")
    folder = model if model.is_dir() else model.parent
    file = folder / POLICY_FILE
    file.write_text(to_toml(plain(found.policy)), "utf-8")
    if model.is_dir():
        write_card(model, opened)
    warnings = (
        [] if found.point.recall > 0 else [f"no policy within {budget} catches anything: it will hardly ever alert"]
    )
    return {
        **found.to_dict(),
        "warnings": warnings,
        "budget": budget,
        "part": "tuning",
        "patients": len(set(study.subject_id)),
        "files": [str(file)],
    }


def _refuse_shipped(model: Path) -> None:
    """A name means the copy inside the package, which is everybody's: another ward's policy has no place in it."""
    if not model.exists():
        came, wanted = "a shipped model", "a model folder of your own, to keep the policy in"
        raise SettingsError(str(model), came, wanted, f"copy it first: cp -r {find_model(model)} {model.name}")
