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


def ribbon(band: Band, place: Callable[[float, float], tuple[float, float]]) -> Markup:
    """The band as a closed path: along its upper bound and back along the lower one.

    Args:
        band: with two points or more.
        place: where a value of both axes lies in the drawing.
    """
    there = band.points()
    around = [place(x, high) for x, _, high in there] + [place(x, low) for x, low, _ in reversed(there)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in around) + "Z"
    return element("path", d=path, style=f"fill:{band.colour}", fill_opacity=_SHADE, stroke="none", class_="band")


def ribbon_key(band: Band, x: float, y: float) -> Markup:
    """A shaded patch for the key, its left upper corner at ``x``, ``y``."""
    return element("rect", x=x, y=y, width=30, height=10, style=f"fill:{band.colour}", fill_opacity=_SHADE)
