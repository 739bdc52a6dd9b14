"""Calibration on a logarithmic axis, and how risks are spread in those with and without an event."""

from __future__ import annotations

from vitals.alerting.ranks import FEWEST
from vitals.report.markup import Markup, element, figure, section, table
from vitals.report.record import Record
from vitals.report.svg import BLUE, ORANGE, VERMILLION, Axis, Line, Mark, chart, linear_axis, log_axis
from vitals.report.words import interval, known, number, percent, score

_FIGURES = (
    ("slope", "slope", "1 is right; below 1 the risks are too extreme"),
    ("intercept", "intercept at that slope", "0 is right"),
    ("in_the_large", "calibration in the large", "0 is right; below 0 the risks are too high"),
    ("ici", "ICI: mean distance from a smooth curve of what came true", "0 is right"),
    ("e50", "E50: half of the rows are nearer than this", "0 is right"),
    ("e90", "E90: nine in ten rows are nearer than this", "0 is right"),
    ("ece", "ECE of ten groups of equal size", "0 is right; never 0 by chance"),
    ("brier", "Brier score", "lower is better; rare events make it small"),
    ("brier_skill", "Brier skill", "1 is perfect, 0 no better than saying the mean"),
)


def calibration(record: Record) -> Markup | None:
    """The calibration plot and its measures."""
    found = record.get("calibration")
    if not found:
        return (
            _too_few()
            if known(record.get("ranking", "step", "ranked")) and not record.get("ranking", "step", "auroc")
            else None
        )
    rows = [["observed / expected", interval(found.get("observed_to_expected"), number), "1 is right"]]
    rows += [[words, number(found.get(name)), right] for name, words, right in _FIGURES]
    note = f"Of {number(found.get('rows'))} rows whose label may be used; {record.outcome}."
    return section("Calibration", _plot(record), table(["", "value", "how to read it"], rows, kind="words"),
                   element("p", note, class_="note"))  # fmt: skip


def _too_few() -> Markup:
    words = f"Calibration is not given: positive or negative rows of fewer than {FEWEST} patients."
    return section("Calibration", element("p", words))


def _plot(record: Record) -> Markup | None:
    groups = record.get("calibration", "groups")
    if not groups:
        return None
    risk, observed = groups["risk"], groups["observed"]
    there = [*risk, *(value for value in observed if value)]
    across, up = (log_axis(title, there, percent=True) for title in ("risk, mean of the group", "came true"))
    ends = [max(across.low, up.low), min(across.high, up.high)]
    marks = [
        Mark("a tenth of the rows, with its 95% interval", x, y, BLUE, "circle", None, _bounds(low, high))
        for x, y, low, high in zip(risk, observed, groups["low"], groups["high"], strict=True)
    ]
    about = "Each mark is a group of rows of similar risk. On the dashed line the risk is what came true."
    drawing = chart("Calibration", about, (across, up), [Line("risk = truth", ends, ends, ORANGE, dash="7 4")], marks)
    rows = [
        [percent(x), percent(y), f"{percent(low)} to {percent(high)}", number(n)]
        for x, y, low, high, n in zip(risk, observed, groups["low"], groups["high"], groups["rows"], strict=True)
    ]
    none = sum(not value for value in observed)
    caption = f"{about} Both axes are logarithmic"
    caption += f"; {number(none)} groups in which nothing came true lie below the chart." if none else "."
    return figure(drawing, caption, ["risk", "came true", "95% interval", "rows"], rows)


def _bounds(low: float | None, high: float | None) -> tuple[float, float] | None:
    return (low, high) if known(low) and known(high) else None


def distribution(record: Record) -> Markup | None:
    """Histograms of the risk in rows with and without an event to come."""
    found = record.get("risk_distribution")
    if not found:
        return None
    edges, classes = found["edges"], (("without", BLUE, "7 4"), ("with_event", VERMILLION, None))
    names = {"without": "no event to come", "with_event": "an event to come"}
    across = log_axis("risk (logarithmic)", edges, percent=True)
    top = linear_axis("share of the rows of the class", [0.0, *found["without"], *found["with_event"]])
    up = Axis(top.title, top.low, top.high, top.ticks, percent=True)
    x = [edge for edge in edges for _ in (0, 1)]
    lines = [Line(names[kind], x, [0.0, *(y for y in found[kind] for _ in (0, 1)), 0.0], colour, dash)
             for kind, colour, dash in classes]  # fmt: skip
    threshold = record.get("alerts", "policy", "threshold")
    if known(threshold):
        lines.append(Line("threshold of the policy", [threshold] * 2, [up.low, up.high], ORANGE, "2 4"))
    about = "How the risks of rows with an event to come differ from those without."
    rows = [
        [f"{percent(low)} to {percent(high)}", percent(without), percent(with_event)]
        for low, high, without, with_event in zip(edges, edges[1:], found["without"], found["with_event"], strict=False)
    ]
    drawing = chart("Risk by class", about, (across, up), lines)
    part = figure(drawing, f"{about} Each class adds up to 100%.", ["risk", *names.values()], rows)
    policy = f"The policy's threshold is {score(threshold)}." if known(threshold) else None
    return section("Risks of each class", part, policy and element("p", policy, class_="note"))
