"""Discrimination: of rows, of onsets and of stays, each called by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitals.report.markup import Markup, element, section, table
from vitals.report.record import Record
from vitals.report.words import interval, number, score

_NOTES = (
    "Of rows: does a row in the hours before an onset have a higher risk than another row? Long stays count more, and the "
    "figure cannot be compared with that of another cadence.",
    "Of onsets: precision over recall of onsets at the alert policy's shape, over all thresholds.",
    "Of stays: the highest risk before the onset against the highest of a whole stay without one. Such stays are watched "
    "longer, which makes their peaks higher.",
)


def discrimination(record: Record) -> Markup | None:
    """AUROC and AUPRC, the model's and NEWS2's."""
    found = record.get("ranking")
    if not found:
        return None
    rows = []
    for unit, words in (("rows", "per step: rows"), ("stays", "per stay: its peak")):
        for who, ranks in found.items():
            rows.append([f"{words}, {who}", *_ranks(ranks.get(unit) or {})])
    events = (found.get("model") or {}).get("events") or {}
    if events:
        rows.insert(len(found), ["per event: onsets, model", "–", score(events.get("auprc")), "–", "–"])
    head = ["with 95% interval", "AUROC", "AUPRC", "number", "positive"]
    return section(
        "Discrimination", table(head, rows), element("ul", *(element("li", note) for note in _NOTES), class_="note")
    )


def _ranks(found: Mapping[str, Any]) -> list[str]:
    return [interval(found.get("auroc"), score), interval(found.get("auprc"), score), number(found.get("number")),
            number(found.get("positive"))]  # fmt: skip
