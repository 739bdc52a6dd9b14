"""Line charts as inline SVG: no script, no request, readable in print, in the dark and without colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from vitals.report.markup import Markup, element, join
from vitals.report.ribbon import Band, ribbon, ribbon_key
from vitals.report.symbols import Shape, symbol
from vitals.report.words import known, number

# Okabe and Ito's colours, told apart by people who see no red or no green. The page may shift them for the dark.
BLUE = "var(--blue, #0072B2)"
ORANGE = "var(--orange, #E69F00)"
VERMILLION = "var(--vermillion, #D55E00)"
GREEN = "var(--green, #009E73)"

WIDTH, HEIGHT = 680, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 18, 14, 50
_CROWDED = 10


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        title: what is on it, with its unit.
        low: its lower end.
        high: its upper end.
        ticks: values to be written at it.
        log: whether equal ratios are equally far apart.
        percent: whether values are written in per cent.
    """

    title: str
    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False
    percent: bool = False

    def place(self, value: float) -> float:
        """Where a value lies, 0 at the lower end and 1 at the upper.

        Example:
            >>> Axis("alarms", 1, 100, (1, 10, 100), log=True).place(10)
            0.5
        """
        if self.log:
            return math.log(max(value, 1e-12) / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def inside(self, value: object) -> bool:
        """Whether a value can be drawn."""
        return known(value) and self.low <= value <= self.high

    def words(self, value: float) -> str:
        """A tick's text."""
        return f"{100 * value:g}%" if self.percent else number(value).replace("-", "−")


@dataclass(frozen=True)
class Line:
    """A curve: points with a None or NaN are left out."""

    name: str
    x: Sequence[float | None]
    y: Sequence[float | None]
    colour: str
    dash: str | None = None
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """A single point with its name, and its intervals where they are known."""

    name: str
    x: float
    y: float
    colour: str
    shape: Shape = "circle"
    x_interval: tuple[float, float] | None = None
    y_interval: tuple[float, float] | None = None


class Plane(NamedTuple):
    """Where a chart is drawn: its two axes and how high it is."""

    across: Axis
    up: Axis
    height: int = HEIGHT


def log_axis(title: str, values: Sequence[float | None], percent: bool = False) -> Axis:
    """An axis of ratios that holds all values above 0, with ticks at 1, 2, 5, 10 and so on.

    Example:
        >>> log_axis("alarms", [0.9, 12.0, None]).ticks
        (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
    """
    positive = [float(value) for value in values if known(value) and value > 0] or [1.0]
    grid = [digit * 10.0**power for power in range(-6, 7) for digit in (1, 2, 5)]
    low = max((tick for tick in grid if tick <= min(positive)), default=grid[0])
    high = min((tick for tick in grid if tick >= max(positive) and tick > low), default=grid[-1])
    ticks = tuple(round(tick, 6) for tick in grid if min(low, grid[-2]) <= tick <= high)
    if len(ticks) > _CROWDED:
        ticks = tuple(tick for i, tick in enumerate(ticks) if i in (0, len(ticks) - 1) or f"{tick:e}".startswith("1"))
    return Axis(title, ticks[0], ticks[-1], ticks, log=True, percent=percent)


def linear_axis(title: str, values: Sequence[float | None], ticks: int = 6) -> Axis:
    """An axis that holds all values, with round ticks.

    Example:
        >>> linear_axis("net benefit", [-1.2, 3.9]).ticks
        (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0)
    """
    there = [float(value) for value in values if known(value)] or [0.0, 1.0]
    wide = (max(there) - min(there)) / ticks or 1.0
    unit = 10.0 ** math.floor(math.log10(wide))
    step = next(unit * size for size in (1, 2, 5, 10) if unit * size >= wide)
    first, last = math.floor(min(there) / step), math.ceil(max(there) / step)
    places = tuple(round(step * i, 10) for i in range(first, max(last, first + 1) + 1))
    return Axis(title, places[0], places[-1], places)


def share_axis(title: str) -> Axis:
    """An axis from 0 to 100 %."""
    return Axis(title, 0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), percent=True)


