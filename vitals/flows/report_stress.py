"""What is left of a model when a signal never comes: each vital sign dropped in turn, scored by the model file itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vitals.alerting.ranks import enough
from vitals.flows.report_evidence import Evidence
from vitals.labelling.ranking import auroc
from vitals.scoring.ward_step import score_rows
from vitals.signals import signal
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Reason, Rows

Progress = Callable[[int, int, str], None]


def without(settings: Settings, rows: Rows, names: Sequence[str]) -> Rows:
    """The rows as if no sample of these signals had ever come: no value, no age, and no risk where too little is left.

    Args:
        settings: names the columns.
        rows: as they were, ``(R, C)`` values.
        names: signals to leave out.
    """
    columns = [settings.channels.index(name) for name in names]
    value, age, reason = rows.value.copy(), rows.age.copy(), rows.reason.copy()
    value[:, columns], age[:, columns] = np.nan, np.nan
    known = (~np.isnan(value[:, : len(settings.signals)])).sum(axis=1)
    reason[(reason == Reason.NONE) & (known < settings.window.min_observed)] = Reason.TOO_LITTLE_KNOWN
    return Rows(rows.bed, rows.time, value, age, reason)


def stress_figures(evidence: Evidence, progress: Progress | None = None) -> list[dict[str, Any]]:
    """AUROC of rows and the alerts of the policy, with everything, without each vital sign, and without all laboratory values.

    Rows that then have no risk are left out of the AUROC, and count as silence for the policy: recall is of the onsets that
    could be warned of with everything.

    Args:
        evidence: the judged model.
        progress: told how many signals are done.

    Returns:
        One entry a test for JSON, the first with nothing dropped.
    """
    settings = evidence.judged.model.settings
    vitals, labs = ([name for name in settings.signals if signal(name).kind == kind] for kind in ("vital", "lab"))
    tests = [("nothing", []), *((signal(name).label, [name]) for name in vitals)]
    tests += [("every laboratory value", labs)] if labs else []
    found = []
    for done, (label, names) in enumerate(tests):
        if progress:
            progress(done, len(tests), "dropping inputs")
        found.append({"dropped": label, **_judge(evidence, _risk(evidence, names) if names else evidence.judged.risk)})
    if progress:
        progress(len(tests), len(tests), "dropping inputs")
    return found


def _risk(evidence: Evidence, names: Sequence[str]) -> Float32:
    model, study = evidence.judged.model, evidence.judged.study
    rows = without(model.settings, study.rows, names)
    return score_rows(model, model.initial_hidden(len(study.stay_id)), rows)


def _judge(evidence: Evidence, risk: Float32) -> dict[str, Any]:
    study = evidence.judged.study
    usable = study.usable & np.isfinite(risk)
    known = enough(study.label[usable], evidence.patient[usable])
    area = auroc(study.label[usable], risk[usable]) if known else None
    found: dict[str, Any] = {"step_auroc": area, "rows_with_risk": int(np.isfinite(risk).sum())}
    if evidence.judged.policy is not None:
        judged = evidence.judge(risk, evidence.judged.policy)
        names = ("recall", "precision", "alarms_per_100_patient_days")
        found |= {name: judged.measure(name) for name in names}
    return found
