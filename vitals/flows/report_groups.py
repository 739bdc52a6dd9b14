"""The same policy in parts of the cohort: age, sex, site and unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vitals.alerting.bootstrap import interval, resample
from vitals.alerting.measures import measure
from vitals.alerting.ranks import FEWEST, ranked
from vitals.flows.guarding import RANKED
from vitals.flows.report_evidence import Evidence
from vitals.windowing.types import Float64, Int64

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
    """AUROC of rows, and recall, precision and burden at the shared policy, of each group in which ``FEWEST`` patients had an onset."""
    found = [_judge(evidence, kind, name, members) for kind, name, members in groups_of(evidence.frame)]
    for kind in {group["kind"] for group in found}:
        shown = [group for group in found if group["kind"] == kind and group["shown"]]
        if shown and sum(group["kind"] == kind for group in found) - len(shown) == 1:
            # all onsets less those of the others would be the number that is left out
            min(shown, key=lambda group: group["onsets"])["onsets"] = None
    return found


def _judge(evidence: Evidence, kind: str, name: str, members: NDArray[np.bool_]) -> dict[str, Any]:
    study, of = evidence.judged.study, evidence.spells
    mine, rows = members[of.whole], evidence.usable & members[study.rows.bed]
    with_onset = len(np.unique(of.patient[mine & np.asarray(of.predictable)]))
    found: dict[str, Any] = {"kind": kind, "name": name, "stays": int(members.sum()), "shown": with_onset >= FEWEST}
    if with_onset < FEWEST:
        return found | {"fewer_onsets_than": FEWEST}
    label, risk = study.label[rows] == 1, evidence.judged.risk[rows].astype(np.float64)
    ranks = ranked(label, risk, evidence.patient[rows], RANKED)
    found |= {"onsets": int((mine & of.has_onset).sum()), "step_auroc": ranks["auroc"]}
    found["observed_to_expected"] = float(label.sum() / risk.sum()) if risk.sum() else None
    if evidence.by_spell is not None:
        found |= _alerts(evidence.by_spell[mine], of.patient[mine])
    return found


def _alerts(by_spell: Float64, patient: Int64) -> dict[str, list[float]]:
    """The measures of some spells' counts, with intervals of their patients resampled."""
    known, number = np.unique(patient, return_inverse=True)
    by_patient = np.zeros((len(known), by_spell.shape[1]))
    np.add.at(by_patient, number, by_spell)
    whole, drawn = by_patient.sum(axis=0), resample(by_patient)
    return {name: [*interval(float(measure(name, whole)), measure(name, drawn))] for name in _SHOWN}


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
