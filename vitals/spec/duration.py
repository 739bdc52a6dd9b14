"""Durations that carry their unit: ``"60min"`` is one, ``60`` is refused."""

from __future__ import annotations

import re

from vitals.errors import SettingsError

HOUR, MINUTE = 3_600_000_000, 60_000_000
"""Microseconds."""
_MICROSECONDS = {"us": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_PATTERN = re.compile(r"(\d+)\s*(us|ms|s|min|h|d)")
_WHOLE_STAY = 1 << 62
_LONGEST = 36_500 * _MICROSECONDS["d"]


class Duration(int):
    """A length of time in microseconds that writes itself with a unit.

    Example:
        >>> Duration.parse("6h") == 6 * 3600 * 1_000_000
        True
        >>> Duration.parse("90min").text
        '90min'
        >>> Duration.parse("stay").whole_stay
        True
    """

    @classmethod
    def parse(cls, value: object, where: str = "duration") -> Duration:
        """Read ``"15min"``, ``"6h"``, ``"2d"`` or ``"stay"`` (as long as the stay lasts).

        Raises:
            SettingsError: a bare number, an unknown unit, or anything else.
        """
        if isinstance(value, Duration):
            return value
        if value == "stay":
            return cls(_WHOLE_STAY)
        match = _PATTERN.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            guess = f"{value}min" if isinstance(value, int) else "60min"
            raise SettingsError(
                where, repr(value), 'a duration with its unit (us, ms, s, min, h, d) or "stay"', f'write "{guess}"'
            )
        length = int(match[1]) * _MICROSECONDS[match[2]]
        if length > _LONGEST:
            raise SettingsError(where, repr(value), 'at most 36500d, or "stay"', 'write "stay" for no bound')
        return cls(length)

    @property
    def whole_stay(self) -> bool:
        """True for ``"stay"``: no bound but the stay itself."""
        return int(self) >= _WHOLE_STAY

    @property
    def hours(self) -> float:
        """The length in hours."""
        return int(self) / _MICROSECONDS["h"]

    @property
    def text(self) -> str:
        """The text that :meth:`parse` reads back to the same length."""
        if self.whole_stay:
            return "stay"
        for unit, size in (("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1_000)):
            if int(self) % size == 0:
                return f"{int(self) // size}{unit}"
        return f"{int(self)}us"
