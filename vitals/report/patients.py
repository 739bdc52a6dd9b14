"""Who was judged: the way from the cohort to the onsets, and table 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vitals.alerting.ranks import FEWEST
from vitals.report.markup import Markup, element, figure, section, table
from vitals.report.record import Record
from vitals.report.svg import WIDTH
from vitals.report.words import DASH, known, number, percent

_BOX, _HIGH, _GAP = 250, 46, 34
_FEW = f"<{FEWEST}"
_COLUMNS = ("all", "with_onset", "without_onset")


def flow(record: Record) -> Markup | None:
    """From the cohort's stays to those judged, and to the onsets that could be warned of."""
    found = record.get("cohort_flow")
    if not found:
        return None
    rows = [[words, number(found.get(name))] for name, words in _names(record).items()]
    caption = "An onset can be predicted when the stay has a valid risk while there is still time to warn."
    return section("Cohort flow", figure(_drawing(record, found), caption, ["", "number"], rows))


def table_one(record: Record) -> Markup | None:
    """Table 1."""
    rows = record.get("table_one")
    if not rows:
        return None
    body = [[str(row.get("name")), *(_cell(row, column) for column in _COLUMNS)] for row in rows]
    note = "Numbers with their share of the column, or medians with quartiles over stays."
    if any(_FEW in (row.get("with_onset") or ()) for row in rows):
        note += (
            f" {_FEW} stands where fewer than {FEWEST} patients had an onset; what would tell their number, and medians of so "
            "few, are left out."
        )
    head = ["", "all stays", "with an onset", "without"]
    return section("Table 1", table(head, body), element("p", note, class_="note"))


def _cell(row: Mapping[str, Any], column: str) -> str:
    values = row.get(column) or [None]
    if values[0] == _FEW:
        return _FEW
    if row.get("kind") == "share":
        return f"{number(values[0])} ({percent(values[1])})" if known(values[0]) else DASH
    if row.get("kind") == "median":
        return f"{number(values[0])} ({number(values[1])} to {number(values[2])})" if known(values[0]) else DASH
    return number(values[0])


def _names(record: Record) -> dict[str, str]:
    return {
        "cohort_stays": "stays in the cohort", "cohort_patients": "patients in the cohort",
        "other_parts": "stays in other parts", "stays": f"stays judged ({record.part})", "patients": "patients judged",
        "never_scored": "stays judged that never had a risk", "without_onset": "stays without an onset",
        "with_onset": "stays with an onset", "onsets": "onsets, of which a stay may have several", "unpredictable": "onsets that could not be predicted",
        "predictable": "onsets that could be predicted",
    }  # fmt: skip


def _drawing(record: Record, found: Mapping[str, Any]) -> Markup:
    """Boxes from top to bottom; what is set aside stands to the right."""
    lines: Sequence[tuple[str, str, str]] = (
        (f"{number(found.get('cohort_stays'))} stays", f"of {number(found.get('cohort_patients'))} patients in the cohort",
         f"{number(found.get('other_parts'))} stays in other parts"),
        (f"{number(found.get('stays'))} stays judged", f"{record.part}, {number(found.get('patients'))} patients",
         f"{number(found.get('without_onset'))} without an onset"),
        (f"{number(found.get('with_onset'))} with an onset", _several(found), f"{number(found.get('unpredictable'))} could not be predicted"),
        (f"{number(found.get('predictable'))} onsets", "that could be predicted", ""),
    )  # fmt: skip
    parts: list[Markup] = []
    for i, (first, second, aside) in enumerate(lines):
        y = 4 + i * (_HIGH + _GAP)
        parts += _box(20, y, first, second)
        middle = 20 + _BOX / 2
        if i + 1 < len(lines):
            parts.append(_arrow(middle, y + _HIGH, middle, y + _HIGH + _GAP))
        if aside:
            level = y + _HIGH + _GAP / 2
            parts += [_arrow(middle, level, 372, level), _words(382, level + 4.5, aside)]
    height = 8 + len(lines) * (_HIGH + _GAP) - _GAP
    about = "; ".join(" ".join(filter(None, one)) for one in lines)
    return element(
        "svg", element("title", "Cohort flow"), element("desc", about), *parts, xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=f"Cohort flow. {about}",
        font_family="system-ui, sans-serif", font_size=13, fill="currentColor",
    )  # fmt: skip


def _several(found: Mapping[str, Any]) -> str:
    """How many onsets these stays had, where that is another number."""
    onsets = found.get("onsets")
    return f"{number(onsets)} onsets, some stays several" if known(onsets) and onsets != found.get("with_onset") else ""


def _box(x: float, y: float, first: str, second: str) -> list[Markup]:
    edge = element(
        "rect", x=x, y=y, width=_BOX, height=_HIGH, rx=4, fill="none", stroke="currentColor", stroke_opacity="0.5"
    )
    middle = x + _BOX / 2
    if not second:
        return [edge, _words(middle, y + 28, first, "middle", "600")]
    return [edge, _words(middle, y + 20, first, "middle", "600"), _words(middle, y + 37, second, "middle")]


def _words(x: float, y: float, text: str, anchor: str = "start", weight: str | None = None) -> Markup:
    return element("text", text, x=x, y=y, text_anchor=anchor, font_weight=weight)


def _arrow(x1: float, y1: float, x2: float, y2: float) -> Markup:
    down = y2 > y1
    tip = ((-4, -7), (4, -7)) if down else ((-7, -4), (-7, 4))
    head = "M" + "L".join(f"{x2 + dx:g} {y2 + dy:g}" for dx, dy in (tip[0], (0, 0), tip[1]))
    look = {"stroke": "currentColor", "stroke_opacity": "0.6"}
    return element(
        "g", element("line", x1=x1, y1=y1, x2=x2, y2=y2, **look), element("path", d=head, fill="none", **look)
    )
