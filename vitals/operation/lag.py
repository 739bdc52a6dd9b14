"""How far a ward may be behind its source, and the news of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from vitals.feeds.lines import Technical


class Lag:
    """An upper bound on how long data have waited, from the monotonic clock alone.

    What waits in front of the ward (a pipe, a socket) cannot be seen, and its times are those of another clock. But when
    the source was last found empty is known: whatever has been read since was sent since. So nothing has waited longer than
    from then till now. A ward that keeps up finds its source empty all the time.

    Args:
        most: seconds of lag that are told as ``overloaded``; None never tells.
        clock: monotonic seconds.

    Attributes:
        overloaded: whether the ward was told to be, and has not caught up since.

    Example:
        >>> now = [0.0]
        >>> lag = Lag(most=5, clock=lambda: now[0])
        >>> lag.found_empty()
        >>> now[0] = 6.0
        >>> lag.news().notice
        'data may have waited up to 6.0 s; nothing is left out'
        >>> lag.news() is None
        True
        >>> lag.found_empty()
        >>> lag.news().reason
        'caught_up'
    """

    def __init__(self, most: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._empty_at: float | None = clock()
        self.overloaded = False

    def found_empty(self, at: float | None = None) -> None:
        """The source had nothing more to give until just now, or until a moment of the same clock."""
        self._empty_at = self._clock() if at is None else at

    def wait(self) -> None:
        """All that came was answered, and the source has nothing: there is no lag until something comes."""
        self._empty_at = None

    def seconds(self) -> float:
        """At most so long has any data waited."""
        at = self._empty_at
        return 0.0 if at is None else self._clock() - at

    def news(self) -> Technical | None:
        """What is to be said, once when the ward falls behind and once when it has caught up."""
        if self._most is None:
            return None
        behind = self.seconds()
        if not self.overloaded and behind > self._most:
            self.overloaded = True
            notice = f"data may have waited up to {behind:.1f} s; nothing is left out"
            return Technical(None, None, "overloaded", notice=notice)
        if self.overloaded and behind <= self._most / 2:
            self.overloaded = False
            return Technical(None, None, "caught_up")
        return None
