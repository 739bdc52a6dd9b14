"""What acting on the risk is worth: the decision curve, and the net benefit of alerts."""

from __future__ import annotations

from vitals.report.cells import stacked
from vitals.report.markup import Markup, element, figure, section, table
from vitals.report.record import Record
from vitals.report.svg import BLUE, GREEN, ORANGE, VERMILLION, Line, chart, linear_axis, log_axis
from vitals.report.words import number, percent

_TRIGGERS = {"NEWS2 ≥ 5": (GREEN, "7 4"), "NEWS2 ≥ 7": (GREEN, "2 4")}
_EVERY = 4  # rows of the table: every so many thresholds


def decisions(record: Record) -> Markup | None:
    """Net benefit at landmarks."""
    found = record.get("decision_curve")
    if not found:
        return None
    at = found["threshold"]
    lines = [
        Line("model", at, found["model"], BLUE),
        Line("act on everybody", at, found["everybody"], VERMILLION, "10 4 2 4"),
        Line("act on nobody", at, [0.0] * len(at), ORANGE, "4 4"),
        *(Line(name, at, found[name], *look) for name, look in _TRIGGERS.items() if name in found),
    ]
    best = max(found["model"], default=0.0)
    up = linear_axis("net benefit per 1,000 decisions", [-best / 2, best, 0.0, 1.05 * 1000 * found["prevalence"]])
    across = log_axis("threshold probability: the risk from which one would act (logarithmic)", at, percent=True)
    names = [name for name in ("model", "everybody", *_TRIGGERS) if name in found]
    rows = [[percent(at[i]), *(_signed(found[name][i]) for name in names), _signed(found["avoided_per_100"][i])]
            for i in range(0, len(at), _EVERY)]  # fmt: skip
    told = (
        f"One decision for each patient and {number(found['shift_hours'])}-hour shift, at the first risk of the shift: "
        f"{number(found['decisions'])} decisions, {percent(found['prevalence'])} of them before an event "
        f"({record.outcome})."
    )
    about = "The higher line is the better rule at that threshold; acting on nobody is 0."
    drawing = chart("Decision curve", about, (across, up), lines)
    head = ["threshold", *names, "needless actions spared per 100, against everybody"]
    return section("Decision curve", element("p", told), figure(drawing, about, head, rows))


def alert_benefit(record: Record) -> Markup | None:
    """Net benefit of alerts at several bounds of work-ups."""
    found = record.get("alert_net_benefit")
    if not found:
        return None
    names = [name for name in found if name != "needed"]
    rows = [
        [number(needed), *(stacked(found[name][i], _signed) for name in names)]
        for i, needed in enumerate(found["needed"])
    ]
    note = (
        "Per 100 patient-days: onsets caught, less false alerts at 1 / (n − 1) of an onset each, where n work-ups for one "
        "true case are what staff would accept. Above 0 the alerts are worth their false ones. An extension of net "
        "benefit to alerts, not a published standard."
    )
    head = ["work-ups accepted for one true case", *names]
    return section("Net benefit of the alerts", table(head, rows), element("p", note, class_="note"))


def _signed(value: object) -> str:
    return number(value).replace("-", "−")
