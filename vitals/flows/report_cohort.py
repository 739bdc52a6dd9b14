"""Who was judged: from the cohort's stays to the onsets that could be warned of, and table 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.alerting.ranks import FEWEST
from vitals.flows.report_evidence import Evidence
from vitals.flows.report_groups import groups_of
from vitals.signals import signal
from vitals.windowing.types import Float64

_HOUR = 3_600_000_000.0
Chosen = NDArray[np.bool_]


def flow_figures(evidence: Evidence) -> dict[str, Any]:
    """Numbers of stays at each step from the cohort to the judged onsets."""
    study, stays, spells = evidence.judged.study, evidence.stays, evidence.spells
    with_risk = np.zeros(len(stays), bool)
    with_risk[study.rows.bed[np.isfinite(evidence.judged.risk)]] = True
    onsets = int(spells.has_onset.sum())
    known = int(np.asarray(spells.predictable).sum())
    return {
        "cohort_stays": len(evidence.judged.whole.stay_id), "cohort_patients": len(set(evidence.judged.whole.subject_id)),
        "other_parts": len(evidence.judged.whole.stay_id) - len(study.stay_id), "stays": len(stays),
        "patients": int(stays.patient.max(initial=-1)) + 1, "never_scored": int((~with_risk).sum()),
        "with_onset": int(stays.has_onset.sum()), "without_onset": int((~stays.has_onset).sum()),
        "onsets": onsets, "predictable": known, "unpredictable": onsets - known,
    }  # fmt: skip


def table_one(evidence: Evidence) -> list[dict[str, Any]]:
    """Rows of table 1: of all stays, of those with and of those without an onset.

    Returns:
        Each ``{"name", "kind", "all", "with_onset", "without_onset"}``; a cell is ``[number]`` (``"count"``), ``[number, share]``
        (``"share"``) or ``[median, quartile, quartile]`` (``"median"``). Where fewer than ``FEWEST`` patients had an onset the
        number is ``"<10"``, what would tell it and medians of so few are None.
    """
    rows, few = [], []
    for row, members in _table_one(evidence):
        few.append(len(np.unique(evidence.stays.patient[members & evidence.stays.has_onset])) < FEWEST)
        rows.append(_suppressed(row) if few[-1] else row)
    kinds = [row["name"].partition(":")[0] if row["kind"] == "share" else "" for row in rows]
    for kind in set(kinds) - {""}:
        _hide_the_rest([row for row, its in zip(rows, kinds, strict=True) if its == kind])
    return rows


def _table_one(evidence: Evidence) -> Iterator[tuple[dict[str, Any], Chosen]]:
    """Each row as it is, and the stays that it is about."""
    stays, frame = evidence.stays, evidence.frame
    has = stays.has_onset
    columns: dict[str, Chosen] = {"all": np.ones(len(has), bool), "with_onset": has, "without_onset": ~has}
    everybody = columns["all"]
    yield _row("stays", "count", columns, {name: [int(chosen.sum())] for name, chosen in columns.items()}), everybody
    if "age" in frame:
        age = frame["age"].to_numpy(np.float64)
        yield _median("age, years", age, columns), np.isfinite(age)
    for kind, name, members in groups_of(frame):
        if kind != "age":
            yield _share(f"{kind}: {name}", members, columns), members
    yield _median("length of stay, hours", (stays.discharged - stays.admitted) / _HOUR, columns), everybody
    at = np.where(has, stays.onset - stays.admitted, 0) / _HOUR
    yield _median("onset, hours after admission", np.where(has, at, np.nan), columns), everybody
    yield _median("samples", frame["samples"].to_numpy(np.float64), columns), everybody
    for row in _known(evidence, columns):
        yield row, everybody


def _suppressed(row: dict[str, Any]) -> dict[str, Any]:
    """A row of too few patients with an onset, without what tells of them."""
    if row["kind"] == "median":
        return row | {"with_onset": [None] * 3} | ({"all": [None] * 3} if row["name"].startswith("onset") else {})
    # the others less those without an onset would be the number that is left out
    nothing = [None] * len(row["all"])
    return row | {"with_onset": [f"<{FEWEST}", *nothing[1:]], "without_onset": nothing}


def _hide_the_rest(groups: list[dict[str, Any]]) -> None:
    """Where one group of a kind is left out, the smallest of the others too: else the column's sum would tell it."""
    shown = [row for row in groups if isinstance(row["with_onset"][0], int)]
    if shown and len(groups) - len(shown) == 1:
        row = min(shown, key=lambda one: one["with_onset"][0])
        row["with_onset"], row["without_onset"] = [None, None], [None, None]


def _known(evidence: Evidence, columns: dict[str, Chosen]) -> list[dict[str, Any]]:
    """How often each vital sign is known when a risk is given: the median over stays of the share of their rows."""
    rows, settings = evidence.judged.study.rows, evidence.judged.model.settings
    total = np.maximum(np.bincount(rows.bed, minlength=len(evidence.stays)), 1)
    found = []
    for column, name in enumerate(settings.channels):
        if signal(name).kind == "vital":
            known = np.bincount(rows.bed, ~np.isnan(rows.value[:, column]), len(evidence.stays)) / total
            found.append(_median(f"rows in which {signal(name).label} is known, %", 100 * known, columns))
    return found


def _row(name: str, kind: str, columns: dict[str, Chosen], cells: dict[str, list[Any]]) -> dict[str, Any]:
    return {"name": name, "kind": kind, **{column: cells[column] for column in columns}}


def _median(name: str, values: Float64, columns: dict[str, Chosen]) -> dict[str, Any]:
    cells = {}
    for column, chosen in columns.items():
        known = values[chosen & np.isfinite(values)]
        cells[column] = [float(x) for x in np.quantile(known, [0.5, 0.25, 0.75])] if len(known) else [None, None, None]
    return _row(name, "median", columns, cells)


def _share(name: str, members: Chosen, columns: dict[str, Chosen]) -> dict[str, Any]:
    cells = {}
    for column, chosen in columns.items():
        number = int((members & chosen).sum())
        cells[column] = [number, number / int(chosen.sum()) if chosen.any() else None]
    return _row(name, "share", columns, cells)
