"""What breaks it: a vital sign that never comes, and the traps that flatter a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vitals.report.dots import Dot, Series, dot_chart
from vitals.report.markup import Markup, element, figure, section, table
from vitals.report.record import Record
from vitals.report.svg import BLUE, VERMILLION, share_axis
from vitals.report.words import DASH, number, percent, score

_SIGNS = {
    "pass": "✓ pass",
    "unknown": "? not known",
    "not known": "? not known",
    "ok": "✓ pass",
    "warn": "▲ warn",
    "not applicable": "– not applicable",
    "warning": "▲ warn",
    "refused": "✗ refused",
}


def stress(record: Record) -> Markup | None:
    """AUROC and recall without each input."""
    tests = record.get("stress")
    if not tests:
        return None
    told = (
        "Each row was scored again by the model file as if no sample of that signal had ever come. The policy stays "
        "what it is, so the alarm burden may move too."
    )
    judged = any("recall" in test for test in tests)
    series = [Series("AUROC of rows", [Dot(test.get("step_auroc")) for test in tests], BLUE)]
    if judged:
        series.append(Series("event recall", [Dot(test.get("recall")) for test in tests], VERMILLION))
    names = [f"without {test['dropped']}" if test["dropped"] != "nothing" else "nothing dropped" for test in tests]
    about = "How far ranking and recall fall when an input is missing; the first row has all of them."
    drawing = dot_chart("Missing inputs", about, share_axis("AUROC of rows and event recall"), names, series)
    rows = [
        [name, score(test.get("step_auroc")), percent(test.get("recall")), percent(test.get("precision")),
         number(test.get("alarms_per_100_patient_days")), number(test.get("rows_with_risk"))]
        for name, test in zip(names, tests, strict=True)
    ]  # fmt: skip
    head = ["", "AUROC of rows", "recall", "precision", "alarms / 100 pd", "rows with a risk"]
    return section("Missing inputs", element("p", told), figure(drawing, about, head, rows))


def pitfalls(record: Record) -> Markup | None:
    """The checklist; without one, what the guards of the evaluation said."""
    found = record.get("pitfalls") or guards(record.get("guards") or ())
    if not found:
        return None
    rows = [
        [
            str(one.get("pitfall")),
            _SIGNS.get(str(one.get("result")), str(one.get("result") or DASH)),
            str(one.get("reason")),
        ]
        for one in found
    ]
    return section("Pitfalls", table(["trap", "result", "why"], rows, kind="words"))


def guards(found: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What the guards of an evaluation said, as entries of the checklist."""
    return [
        {
            "pitfall": f"guard: {str(one.get('guard')).replace('_', ' ')}", "result": str(one.get("level")),
            "reason": "; ".join(str(one[name]) for name in ("said", "cure") if one.get(name)),
        }
        for one in found
    ]  # fmt: skip
