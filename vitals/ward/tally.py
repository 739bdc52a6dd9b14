"""What was left out, counted by stay and reason, and reported without flooding anybody."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from vitals.feeds.lines import Technical
from vitals.feeds.times import time_text

EVERY = 3_600_000_000
"""The same stay and reason is reported once in this much event time."""

_REMEMBERED = 16  # reports by which the next one is judged

NAMED = 5
"""Stays that nobody knows which one report names at most."""

GONE = 2_000
"""Discharged stays of which it is remembered when their late lines were reported; the rest of older ones is told then."""

_LONGEST_NAME = 100  # characters

AFTERWARDS = "discharged"
"""The one reason that can befall a stay after its discharge."""


@dataclass
class _Entry:
    pending: int = 0
    told: int = 0  # reports that went out
    line: int | None = None
    named: dict[str, None] = field(default_factory=dict)  # in order
    reported: deque[int] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))  # event times, newest first
    signal: str | None = None  # of all that is pending; None where they differ, or concern none

    def due(self, time: int) -> bool:
        """Whether no report speaks for this time yet: earlier ones count too, or one wrong date silences all others."""
        return all(abs(time - reported) >= EVERY for reported in self.reported)


class Tally:
    """Counts what is left out; a new (stay, reason) is reported at once, a repeated one once an hour of event time.

    The hour counts in both directions, from each of the last reports: a sender whose clock is years ahead is told once
    an hour of its own time, and silences nobody else. What is told depends on the order of what is noted and on
    nothing else, so not on how a stream is cut.

    Attributes:
        total: everything counted so far, by reason.

    Example:
        >>> tally = Tally()
        >>> for minute in (0, 1, 61):
        ...     tally.note("late", "p1", minute * 60_000_000)
        >>> [(line.time, line.count) for line in tally.news()]
        [('1970-01-01T00:00:00Z', 1), ('1970-01-01T01:01:00Z', 2)]
    """

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self._entries: dict[str | None, dict[str, _Entry]] = {}
        self._gone: dict[str | None, None] = {}  # with entries of the time after their discharge, oldest first
        self._news: list[Technical] = []

    def note(
        self, reason: str, stay: str | None, time: int | None, line: int | None = None, named: str | None = None,
        signal: str | None = None,
    ) -> None:  # fmt: skip
        """Count one thing that was left out.

        Args:
            reason: why.
            stay: whose it was; None where that is unknown.
            time: event time, microseconds UTC; None where that is unknown.
            line: number of the line in the feed.
            named: the stay that the line named and nobody knows; a report names the first few different ones.
            signal: of the sample; a report names it where all that it counts are of one.
        """
        self.total[reason] += 1
        entries = self._entries.setdefault(stay, {})
        entry = entries.get(reason)
        due = entry is None or (time is not None and entry.due(time))
        if entry is None:
            entry = entries[reason] = _Entry()
        entry.pending += 1
        entry.line = line if entry.pending == 1 else entry.line
        entry.signal = signal if entry.pending == 1 or entry.signal == signal else None
        if named and len(entry.named) < NAMED:
            entry.named[named[:_LONGEST_NAME]] = None
        if due:
            self._report(stay, reason, entry, time)
        if reason == AFTERWARDS:
            self._gone[stay] = None
            if len(self._gone) > GONE:
                self.forget(next(iter(self._gone)), time)

    def tell(self, line: Technical) -> None:
        """Let a line be told with the reports, at its place among them; it counts nothing."""
        self._news.append(line)

    def leave(self, stay: str, time: int | None) -> None:
        """A stay was discharged: report what is still unreported of the time before."""
        entries = self._entries.get(stay, {})
        for reason in [reason for reason in entries if reason != AFTERWARDS]:
            self._report_rest(stay, reason, entries.pop(reason), time)
        if not entries:
            self._entries.pop(stay, None)

    def forget(self, stay: str | None, time: int | None) -> None:
        """Report all that is still unreported of a stay, and forget it."""
        self._gone.pop(stay, None)
        for reason, entry in self._entries.pop(stay, {}).items():
            self._report_rest(stay, reason, entry, time)

    def forget_all(self, time: int | None) -> None:
        """Report all that is still unreported."""
        for stay in list(self._entries):
            self.forget(stay, time)

    def summary(self, time: int | None) -> list[Technical]:
        """All that is still unreported, and what was counted in all."""
        self.forget_all(time)
        text = None if time is None else time_text(time)
        return [*self.news(), Technical(None, text, "summary", counts=dict(sorted(self.total.items())))]

    def kept(self) -> dict[str, Any]:
        """All that is remembered, as plain values; nothing may wait to be told."""
        entries = [
            [stay, reason, e.pending, e.told, e.line, list(e.named), list(e.reported), e.signal]
            for stay, reasons in self._entries.items()
            for reason, e in reasons.items()
        ]
        return {"total": dict(self.total), "entries": entries}

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from what was kept."""
        self.total = Counter(kept["total"])
        for stay, reason, pending, told, line, named, reported, signal in kept["entries"]:
            entry = _Entry(pending, told, line, dict.fromkeys(named), deque(reported, _REMEMBERED), signal)
            self._entries.setdefault(stay, {})[reason] = entry
        self._gone = {stay: None for stay, reasons in self._entries.items() if AFTERWARDS in reasons}

    def news(self) -> list[Technical]:
        """The reports since the last call."""
        news, self._news = self._news, []
        return news

    def _report_rest(self, stay: str | None, reason: str, entry: _Entry, time: int | None) -> None:
        if entry.pending:
            self._report(stay, reason, entry, time)

    def _report(self, stay: str | None, reason: str, entry: _Entry, time: int | None) -> None:
        text = None if time is None else time_text(time)
        named = list(entry.named) or None
        # two reports may say the same of the same time: the number tells them apart
        self._news.append(
            Technical(
                stay, text, reason, entry.pending, entry.line, named=named, signal=entry.signal, id=str(entry.told)
            )
        )
        entry.pending = 0
        entry.told += 1
        entry.named.clear()
        if time is not None:
            entry.reported.appendleft(time)
