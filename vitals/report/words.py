"""Numbers as people read them; a dash where there is none."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

DASH = "–"


def known(value: object) -> TypeGuard[float]:
    """Whether this is a number that can be shown: no None, no NaN, no infinity.

    Example:
        >>> [known(value) for value in (3, 0.5, None, float("nan"), float("inf"), True, "7")]
        [True, True, False, False, False, False, False]
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: object, digits: int = 3) -> str:
    """A number with some significant digits; whole numbers and large ones in full.

    Example:
        >>> number(0.83149), number(32239), number(41234.5), number(2.0), number(None)
        ('0.831', '32,239', '41,234', '2', '–')
    """
    if not known(value):
        return DASH
    if float(value).is_integer() or abs(value) >= 10**digits:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def percent(value: object) -> str:
    """A share in per cent.

    Example:
        >>> percent(0.714), percent(0.0031), percent(float("nan"))
        ('71%', '0.31%', '–')
    """
    if not known(value):
        return DASH
    share = 100 * float(value)
    return f"{share:.0f}%" if share == 0 or abs(share) >= 10 else f"{share:.2g}%"


def score(value: object) -> str:
    """A figure that is compared to the third decimal, such as an AUROC.

    Example:
        >>> score(0.8), score(None)
        ('0.800', '–')
    """
    return f"{value:.3f}" if known(value) else DASH


def span(text: object) -> str:
    """A duration as settings write it, with a space before its unit.

    Example:
        >>> span("90min"), span("stay"), span(None)
        ('90 min', 'the whole stay', '–')
    """
    if not isinstance(text, str):
        return DASH
    return "the whole stay" if text == "stay" else re.sub(r"(?<=\d)(?=[a-z])", " ", text)


def interval(bounds: Sequence[object] | float | None, words: Any = percent) -> str:
    """``[value, low, high]`` as *value (low to high)*; a figure alone where it comes without its bounds.

    Example:
        >>> interval([0.71, 0.64, 0.77]), interval([0.5, None, None]), interval(0.5), interval(None)
        ('71% (64% to 77%)', '50%', '50%', '–')
    """
    if not isinstance(bounds, Sequence):
        return str(words(bounds))
    if not bounds:
        return DASH
    value, low, high = bounds
    return f"{words(value)} ({words(low)} to {words(high)})" if known(low) and known(high) else words(value)


def dig(table: Mapping[str, Any] | None, *path: str) -> Any:
    """What lies at a path of keys in nested tables; None where it ends early.

    Example:
        >>> dig({"alerts": {"recall": 0.7}}, "alerts", "recall"), dig({}, "alerts", "recall")
        (0.7, None)
    """
    found: Any = table
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found
