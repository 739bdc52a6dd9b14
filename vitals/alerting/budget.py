"""What a tuned policy has to keep to, as people write it: ``"5/100pd"`` is five alerts in a hundred patient-days."""

from __future__ import annotations

import math
import re

from vitals.errors import SettingsError

_PER_DAYS = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(\d+)?\s*pd", re.ASCII)
_PER_SHIFT = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(nurse-)?shift", re.ASCII)


def parse_budget(text: str | float, where: str = "alarm budget", beds_per_nurse: float = 4.0) -> float:
    """Read a budget as alerts per 100 patient-days at risk.

    Args:
        text: ``"5/100pd"``, ``"0.05/pd"``, ``"20 / 1000 pd"``, or ``"0.5/shift"``: alerts a nurse gets in 12 hours.
        where: the place to name in an error.
        beds_per_nurse: how many patients a nurse looks after, for a budget per shift.

    Raises:
        SettingsError: no unit, nothing above 0, or anything else.

    Example:
        >>> parse_budget("5/100pd"), parse_budget("0.05/pd"), parse_budget("0.5/shift", beds_per_nurse=4)
        (5.0, 5.0, 25.0)
    """
    match = _PER_DAYS.fullmatch(text.strip()) if isinstance(text, str) else None
    shift = _PER_SHIFT.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None and shift is None:
        guess = f"{text}/100pd" if re.fullmatch(r"[\d.]+", str(text)) else "5/100pd"
        wanted = 'alerts per patient-days or per shift, such as "5/100pd" or "0.5/shift"'
        raise SettingsError(where, repr(text), wanted, f'write "{guess}"')
    if match is not None:
        alerts, days = float(match[1]), float(match[2] or 1)
    else:
        assert shift is not None
        alerts, days = float(shift[1]), 0.5 * beds_per_nurse
    if not (0 < alerts < math.inf and days > 0):
        raise SettingsError(where, repr(text), "alerts and patient-days above 0", 'write "5/100pd", for example')
    return 100.0 * alerts / days
