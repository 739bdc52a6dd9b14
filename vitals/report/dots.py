"""Figures with their intervals, one row a line: dots on a common scale, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vitals.report.markup import Markup, element
from vitals.report.svg import WIDTH, Axis
from vitals.report.words import known

_NAMES, _RIGHT, _TOP, _ROW = 268, 20, 34, 24


class Dot(NamedTuple):
    """A figure with its interval, None where it has none."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """One figure of every row.

    Attributes:
        name: for the key.
        dots: one a row.
        colour: of the dots.
    """

    name: str
    dots: Sequence[Dot]
    colour: str


def dot_chart(title: str, about: str, axis: Axis, names: Sequence[str], series: Sequence[Series]) -> Markup:
    """Rows of dots.

    Args:
        title: read out first by a screen reader.
        about: what is shown, for those who cannot see it.
        axis: the scale under all rows.
        names: of the rows.
        series: one or several figures a row, drawn closely below each other.

    Returns:
        An ``<svg>`` element.
    """
    floor = _TOP + _ROW * len(names)
    rules = [
        element(
            "line",
            x1=_x(axis, tick),
            y1=_TOP - 6,
            x2=_x(axis, tick),
            y2=floor,
            stroke="currentColor",
            stroke_opacity="0.14",
        )
        for tick in axis.ticks
    ]
    ticks = [
        element("text", axis.words(tick), x=_x(axis, tick), y=floor + 18, text_anchor="middle") for tick in axis.ticks
    ]
    words = [
        element("text", _short(name), x=_NAMES - 12, y=_TOP + _ROW * (i + 0.5) + 4.5, text_anchor="end")
        for i, name in enumerate(names)
    ]
    drawn = [
        _dot(axis, dot, _TOP + _ROW * (row + (i + 1) / (len(series) + 1)), one.colour)
        for i, one in enumerate(series) for row, dot in enumerate(one.dots)
    ]  # fmt: skip
    title_of_axis = element("text", axis.title, x=(_NAMES + WIDTH - _RIGHT) / 2, y=floor + 38, text_anchor="middle")
    return element(
        "svg", element("title", title), element("desc", about), element("g", *rules, *ticks, *words, title_of_axis),
        *_key(series), *drawn, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {floor + 48}", role="img",
        aria_label=f"{title}. {about}", font_family="system-ui, sans-serif", font_size=13, fill="currentColor",
    )  # fmt: skip


def _short(name: str) -> str:
    """A name that fits beside the dots."""
    return name if len(name) <= 35 else name[:34] + "…"


def _x(axis: Axis, value: float) -> float:
    inside = min(max(axis.place(value), 0.0), 1.0)
    return _NAMES + inside * (WIDTH - _NAMES - _RIGHT)


def _dot(axis: Axis, dot: Dot, y: float, colour: str) -> Markup | None:
    if not known(dot.value):
        return None
    x, spread = _x(axis, dot.value), None
    if known(dot.low) and known(dot.high):
        ends = _x(axis, dot.low), _x(axis, dot.high)
        spread = element("line", x1=ends[0], y1=y, x2=ends[1], y2=y, style=f"stroke:{colour}", stroke_width=2.2)
    look: dict[str, str | float] = {"style": f"fill:{colour};stroke:var(--page, #fff)", "stroke_width": 1.2}
    return element("g", spread, element("circle", cx=x, cy=y, r=5, **look))


def _key(series: Sequence[Series]) -> list[Markup]:
    """Names of the series over the rows; a single one needs none."""
    if len(series) < 2:
        return []
    key, x = [], float(_NAMES)
    for one in series:
        key.append(element("circle", cx=x + 5, cy=14, r=5, style=f"fill:{one.colour}"))
        key.append(element("text", one.name, x=x + 16, y=18.5))
        x += 40 + 7.2 * len(one.name)
    return key
