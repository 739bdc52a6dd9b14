"""This machine's clock, as a live ward may take it for now: a step of it is held against the monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable

SETTLED = 300.0
"""Seconds for which a step of the wall clock must last before it is followed."""

_MARK = (
    b'{"kind":"clock","source":"vitals watch",'  # how a line of this clock begins, and none of a feed that was unmarked
)
_SLIGHT = 1.0  # seconds that the two clocks may drift apart without it being a step


def monotonic() -> float:
    """Seconds that passed, those in which the machine slept included where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SteadyClock:
    """Time that passes as fast as the monotonic clock says, from where the wall clock once was.

    A step of the wall clock is followed once it has lasted: until then time goes on as if there had been none, so that
    nothing that is overdue waits for the clock to come back.

    Args:
        wall: seconds since 1970.
        monotonic: seconds since any moment.

    Example:
        >>> wall, passed = [1000.0], [0.0]
        >>> clock = SteadyClock(lambda: wall[0], lambda: passed[0])
        >>> wall[0], passed[0] = 1010.0 - 3600, 10.0  # an hour back, after ten seconds
        >>> clock.now()
        1010000000
        >>> wall[0], passed[0] = wall[0] + 301, 311.0
        >>> clock.now() == round(wall[0] * 1_000_000)
        True
    """

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._base = wall() - monotonic()
        self._stepped: tuple[float, float] | None = None  # to which base, and when

    def now(self) -> int:
        """Microseconds since 1970, UTC."""
        passed = self._monotonic()
        base = self._wall() - passed
        if abs(base - self._base) <= _SLIGHT:
            self._base, self._stepped = base, None  # a slewing clock is followed
        elif self._stepped is None or abs(base - self._stepped[0]) > _SLIGHT:
            self._stepped = (base, passed)
        elif passed - self._stepped[1] >= SETTLED:
            self._base, self._stepped = base, None
        return round((self._base + passed) * 1_000_000)


class Tick(bytes):
    """A line of this clock: it is handed on apart from the lines of the feed, since a feed that comes again does not bring it."""


def tick(time: int, every: float) -> Tick:
    r"""A line of a running clock.

    Args:
        time: now, microseconds UTC.
        every: seconds until the next one at most.

    Example:
        >>> tick(1_767_236_400_000_000, 10)
        b'{"kind":"clock","source":"vitals watch","time":1767236400000000,"every":10}\n'
    """
    return Tick(b'%b"time":%d,"every":%g}\n' % (_MARK, time, every))


def is_tick(text: bytes) -> bool:
    r"""Whether a piece of a log is a line of this clock; those of a feed are told by :func:`unmarked`.

    Example:
        >>> is_tick(bytes(tick(0, 10))), is_tick(unmarked(bytes(tick(0, 10)))), is_tick(b'{"kind":"clock","time":0}\n')
        (True, False, False)
    """
    return text.startswith(_MARK)


def unmarked(text: bytes) -> bytes:
    r"""Lines of a feed, none of which begins as a line of this clock does: one that did gets a space in front of it.

    So a log that is fed to another ward is a feed like any other, and says the same.

    Args:
        text: whole lines.

    Example:
        >>> unmarked(b"one\n" + tick(0, 10))
        b'one\n {"kind":"clock","source":"vitals watch","time":0,"every":10}\n'
    """
    return (b"\n" + text).replace(b"\n" + _MARK, b"\n " + _MARK)[1:] if _MARK in text else text
