"""Discrimination: of rows, of onsets and of stays, each called by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitals.alerting.ranks import FEWEST
from vitals.report.held import of_a_sample
from vitals.report.markup import Markup, element, section, table
from vitals.report.record import Record
from vitals.report.words import DASH, interval, number, score

_UNITS = (("step", "per step: rows"), ("stay", "per stay: its peak"))
_NOTES = (
    "Of rows: does a row in the hours before an onset have a higher risk than another row? Which rows count, and which are "
    "positive, the model's settings say. Long stays count more, and the figure cannot be compared with that of another cadence.",
    "Of onsets: precision over recall of onsets at the alert policy's shape, over all thresholds.",
    "Of stays: the highest risk before the onset against the highest of a whole stay without one. Such stays are watched "
    "longer, which makes their peaks higher.",
)
_SAMPLE = "AUPRC depends on how common the outcome is: that of rows and stays is not given for a sample of cases and controls."


def discrimination(record: Record) -> Markup | None:
    """AUROC and AUPRC, the model's and NEWS2's."""
    found = {"model": record.get("ranking") or {}, "NEWS2": record.get("news2", "ranking") or {}}
    found = {who: ranks for who, ranks in found.items() if ranks}
    if not found:
        return None
    rows = []
    for unit, words in _UNITS:
        rows += [[f"{words}, {who}", *_ranks(ranks.get(unit) or {})] for who, ranks in found.items()]
        if unit == "step" and "event" in (record.get("ranking") or {}):
            rows.append(["per event: onsets, model", DASH, score(record.get("ranking", "event", "auprc")), DASH, DASH])
    notes = [*_NOTES, *([_SAMPLE] if of_a_sample(record.figures) else [])]
    return section(
        "Discrimination", table(["with 95% interval", "AUROC", "AUPRC", "ranked", "positive"], rows),
        element("ul", *(element("li", note) for note in notes), class_="note"),
    )  # fmt: skip


def _ranks(found: Mapping[str, Any]) -> list[str]:
    """With positive or negative ones of too few patients, that; a dash where nothing was ranked."""
    counts = [number(found.get("ranked")), number(found.get("positive"))]
    if found.get("ranked") is not None and found.get("auroc") is None:
        return [f"fewer than {FEWEST} patients", DASH, *counts]
    return [interval(found.get("auroc"), score), interval(found.get("auprc"), score), *counts]
