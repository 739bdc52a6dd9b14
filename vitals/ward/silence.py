"""Time passes and nothing comes: of a channel, of a bed, of the whole feed. Told once, and once when it comes back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitals.feeds.lines import Technical
from vitals.feeds.times import EARLIEST, time_text
from vitals.spec.duration import HOUR, MINUTE
from vitals.spec.settings import Settings
from vitals.ward.clocks import tells_now
from vitals.ward.provisional import accepted
from vitals.windowing.compiled import compiled
from vitals.windowing.types import NEVER, Dropped, Events, Float32, Int8, Int64

SLOW = 8 * HOUR
"""How long a laboratory value or a cuff pressure may be missing, where the settings say nothing."""

LEAST, TIMES = 3 * MINUTE, 3
"""How long any other channel may, or so many times its usual cadence, where that is longer."""

UNKNOWN = 3 * HOUR
"""How long a channel may be missing that came once, a bed of which nothing has come, and a feed whose cadence is unknown."""

STALE, BACK, SILENT, HEARD = 1, 2, 3, 4
_WORDS = {STALE: "stale_channel", BACK: "channel_back", SILENT: "silent_bed", HEARD: "bed_back"}
_FRESH, _TOLD, _UNTOLD = 0, 1, 2  # of a channel; what falls silent with its whole bed is not told for itself


class Heard(NamedTuple):
    """What came of every bed, and what was told.

    Attributes:
        seen: latest time of a sample of each signal, microseconds since EARLIEST, ``(B, S)``; 0 for none.
        usual: microseconds between two of them, usually, ``(B, S)``; 0 where there were not two yet.
        channel: whether it was told to be stale, ``(B, S)``.
        bed: 1 where the bed was told to be silent, ``(B,)``.
        came: 1 where anything came since the last look, however old it was, ``(B,)``.
        at: when anything came last, by the clock, microseconds since EARLIEST, ``(B,)``.
        mute: 1 where the bed is silent, and not only behind the clock, ``(B,)``.
    """

    seen: Int64
    usual: Float32
    channel: Int8
    bed: Int8
    came: Int8
    at: Int64
    mute: Int8

    @classmethod
    def empty(cls, beds: int, signals: int) -> Heard:
        """Nothing came yet."""
        wide = (beds, signals)
        bed = np.zeros(beds, np.int8)
        return cls(
            np.zeros(wide, np.int64), np.zeros(wide, np.float32), np.zeros(wide, np.int8), bed, bed.copy(),
            np.zeros(beds, np.int64), bed.copy(),
        )  # fmt: skip


@compiled
def usually(usual: float, gap: float) -> float:
    """What is usual after one more gap: near the longest of regular ones; an outage hardly counts, unless it comes often."""
    if usual == 0:
        return gap
    if gap > TIMES * usual:
        return usual * 1.25
    return usual + (gap - usual) / (2 if gap > usual else 16)


@compiled
def hear(heard: Heard, events: tuple[Any, ...]) -> None:
    """Take in when the samples of some beds were measured; those out of order, and repeated ones, are no news."""
    bed, time, signal = events
    seen, usual, came = heard.seen, heard.usual, heard.came
    for i in range(len(bed)):
        b, c = bed[i], signal[i]
        came[b] = 1
        if c < seen.shape[1]:
            at, before = time[i] - EARLIEST + 1, seen[b, c]
            if at > before:
                if before > 0:
                    usual[b, c] = usually(usual[b, c], at - before)
                seen[b, c] = at


@compiled
def look(
    heard: Heard, admitted: Int64, allowed: Int64, quick: Int8, now: int, since: int, write: bool, out: Any
) -> int:
    """Find what fell silent or came back; returns how many such things there are.

    Args:
        heard: what came.
        admitted: start of the stay in each bed, ``(B,)``; NEVER where there is none.
        allowed: how long each signal may be missing, ``(S,)``; 0 for what its cadence allows.
        quick: 1 for signals that tell now, ``(S,)``.
        now: microseconds since EARLIEST.
        since: nothing counts as missing from before.
        write: whether to write them down, and to remember that they were told.
        out: bed, signal and what, ``(n, 3)``.
    """
    seen, usual, channel, silent, came, at, mute = heard
    n, signals = 0, seen.shape[1]
    stale = np.zeros(signals, np.int8)
    for b in range(len(admitted)):
        if admitted[b] == NEVER:
            continue
        if came[b]:
            at[b], came[b] = now, 0
        known, missing, quick_known, quick_missing, least = 0, 0, 0, 0, np.int64(UNKNOWN)
        for c in range(signals):
            stale[c] = 0
            if seen[b, c] == 0:
                continue
            most = allowed[c]
            if most == 0:
                most = UNKNOWN if usual[b, c] == 0 else max(LEAST, np.int64(TIMES * usual[b, c]))
            stale[c] = now - max(seen[b, c], since) > most
            least = min(least, most)
            known, missing = known + 1, missing + stale[c]
            quick_known, quick_missing = quick_known + quick[c], quick_missing + (quick[c] & stale[c])
        nothing = known == 0 and now - max(admitted[b] - EARLIEST + 1, since) > UNKNOWN
        gone = nothing or (quick_missing == quick_known if quick_known else known > 0 and missing == known)
        mute[b] = gone and now - max(at[b], since) > least
        if gone != (silent[b] == 1):
            if write:
                out[n, 0], out[n, 1], out[n, 2] = b, -1, SILENT if gone else HEARD
                silent[b] = gone
            n += 1
        for c in range(signals):
            was, what, state = channel[b, c], 0, channel[b, c]
            if stale[c] == 0:
                what, state = BACK if was == _TOLD else 0, _FRESH
            elif was == _FRESH or (was == _UNTOLD and not gone):
                what, state = 0 if gone else STALE, _UNTOLD if gone else _TOLD
            if write:
                if what:
                    out[n, 0], out[n, 1], out[n, 2] = b, c, what
                channel[b, c] = state
            n += what != 0
    return n


class Silence:
    """Watches for what does not come; only a running clock makes it look, so it says nothing without one.

    Args:
        settings: may say how long each signal may be missing.
        beds: rows of the ward.
    """

    def __init__(self, settings: Settings, beds: int) -> None:
        self._names = tuple(settings.signals)
        self._quick = np.array([tells_now(name) for name in self._names], np.int8)
        self._allowed = np.array(
            [int(channel.stale) or (0 if tells_now(name) else SLOW) for name, channel in settings.signals.items()]
        )
        self.heard = Heard.empty(beds, len(self._names))
        self._time: int | None = None  # of the latest look
        self._since = 0  # nothing is missing from before
        self._feed = [0, 0, 0]  # when a line last came, since EARLIEST; what is usual between two; whether it was told

    @property
    def on(self) -> bool:
        """Whether there is a running clock."""
        return self._time is not None

    @property
    def silent(self) -> NDArray[np.bool_]:
        """Beds of which nothing comes any more, not even late, ``(B,)``; all of them where the feed is silent."""
        silent: NDArray[np.bool_] = (self.heard.mute == 1) | bool(self._feed[2])
        return silent

    def hear(self, events: Events, dropped: Dropped) -> None:
        """Samples came; those that were left out are no news of a patient."""
        if self.on and len(events):
            taken = accepted(events, dropped)
            hear(self.heard, (taken.bed, taken.time, taken.signal))

    def admit(self, bed: NDArray[Any], beds: int) -> None:
        """Others lie in these beds now; there are so many rows."""
        more = beds - len(self.heard.bed)
        if more > 0:
            empty = Heard.empty(more, len(self._names))
            pairs = [(getattr(self.heard, name), getattr(empty, name)) for name in Heard._fields]
            self.heard = Heard._make(map(np.concatenate, pairs))
        if self.on:
            for column in self.heard:
                column[bed] = 0

    def tick(self, time: int, lines: int | None, stays: list[str], admitted: Int64) -> list[Technical]:
        """Time has passed: what fell silent since the last look, and what came back.

        Args:
            time: now, microseconds UTC.
            lines: the time of the latest line but a clock's, if any came since the last look.
            stays: who lies in each bed.
            admitted: since when, ``(B,)``; NEVER for an empty bed.
        """
        now, text = time - EARLIEST + 1, time_text(time)
        before = None if self._time is None else self._time - EARLIEST + 1
        self._time = time
        if before is None or not 0 <= now - before <= UNKNOWN:  # what was missing while nobody looked, nobody knows
            self._since = now
        news = self._of_feed(now, before, lines, bool((admitted != NEVER).any()))
        told = [Technical(None, text, news)] if news else []
        if self._feed[2]:
            return told  # of what all beds have in common one line is enough
        found = (self.heard, admitted, self._allowed, self._quick, now, self._since)
        many = look(*found, False, np.empty((0, 3), np.int64))
        if many:
            out = np.empty((many, 3), np.int64)
            look(*found, True, out)
            for bed, column, what in out.tolist():
                signal = None if column < 0 else self._names[column]
                told.append(Technical(stays[bed], text, _WORDS[what], signal=signal))
        return told

    def _of_feed(self, now: int, before: int | None, lines: int | None, stays: bool) -> str | None:
        """Whether the feed fell silent or came back: ``silent_feed``, ``feed_back`` or None."""
        last, usual, told = self._feed
        if lines is not None:
            # a line came at its own time, if that is between the two looks, else at the nearer one
            at = min(max(lines - EARLIEST + 1, before or 0), now)
            if last and at > last:
                usual = int(usually(float(usual), float(at - last)))
            self._feed = [max(at, last), usual, 0]
            if told:
                self._since = now
            return "feed_back" if told else None
        if told or not stays or before is None:
            return None
        self._feed[2] = int(now - max(last, self._since) > (2 * usual or UNKNOWN))
        return "silent_feed" if self._feed[2] else None

    def kept(self) -> dict[str, Any]:
        """All that is remembered, as plain values and arrays."""
        return self.heard._asdict() | {"time": self._time, "since": self._since, "feed": self._feed}

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from what was kept."""
        self.heard = Heard(*(kept[name] for name in Heard._fields))
        self._time, self._since, self._feed = kept["time"], kept["since"], list(kept["feed"])
