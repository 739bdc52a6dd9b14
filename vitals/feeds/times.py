"""Times as they stand in a feed, and as exact integers: microseconds since 1970, UTC."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # only ever printed, with a Z behind it
EARLIEST, LATEST = -30_610_224_000_000_000, 221_845_392_000_000_000  # years 1000 and 9000
_MINUTES = [f"{minute // 60:02}:{minute % 60:02}:" for minute in range(1440)]
_SECONDS = [f"{second:02}" for second in range(60)]
_LONGEST = 40  # characters; nanoseconds and a zone need 35


def read_time(raw: str | int | None) -> int | None:
    """Microseconds UTC of a time in a feed, or None where it cannot be used (:func:`time_fault` says why).

    Args:
        raw: ISO 8601 text with a time zone, or an integer of microseconds since 1970.

    Example:
        >>> read_time("2026-01-01T03:00:00Z") == read_time("2026-01-01T05:00:00+02:00") == 1767236400000000
        True
        >>> read_time("2026-01-01T03:00:00") is None
        True
    """
    if isinstance(raw, str):
        # what is too long to be a time never gets as far as the cache, which would keep it
        return _read_text(raw) if len(raw) <= _LONGEST else None
    return raw if raw is not None and EARLIEST <= raw <= LATEST else None


@functools.lru_cache(maxsize=1 << 16)
def _read_text(raw: str) -> int | None:
    moment = _moment(raw)
    if moment is None or moment.tzinfo is None:
        return None
    since = moment - _EPOCH
    time = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return time if EARLIEST <= time <= LATEST else None


def time_fault(raw: str | int | None) -> str:
    """Why :func:`read_time` could not use a time: ``no_time``, ``no_time_zone`` or ``bad_time``.

    Example:
        >>> time_fault("2026-01-01T03:00:00"), time_fault("yesterday")
        ('no_time_zone', 'bad_time')
    """
    if raw is None:
        return "no_time"
    moment = _moment(raw) if isinstance(raw, str) and len(raw) <= _LONGEST else None
    return "bad_time" if moment is None or moment.tzinfo is not None else "no_time_zone"


@functools.lru_cache(maxsize=1 << 12)
def _day_text(day: int) -> str:
    return (_NAIVE_EPOCH + timedelta(days=day)).date().isoformat() + "T"


def time_text(time: int) -> str:
    """ISO 8601 text, UTC, of microseconds since 1970; a fraction only where there is one.

    Example:
        >>> time_text(1767236400000000), time_text(1767236400000001)
        ('2026-01-01T03:00:00Z', '2026-01-01T03:00:00.000001Z')
    """
    seconds, fraction = divmod(time, 1_000_000)
    day, second = divmod(seconds, 86_400)
    end = f".{fraction:06}Z" if fraction else "Z"
    return _day_text(day) + _MINUTES[second // 60] + _SECONDS[second % 60] + end


def _moment(raw: str) -> datetime | None:
    try:
        return datetime.fromisoformat(raw)
    except ValueError:
        return None
