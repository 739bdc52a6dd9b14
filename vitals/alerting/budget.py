"""Alarm budgets as people write them: ``"5/100pd"`` is five alerts in a hundred patient-days."""

from __future__ import annotations

import math
import re

from vitals.errors import SettingsError

_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(\d+)?\s*pd", re.ASCII)


def parse_budget(text: str | float, where: str = "alarm budget") -> float:
    """Read a budget as alerts per 100 patient-days at risk.

    Args:
        text: ``"5/100pd"``, ``"0.05/pd"``, ``"20 / 1000 pd"``.
        where: the place to name in an error.

    Raises:
        SettingsError: no unit, nothing above 0, or anything else.

    Example:
        >>> parse_budget("5/100pd"), parse_budget("0.05/pd"), parse_budget("20/1000pd")
        (5.0, 5.0, 2.0)
    """
    match = _PATTERN.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        guess = f"{text}/100pd" if re.fullmatch(r"[\d.]+", str(text)) else "5/100pd"
        raise SettingsError(where, repr(text), 'alerts per patient-days, such as "5/100pd"', f'write "{guess}"')
    alerts, days = float(match[1]), int(match[2] or 1)
    if not (0 < alerts < math.inf and days > 0):
        raise SettingsError(where, repr(text), "alerts and patient-days above 0", 'write "5/100pd", for example')
    return 100.0 * alerts / days
