"""Six stays hour by hour: the risk, the alerts, the onset, and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitals.report.markup import Markup, element, figure, section
from vitals.report.record import Record
from vitals.report.svg import BLUE, GREEN, ORANGE, VERMILLION, Line, Mark, Plane, chart, linear_axis, log_axis
from vitals.report.words import known, number
from vitals.signals import signal

_HEIGHT, _ROWS = 260, 24
_WHAT = {"missed": "Missed", "false alarms": "False alarms", "caught": "Caught"}


def cases(record: Record) -> Markup | None:
    """The cases, the worst first."""
    found = record.get("cases")
    if not found:
        return None
    told = (
        "Two missed onsets with the lowest risk, two stays without an onset with the most alarms, two onsets caught the "
        "earliest: the ends of the range, not its middle. Where a policy made fewer of a kind, fewer are shown."
    )
    return section("Cases", element("p", told), *(_case(case) for case in found))


def _case(case: Mapping[str, Any]) -> Markup:
    title = f"{_WHAT.get(str(case.get('kind')), str(case.get('kind')))}: stay {case.get('stay')}"
    vitals = case.get("vitals") or {}
    head = [
        "hours after admission",
        "risk",
        *(["NEWS2"] if "news2" in case else []),
        *(_label(name) for name in vitals),
    ]
    columns = [case["hours"], case["risk"], *([case["news2"]] if "news2" in case else []), *vitals.values()]
    chosen = _rows_shown(case)
    rows = [[number(column[i]) for column in columns] for i in chosen]
    return element("div", element("h3", title), figure(_drawing(title, case), _said(case), head, rows), class_="case")


def _label(name: str) -> str:
    entry = signal(name)
    return f"{entry.label}, {entry.unit}"


def _rows_shown(case: Mapping[str, Any]) -> list[int]:
    """Rows for the table: evenly spread, the last one always."""
    many = len(case["hours"])
    step = max(1, -(-many // _ROWS))
    return sorted({*range(0, many, step), many - 1} if many else ())


def _said(case: Mapping[str, Any]) -> str:
    alerts, onset = case.get("alerts") or [], case.get("onset")
    words = [f"Onset {number(onset)} hours after admission." if known(onset) else "No onset."]
    reds = sum(bool(alert.get("red")) for alert in alerts)
    counted = f"{number(len(alerts))} alert{'s' if len(alerts) != 1 else ''}"
    words.append(f"{counted}{f', {number(reds)} of them red' if reds else ''}." if alerts else "No alert.")
    if alerts:
        hours = ", ".join(number(alert["hour"]) for alert in alerts[:6])
        words.append(f"Alerts at hour {hours}{' and later' if len(alerts) > 6 else ''}.")
    return " ".join(words)


def _drawing(title: str, case: Mapping[str, Any]) -> Markup:
    hours, risk, threshold = case["hours"], case["risk"], case["threshold"]
    alerts = [alert for alert in case.get("alerts") or [] if hours and alert["hour"] >= hours[0]]
    onset = case.get("onset")
    across = linear_axis("hours after admission", [*hours, onset], ticks=10)
    up = log_axis("risk (logarithmic)", [*risk, threshold, *(alert["risk"] for alert in alerts)], percent=True)
    lines = [
        Line("risk", hours, risk, BLUE),
        Line("threshold", [across.low, across.high], [threshold] * 2, ORANGE, "7 4"),
    ]
    if known(case.get("red")) and up.inside(case["red"]):
        lines.append(Line("threshold of the red tier", [across.low, across.high], [case["red"]] * 2, VERMILLION, "7 4"))
    if known(onset):
        lines.append(Line("onset", [onset, onset], [up.low, up.high], GREEN, "2 3"))
    marks = [
        Mark("red alert", alert["hour"], alert["risk"], VERMILLION, "triangle") if alert.get("red")
        else Mark("alert", alert["hour"], alert["risk"], ORANGE, "diamond")
        for alert in alerts
    ]  # fmt: skip
    return chart(title, _said(case), Plane(across, up, _HEIGHT), lines, marks)
