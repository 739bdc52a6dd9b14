"""How far the clocks of sources are off, judged by when what they sent arrived."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vitals.spec.duration import MINUTE

MESSAGES = 20
"""Latest messages of a source by which its clock is judged."""

FEWEST = 5
"""Messages before which nothing is said of a source's clock."""

TOO_FAR = 15 * MINUTE
"""A clock that is farther off is not corrected: what it says is left out."""

SOURCES = 10_000
"""Sources that are known at once; the one that has been quiet longest is forgotten."""

_CLOSE = 30_000_000  # half of the offsets must lie within this, or they tell of delays and not of a clock
_SAME = 500_000  # a correction stays as it is until it is off by more, so that a repeated line gets the same time
_ENDS = 0.75  # of the tolerance, at which a skew is over: at its very border it would come and go


class News(NamedTuple):
    """What is to be said of a source's clock: why, and by how many microseconds its times are put later."""

    reason: str
    offset: int


@dataclass
class _Source:
    latest: deque[int] = field(default_factory=lambda: deque(maxlen=MESSAGES))  # offsets, oldest first
    ordered: list[int] = field(default_factory=list)  # the same
    message: tuple[int, int] | None = None
    applied: int = 0
    said: str | None = None

    def learn(self, time: int, arrival: int) -> bool:
        """Take in a message, once for all its samples; returns whether it was one."""
        if (time, arrival) == self.message:
            return False
        self.message = (time, arrival)
        if len(self.latest) == MESSAGES:
            del self.ordered[bisect_left(self.ordered, self.latest[0])]
        self.latest.append(arrival - time)
        insort(self.ordered, arrival - time)
        return True

    def offset(self) -> int | None:
        """The median offset, or None where there are too few, or they differ so much that they are no clock's."""
        n = len(self.ordered)
        if n < FEWEST or self.ordered[3 * n // 4] - self.ordered[n // 4] > _CLOSE:
            return None
        return (self.ordered[(n - 1) // 2] + self.ordered[n // 2]) // 2


class Sources:
    """How far the clocks of the sources are off: the median of arrival less time over their latest messages.

    Delays are no skew: only offsets that agree with each other are taken for a clock's.

    Args:
        tolerance: microseconds that a clock may be off.

    Example:
        >>> sources, second = Sources(tolerance=120_000_000), 1_000_000
        >>> told = [sources.hear("icu", at * second, (at + 300) * second) for at in range(0, 300, 60)]
        >>> [None if news is None else news.reason for news in told], sources.correction("icu") == 300 * second
        ([None, None, None, None, 'skew'], True)
    """

    def __init__(self, tolerance: int) -> None:
        self._tolerance = tolerance
        self._known: dict[str, _Source] = {}  # the latest to be heard of last

    def hear(self, name: str, time: int, arrival: int) -> News | None:
        """Take in when a sample was measured, by its source's clock, and when it arrived; returns what is to be said."""
        source = self._known.pop(name, None) or _Source()
        self._known[name] = source
        if len(self._known) > SOURCES:
            del self._known[next(iter(self._known))]
        offset = source.offset() if source.learn(time, arrival) else None
        if offset is None:
            return None
        far, bound = abs(offset), self._tolerance * (_ENDS if source.said else 1)
        verdict = None if far <= bound else "skew" if far <= TOO_FAR else "skew_too_far"
        if abs(offset - source.applied) > _SAME or verdict is None:
            source.applied = offset if verdict == "skew" else 0
        if verdict == source.said:
            return None
        source.said = verdict
        return News(verdict or "skew_over", offset)

    def correction(self, name: str) -> int | None:
        """Microseconds by which the times of a source are put later; None where its clock is too far off to be used."""
        source = self._known.get(name)
        if source is None:
            return 0
        return None if source.said == "skew_too_far" else source.applied

    def kept(self) -> list[Any]:
        """All that is remembered, as plain values."""
        return [
            [name, list(one.latest), None if one.message is None else list(one.message), one.applied, one.said]
            for name, one in self._known.items()
        ]

    def restore(self, kept: list[Any]) -> None:
        """Go on from what was kept."""
        self._known = {
            name: _Source(
                deque(latest, MESSAGES), sorted(latest), None if message is None else tuple(message), applied, said
            )
            for name, latest, message, applied, said in kept
        }
