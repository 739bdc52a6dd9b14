"""Which times to believe: now, as lines of a running clock tell it, and that of every line by its source's clock."""

from __future__ import annotations

from typing import Any

from vitals.feeds.lines import Line, Technical
from vitals.feeds.times import LATEST, read_time, time_text
from vitals.signals import catalogue
from vitals.ward.sources import Sources
from vitals.ward.tally import Tally

FUTURE, SKEWED = "future", "skewed"
"""Why a sample is left out: it lies in the future, or comes from a source whose clock is too far off."""

AGREEING = 3
"""Clock lines in a row that must agree before a leap of the ward's clock is believed, and so the first time it tells."""

_LONGEST_NAME = 100  # characters
_LONGEST_EVERY = 86_400  # seconds
_MOVED = ("sample", "admit", "discharge")


class WardClock:
    """Now, as the lines of a running clock tell it.

    One wrong line moves nothing: a time that does not follow upon the one before is believed once so many lines agree.

    Args:
        tolerance: microseconds that clocks may differ.

    Attributes:
        time: the latest time that is believed, microseconds UTC; None before there is one.
        horizon: what is later lies in the future; :data:`vitals.feeds.times.LATEST` while now is not known. It moves on with
            a line that is not believed yet: after an outage the feed is right, and a wrong line opens it for a moment only.

    Example:
        >>> second = 1_000_000
        >>> clock = WardClock(tolerance=120 * second)
        >>> [clock.hear(at * second, 10 * second) for at in (0, 10, 20, 86_400, 30)]
        [False, False, True, False, True]
        >>> clock.horizon == (30 + 10 + 120) * second
        True
    """

    def __init__(self, tolerance: int) -> None:
        self._tolerance = tolerance
        self.time: int | None = None
        self.horizon = LATEST
        self._leap: tuple[int, int] | None = None  # the latest line that is not believed, and how many agree with it

    def hear(self, time: int, every: int) -> bool:
        """Take in a clock line; returns whether it is believed.

        Args:
            time: what it says, microseconds UTC.
            every: microseconds until the next one at most.
        """
        if self.time is None or not 0 <= time - self.time <= every + self._tolerance:
            before, agree = self._leap or (time, 0)
            follows = 0 <= time - before <= every + self._tolerance
            self._leap = (time, agree + 1 if follows else 1)
            if self._leap[1] < AGREEING:
                self.horizon = max(self.horizon, time + every + self._tolerance)
                return False
        self._leap = None
        self.time, self.horizon = time, time + every + self._tolerance
        return True

    def kept(self) -> dict[str, Any]:
        """All that is remembered, as plain values."""
        return {"time": self.time, "horizon": self.horizon, "leap": None if self._leap is None else list(self._leap)}

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from what was kept."""
        self.time, self.horizon = kept["time"], kept["horizon"]
        self._leap = None if kept["leap"] is None else (kept["leap"][0], kept["leap"][1])


class Clocks:
    """Judges the time of every line that is not simply a sample without a source.

    Args:
        tolerance: microseconds that clocks may differ.

    Attributes:
        ward: now, where a running clock tells it.
        sources: how far the clocks of sources are off.
    """

    def __init__(self, tolerance: int) -> None:
        self._tolerance = tolerance
        self.ward, self.sources = WardClock(tolerance), Sources(tolerance)

    @property
    def horizon(self) -> int:
        """What is later lies in the future."""
        return self.ward.horizon

    def judge(self, line: Line, time: int, tally: Tally) -> tuple[int | None, str | None]:
        """When a line is to be taken for: its time, put right where its source's clock is off, or None for not at all.

        Args:
            line: of a known kind.
            time: what it says.
            tally: is told of sources whose clock is off, or right again.

        Returns:
            The time, and why the line is to be left out, or None.
        """
        if line.kind == "clock":
            return self._tick(line.every, time)
        if line.kind not in _MOVED:
            return time, None
        latest = self.horizon
        if line.source:
            arrival = read_time(line.arrival)
            if arrival is not None and arrival <= self.horizon:
                latest = min(latest, arrival + self._tolerance)
                if line.kind == "sample" and tells_now(line.signal):
                    self._hear(line.source, time, arrival, tally)
            correction = self.sources.correction(line.source)
            if correction is None:
                return time, SKEWED
            time += correction
        return time, FUTURE if time > latest and line.kind != "discharge" else None

    def kept(self) -> dict[str, Any]:
        """All that is remembered, as plain values."""
        return {"ward": self.ward.kept(), "sources": self.sources.kept()}

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from what was kept."""
        self.ward.restore(kept["ward"])
        self.sources.restore(kept["sources"])

    def _tick(self, every: float | None, time: int) -> tuple[int | None, str | None]:
        if every is None:
            return time, None  # time has passed, whoever says so; it need not be now
        if not 0 < every <= _LONGEST_EVERY:
            return time, "bad_every"
        known = self.ward.time is not None
        if self.ward.hear(time, int(every * 1_000_000)):
            return time, None
        return None, "clock_leaps" if known else None

    def _hear(self, source: str, time: int, arrival: int, tally: Tally) -> None:
        news = self.sources.hear(source, time, arrival)
        if news is not None:
            text, seconds = time_text(arrival), round(news.offset / 1e6, 3)
            tally.tell(Technical(None, text, news.reason, source=source[:_LONGEST_NAME], seconds=seconds))


def tells_now(name: str | None) -> bool:
    """Whether a signal is measured just before it is sent: no laboratory value, no cuff pressure, nothing of the admission.

    Example:
        >>> [tells_now(name) for name in ("heart_rate", "nibp_sys", "lactate", "age", None)]
        [True, False, False, False, False]
    """
    entry = catalogue().get(name or "")
    return entry is not None and entry.kind == "vital" and not entry.name.startswith("nibp_")