def chart(
    title: str, about: str, axes: Plane | tuple[Axis, Axis], lines: Sequence[Line], marks: Sequence[Mark] = (),
    bands: Sequence[Band] = (),
) -> Markup:  # fmt: skip
    """A chart of bands, lines and marks with a legend.

    Args:
        title: read out first by a screen reader.
        about: what the chart shows, for those who cannot see it.
        axes: the horizontal and the vertical one, and how high the chart is where it is not as high as others.
        lines: curves.
        marks: single points, drawn over the curves.
        bands: shaded under the curves.

    Returns:
        An ``<svg>`` element that draws itself in a page or a notebook.
    """
    plane = Plane(*axes)
    drawn = [line for line in lines if len(_points(line, plane)) > 0]
    shown = [mark for mark in marks if plane.across.inside(mark.x) and plane.up.inside(mark.y)]
    alike = list({mark.name: mark for mark in shown}.values())  # marks of one name are one thing
    shades = [(band, path) for band in bands if (path := ribbon(band, partial(_at, plane), plane.across.inside))]
    keys = [*(partial(_line_key, line) for line in drawn), *(partial(_mark_key, mark) for mark in alike),
            *(partial(ribbon_key, band, _LEFT) for band, _ in shades)]  # fmt: skip
    legend = [key(plane.height + 20 * i) for i, key in enumerate(keys)]
    height = plane.height + 20 * len(legend) + 8
    return element(
        "svg", element("title", title), element("desc", about), _grid(plane), *(path for _, path in shades),
        *(_curve(line, plane) for line in drawn),
        *(_spread(mark, plane) for mark in shown), *(_point(mark, plane) for mark in shown), *legend,
        xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=f"{title}. {about}",
        font_family="system-ui, sans-serif", font_size=13, fill="currentColor",
    )  # fmt: skip


def _at(plane: Plane, x: float, y: float) -> tuple[float, float]:
    across, up = plane.across.place(x), plane.up.place(y)
    return _LEFT + across * (WIDTH - _LEFT - _RIGHT), plane.height - _BOTTOM - up * (plane.height - _TOP - _BOTTOM)


def _grid(plane: Plane) -> Markup:
    across, up, height = plane
    floor, roof, right = height - _BOTTOM, _TOP, WIDTH - _RIGHT
    rules = [_rule(_LEFT, y, right, y) for y in (_at(plane, across.low, tick)[1] for tick in up.ticks)]
    rules += [_rule(x, roof, x, floor) for x in (_at(plane, tick, up.low)[0] for tick in across.ticks)]
    names = [_text(_at(plane, tick, up.low)[0], floor + 19, across.words(tick), "middle") for tick in across.ticks]
    names += [_text(_LEFT - 9, _at(plane, across.low, tick)[1] + 4.5, up.words(tick), "end") for tick in up.ticks]
    middle = (floor + roof) / 2
    titles = [
        _text((_LEFT + right) / 2, floor + 40, across.title, "middle"),
        element("text", up.title, x=16, y=middle, text_anchor="middle", transform=f"rotate(-90 16 {middle:g})"),
    ]
    return element("g", *rules, *names, *titles)


def _rule(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke="currentColor", stroke_opacity="0.14")


def _text(x: float, y: float, words: str, anchor: str = "start") -> Markup:
    return element("text", words, x=x, y=y, text_anchor=anchor)


def _points(line: Line, plane: Plane) -> list[tuple[float, float]]:
    pairs = zip(line.x, line.y, strict=True)
    return [_at(plane, x, y) for x, y in pairs
            if known(x) and known(y) and plane.across.inside(x) and plane.up.inside(y)]  # fmt: skip


def _curve(line: Line, plane: Plane) -> Markup:
    points = _points(line, plane)
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    stroke = element(
        "path", d=path, fill="none", style=f"stroke:{line.colour}", stroke_width=2.4, stroke_linejoin="round",
        stroke_dasharray=line.dash,
    )  # fmt: skip
    dots = (symbol("circle", x, y, line.colour, 3.5) for x, y in points) if line.dots else ()
    return join([stroke, *dots])


def _spread(mark: Mark, plane: Plane) -> Markup:
    """The intervals of a mark as a cross, cut off at the edge of the chart."""
    ends = []
    if mark.x_interval:
        low, high = (min(max(end, plane.across.low), plane.across.high) for end in mark.x_interval)
        ends.append((_at(plane, low, mark.y), _at(plane, high, mark.y)))
    if mark.y_interval:
        low, high = (min(max(end, plane.up.low), plane.up.high) for end in mark.y_interval)
        ends.append((_at(plane, mark.x, low), _at(plane, mark.x, high)))
    return join(
        element("line", x1=x1, y1=y1, x2=x2, y2=y2, style=f"stroke:{mark.colour}", stroke_width=1.6)
        for (x1, y1), (x2, y2) in ends
    )


def _point(mark: Mark, plane: Plane) -> Markup:
    return symbol(mark.shape, *_at(plane, mark.x, mark.y), mark.colour, 7)


def _line_key(line: Line, top: int) -> Markup:
    y = float(top + 4)
    stroke = element(
        "line", x1=_LEFT, y1=y, x2=_LEFT + 30, y2=y, style=f"stroke:{line.colour}", stroke_width=2.4,
        stroke_dasharray=line.dash,
    )  # fmt: skip
    return element("g", stroke, _text(_LEFT + 40, y + 4.5, line.name))


def _mark_key(mark: Mark, top: int) -> Markup:
    y = float(top + 4)
    return element("g", symbol(mark.shape, _LEFT + 15, y, mark.colour, 6), _text(_LEFT + 40, y + 4.5, mark.name))
