"""The two figures of the page: what each alarm burden buys, and how early the alerts come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vitals.report.held import withheld
from vitals.report.markup import Markup, figure
from vitals.report.record import Record
from vitals.report.ribbon import Band
from vitals.report.svg import BLUE, GREEN, ORANGE, VERMILLION, Axis, Line, Mark, chart, log_axis, share_axis
from vitals.report.symbols import Shape
from vitals.report.words import known, number, percent, span

BURDENS = (1, 2, 5, 10, 20, 50, 100)
"""Alarms per 100 patient-days at which the operating curve is read off for its table."""
_ALARMS = "alarms_per_100_patient_days"


def operating_figure(record: Record) -> Markup | None:
    """Event recall against alarms per 100 patient-days, the model's and NEWS2's; None without a policy or where burden is withheld."""
    if not record.get("curve") or withheld(record.figures):
        return None
    drawing, bounds = operating_chart(record), _bounds_of_curve(record)
    caption = (
        "A curve shows the highest recall of any threshold with at most so many alarms. The cross through the chosen "
        "policy is its 95% interval. NEWS2 ≥ 5 and ≥ 7 fall silent for six hours after an alarm."
    )
    caption += (
        " The shaded band is the 95% interval of the model's recall, patients resampled, at each of some sixty thresholds held "
        "fixed; the table below is read off at these." * bool(bounds)
    )
    head = [
        "at most this many alarms per 100 patient-days",
        "recall, model",
        *(["low", "high"] * bool(bounds)),
        "recall, NEWS2",
    ]
    return figure(drawing, caption, head, _read_off(record, bounds))


def operating_chart(record: Record) -> Markup:
    """The operating curve alone, as an ``<svg>`` for a page or a notebook."""
    ours, theirs = _envelope(record, "curve"), _envelope(record, "news2", "curve")
    burden, recall = record.get("alerts", _ALARMS), record.get("alerts", "recall")
    marks = [*_chosen(record), *_triggers(record)]
    around = [burden / 10 if known(burden) else None, *(mark.x for mark in marks), *ours[0][-1:], *theirs[0][-1:]]
    axes = log_axis("alarms per 100 patient-days (logarithmic)", around), share_axis("event recall")
    lines = [Line("model", *ours, BLUE), Line("NEWS2", *theirs, ORANGE, dash="7 4")]
    about = f"The chosen policy: recall {percent(recall)} at {number(burden)} alarms per 100 patient-days."
    bounds = _bounds_of_curve(record)
    if not bounds:
        return chart("Recall against alarm burden", about, axes, lines, marks)
    middle = bounds[len(bounds) // 2]
    about += (
        f" The band around the model's curve is the 95% interval of its recall: {percent(middle[2])} to {percent(middle[3])} "
        f"at {number(middle[0])} alarms, for example."
    )
    x, _, low, high = (list(column) for column in zip(*bounds, strict=True))
    band = Band("95% interval of the model's recall", x, low, high, BLUE)
    return chart("Recall against alarm burden", about, axes, lines, marks, [band])


def lead_figure(record: Record) -> Markup | None:
    """The share of onsets warned of at least x hours before; None where there is no policy."""
    hours, shares = _lead(record)
    if not hours:
        return None
    axis = Axis("hours before the onset, at least", 0.0, max(*hours, 1.0), tuple(hours))
    line = Line("model, chosen policy", hours, shares, BLUE, dots=True)
    about = "Of all predictable onsets, the share with a true alert at least so many hours before."
    drawing = chart("Lead time", about, (axis, share_axis("share of predictable onsets")), [line])
    rows = [[number(x), percent(share)] for x, share in zip(hours, shares, strict=True)]
    return figure(
        drawing, f"{about} Alerts more than {span(record.settings.alerting.lead_max.text)} before the onset count as false, "
        "so the curve ends there.", ["hours before, at least", "onsets warned of"], rows,
    )  # fmt: skip


def _envelope(record: Record, *path: str) -> tuple[list[float], list[float]]:
    """Corners of "the highest recall with at most so many alarms", rising; both empty where there is no curve.

    A low threshold may raise fewer alarms and catch less than a higher one (early alarms silence true ones, episodes
    never end), so the curve itself may turn back; nobody would choose such a threshold.
    """
    curve = record.get(*path) or {}
    pairs = sorted((x, y) for x, y in zip(curve.get(_ALARMS) or [], curve.get("recall") or [], strict=True)
                   if known(x) and known(y))  # fmt: skip
    alarms: list[float] = []
    recall: list[float] = []
    for x, y in pairs:
        if not recall or y > recall[-1]:
            alarms += [x, x] if recall else [x]
            recall += [recall[-1], y] if recall else [y]
    return alarms, recall


def _bounds_of_curve(record: Record) -> list[tuple[float, float, float, float]]:
    """Burden, and recall with the ends of its interval, rising: thresholds that catch more than any with fewer alarms."""
    found = record.get("curve_intervals") or {}
    burdens, recalls = found.get(_ALARMS) or [], found.get("recall") or []
    there = sorted((x[0], *y) for x, y in zip(burdens, recalls, strict=True) if all(map(known, (x[0], *y))))
    kept: list[tuple[float, float, float, float]] = []
    for point in there:
        if point[0] > 0 and (not kept or point[1] > kept[-1][1]):
            kept.append(point)
    return kept


def _chosen(record: Record) -> list[Mark]:
    around = record.get("alerts", "intervals") or {}
    bounds = (_bounds(around.get(_ALARMS)), _bounds(around.get("recall")))
    return _mark("chosen policy", record.get("alerts"), VERMILLION, "circle", *bounds)


def _bounds(interval: Sequence[float] | None) -> tuple[float, float] | None:
    return (interval[1], interval[2]) if interval and known(interval[1]) and known(interval[2]) else None


def _triggers(record: Record) -> list[Mark]:
    found = record.get("news2") or {}
    return [
        *_mark("NEWS2 ≥ 5", found.get("at_least_5"), GREEN, "square"),
        *_mark("NEWS2 ≥ 7", found.get("at_least_7"), GREEN, "triangle"),
    ]


def _mark(name: str, found: Mapping[str, Any] | None, colour: str, shape: Shape, *bounds: Any) -> list[Mark]:
    """A mark where both of its figures are known, else none."""
    alarms, recall = (found or {}).get(_ALARMS), (found or {}).get("recall")
    return [Mark(name, alarms, recall, colour, shape, *bounds)] if known(alarms) and known(recall) else []


def _read_off(record: Record, bounds: Sequence[tuple[float, float, float, float]]) -> list[list[str]]:
    ours, theirs = _envelope(record, "curve"), _envelope(record, "news2", "curve")
    rows = []
    for burden in BURDENS:
        held = [point for point in bounds if point[0] <= burden]
        within = [percent(value) for value in (held[-1][1:] if held else [None] * 3)]
        mine = within if bounds else [percent(_best(ours, burden))]
        rows.append([number(burden), *mine, percent(_best(theirs, burden))])
    return rows


def _best(envelope: tuple[list[float], list[float]], burden: float) -> float | None:
    return max((y for x, y in zip(*envelope, strict=True) if x <= burden), default=None)


def _lead(record: Record) -> tuple[list[float], list[float]]:
    """Hours and shares, beginning with all true alerts and ending where an alert would be no warning any more."""
    shares = record.get("alerts", "recall_by_lead_hours") or {}
    search = record.settings.alerting
    points = [(search.lead_min.hours, record.get("alerts", "recall")), *((float(x), y) for x, y in shares.items())]
    inside = sorted((x, y) for x, y in points if known(y) and search.lead_min.hours <= x <= search.lead_max.hours)
    return [x for x, _ in inside], [y for _, y in inside]
