"""A model on a ward it was not made for: how it ranks what happens there, beside NEWS2, without its own alert policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vitals.alerting.beside import trigger
from vitals.alerting.curve import recall_at_burden
from vitals.alerting.evaluation import comparable, evaluate
from vitals.bedside.risk import bedside_risk
from vitals.errors import DataError
from vitals.flows.study import Study, open_study
from vitals.labelling.ranking import auroc
from vitals.scoring.model import open_model
from vitals.scoring.ward_step import score_rows
from vitals.spec.settings import Alerting, Settings
from vitals.windowing.types import Float32

Progress = Callable[[int, int, str], None]
_TRIGGER = 5


def judge_elsewhere(
    model: str | Path, data: Path, question: Settings, progress: Progress | None = None
) -> dict[str, Any]:
    """Ask a model another ward's question: its own channels and windows, the ward's outcome and alarms that count.

    Nothing is fitted or tuned, so every stay is judged; a threshold is taken only to compare at NEWS2's own burden.

    Args:
        model: a model folder, or a shipped model by its name.
        data: a cohort folder of the ward.
        question: the ward's settings: what is to be foreseen, how early an alarm counts and how long one silences.
        progress: told what is being done.

    Returns:
        Counts, AUROC over the rows, and the recall at the alarms that NEWS2 of five points or more raises; the same
        of NEWS2 from the model's own signals, over the same rows.

    Raises:
        ModelError: a damaged model.
        DataError: a damaged cohort, or one where nothing can be ranked.

    Example:
        >>> found = judge_elsewhere(model, ward, settings)
        >>> 0 < found["step_auroc"] < 1 and found["patients"] <= 90
        True
    """
    opened = open_model(model)
    study = open_study(replace(opened.settings, label=question.label, alerting=question.alerting), [data], progress)
    risk = score_rows(opened, opened.initial_hidden(len(study.stay_id)), study.rows)
    points = bedside_risk("news2", study.rows, opened.settings.channels)
    rows = study.usable & np.isfinite(risk) & np.isfinite(points)  # those that both can rank
    label = study.label[rows]
    if not len(label) or label.min() == label.max():
        came, wanted = "rows of one kind only", "rows before an onset, and others"
        raise DataError(str(data), came, wanted, "bring more stays")
    return {
        "model_digest": opened.digest, "patients": len(set(study.subject_id)), "rows": len(study.rows),
        "step_auroc": auroc(label, risk[rows]), "news2_step_auroc": auroc(label, points[rows]),
        **_at_equal_burden(study, risk, points, question.alerting),
    }  # fmt: skip


def _at_equal_burden(study: Study, risk: Float32, points: Float32, search: Alerting) -> dict[str, Any]:
    scored, of = study.spells(risk)
    news2 = study.spells(points)[0]
    stays, policy = comparable(of, [scored, news2], search), replace(trigger(_TRIGGER), silence=max(search.silence))
    theirs = evaluate(news2, stays, policy, search)
    burden = theirs.measure("alarms_per_100_patient_days")
    ours = recall_at_burden(scored, stays, burden, policy, search)
    return {
        "onsets": len(study.onset_stay), "news2_recall": theirs.measure("recall"),
        "news2_alarms_per_100_patient_days": burden, "recall_at_news2_burden": ours.recall,
    }  # fmt: skip
