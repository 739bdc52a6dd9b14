"""Marks that differ in shape as well as in colour."""

from __future__ import annotations

from typing import Literal

from vitals.report.markup import Markup, element

Shape = Literal["circle", "diamond", "square", "triangle"]


def symbol(shape: Shape, x: float, y: float, colour: str, size: float) -> Markup:
    """A mark around a point, as an SVG element.

    Args:
        shape: which.
        x: of its middle.
        y: of its middle.
        colour: it is filled with.
        size: half of its width.

    Example:
        >>> symbol("circle", 3, 4, "red", 2)[:29]
        '<circle cx="3" cy="4" r="2" s'
    """
    # a thin edge in the page's own colour keeps marks apart where they meet
    look: dict[str, str | float] = {"style": f"fill:{colour};stroke:var(--page, #fff)", "stroke_width": 1.2}
    if shape == "circle":
        return element("circle", cx=x, cy=y, r=size, **look)
    if shape == "square":
        return element("rect", x=x - size, y=y - size, width=2 * size, height=2 * size, **look)
    corners = {"diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)), "triangle": ((0, -1.2), (1.2, 1), (-1.2, 1))}
    path = "M" + "L".join(f"{x + size * dx:.1f} {y + size * dy:.1f}" for dx, dy in corners[shape]) + "Z"
    return element("path", d=path, **look)
