"""The same policy in parts of the cohort: age, sex, site and unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vitals.alerting.bootstrap import intervals
from vitals.alerting.evaluation import evaluate
from vitals.alerting.rank_bootstrap import ranking_intervals
from vitals.alerting.stays import Risks
from vitals.flows.report_evidence import REPLICATES, Evidence

FEWEST = 10
"""Onsets below which a group's figures are not shown: they would tell of chance, or of a person."""
_AGES = ((0, 50, "under 50"), (50, 65, "50 to 64"), (65, 80, "65 to 79"), (80, 200, "80 and over"))
_ICU_TYPES = {1: "coronary", 2: "cardiac surgery", 3: "medical", 4: "surgical"}
_SHOWN = ("recall", "precision", "alarms_per_100_patient_days")


def groups_of(stays: pd.DataFrame) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Kind of the group, its name, and which stays belong to it, ``(S,)``; groups nobody belongs to are left out.

    Args:
        stays: the table of the stays: ``site`` and, where there are, ``age``, ``sex``, ``unit_micu``, ``unit_sicu``,
            ``icu_type`` or ``unit``.

    Example:
        >>> table = pd.DataFrame({"age": [40, 70, 71], "sex": [1, 0, float("nan")], "site": ["A", "A", "B"]})
        >>> [(kind, name, int(members.sum())) for kind, name, members in groups_of(table)]
        [('age', 'under 50', 1), ('age', '65 to 79', 2), ('sex', 'female', 1), ('sex', 'male', 1), ('site', 'A', 2), ('site', 'B', 1)]
    """
    kinds = (
        ("age", _ages(stays)),
        ("sex", _named(stays, "sex", {0: "female", 1: "male"})),
        ("site", _names(stays, "site")),
    )
    for kind, found in (*kinds, ("unit", _units(stays))):
        for name, members in found.items():
            if members.any():
                yield kind, name, members


def group_figures(evidence: Evidence) -> list[dict[str, Any]]:
    """AUROC of rows, and recall, precision and burden at the shared policy, of each group with at least ``FEWEST`` onsets."""
    return [_judge(evidence, kind, name, members) for kind, name, members in groups_of(evidence.frame)]


def _judge(evidence: Evidence, kind: str, name: str, members: NDArray[np.bool_]) -> dict[str, Any]:
    chosen = np.flatnonzero(members)
    study, rows = evidence.judged.study.of(chosen), members[evidence.judged.study.rows.bed]
    stays, risk = study.alert_stays(), evidence.judged.risk[rows]
    onsets = int(stays.has_onset.sum())
    found: dict[str, Any] = {"kind": kind, "name": name, "stays": len(chosen), "shown": onsets >= FEWEST}
    if onsets < FEWEST:
        return found | {"fewer_onsets_than": FEWEST}
    usable = study.usable & np.isfinite(risk)
    label = study.label[usable]
    ranks = ranking_intervals(label, risk[usable], stays.patient[study.rows.bed[usable]], REPLICATES)
    found |= {"onsets": onsets, "step_auroc": ranks["auroc"]}
    found["observed_to_expected"] = float(label.sum() / risk[usable].sum(dtype=np.float64))
    if evidence.judged.policy is not None:
        policy = replace(evidence.judged.policy, tuned_on="")
        ours = Risks.of(study.rows.bed, study.rows.time, risk)
        bounds = intervals(evaluate(ours, stays, policy, evidence.judged.model.settings.alerting))
        found |= {measure: [*bounds[measure]] for measure in _SHOWN}
    return found


def _ages(stays: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    if "age" not in stays:
        return {}
    age = stays["age"].to_numpy(np.float64)
    return {name: (age >= low) & (age < high) for low, high, name in _AGES}


def _named(stays: pd.DataFrame, column: str, names: dict[int, str]) -> dict[str, NDArray[np.bool_]]:
    if column not in stays:
        return {}
    code = stays[column].to_numpy(np.float64)
    return {name: code == number for number, name in names.items()}


def _names(stays: pd.DataFrame, column: str) -> dict[str, NDArray[np.bool_]]:
    if column not in stays:
        return {}
    text = stays[column].astype(str).to_numpy(object)
    return {name: text == name for name in sorted(set(text))}


def _units(stays: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    if {"unit_micu", "unit_sicu"} <= set(stays.columns):
        medical, surgical = (stays[name].to_numpy(np.float64) == 1 for name in ("unit_micu", "unit_sicu"))
        return {"medical": medical, "surgical": surgical, "not recorded": ~medical & ~surgical}
    return _named(stays, "icu_type", _ICU_TYPES) or _names(stays, "unit")
