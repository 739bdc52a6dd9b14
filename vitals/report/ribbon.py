"""The shaded band around a curve: between which bounds it lies, as one closed path of inline SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vitals.report.markup import Markup, element
from vitals.report.words import known

_SHADE = 0.22  # light enough for a curve and the grid to be seen through it


@dataclass(frozen=True)
class Band:
    """Bounds of a curve, drawn under all lines.

    Attributes:
        name: for the key.
        x: rising, on the horizontal axis.
        low: the lower bound at each ``x``; a point with a None or NaN is left out.
        high: the upper bound.
        colour: that of the curve.
    """

    name: str
    x: Sequence[float | None]
    low: Sequence[float | None]
    high: Sequence[float | None]
    colour: str

    def points(self) -> list[tuple[float, float, float]]:
        """``(x, low, high)`` where all three are known.

        Example:
            >>> Band("interval", [1.0, 2.0], [0.1, None], [0.3, 0.4], "blue").points()
            [(1.0, 0.1, 0.3)]
        """
        there = zip(self.x, self.low, self.high, strict=True)
        return [(x, low, high) for x, low, high in there if known(x) and known(low) and known(high)]


def ribbon(
    band: Band, place: Callable[[float, float], tuple[float, float]], inside: Callable[[object], bool]
) -> Markup | None:
    """The band as a closed path: along its upper bound and back along the lower one; None with fewer than two points.

    Args:
        band: to be drawn.
        place: where a value of both axes lies in the drawing.
        inside: whether a value lies on the horizontal axis.
    """
    there = [point for point in band.points() if inside(point[0])]
    if len(there) < 2:
        return None
    around = [place(x, high) for x, _, high in there] + [place(x, low) for x, low, _ in reversed(there)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in around) + "Z"
    return element("path", d=path, style=f"fill:{band.colour}", fill_opacity=_SHADE, stroke="none", class_="band")


def ribbon_key(band: Band, x: float, top: float) -> Markup:
    """Its line in the key: a shaded patch and the name.

    Args:
        band: as it is drawn.
        x: of the left edge.
        top: of the line.
    """
    patch = element("rect", x=x, y=top - 1, width=30, height=10, style=f"fill:{band.colour}", fill_opacity=_SHADE)
    return element("g", patch, element("text", band.name, x=x + 40, y=top + 8.5, text_anchor="start"))
