"""Cells of tables that hold more than a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vitals.report.markup import Markup, element
from vitals.report.words import DASH, interval, percent


def stacked(bounds: Sequence[object] | None, show: Callable[[object], str] = percent, unit: str = "") -> Markup:
    """A figure with its interval below it, so that columns stay narrow.

    Args:
        bounds: ``[value, low, high]``; None for a dash.
        show: writes each of them.
        unit: behind the value.

    Example:
        >>> stacked([0.5, 0.4, 0.6])
        '<span class="stacked">50%<small>(40% to 60%)</small></span>'
    """
    value, _, around = interval(bounds, show).partition(" (")
    words = value + unit * (value != DASH)
    return element("span", words, element("small", f"({around}") if around else None, class_="stacked")
