"""What a ward has taken in: lines that carry a number are known by it, the others by their place among all lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from vitals.durable.prints import Prints, prints_of
from vitals.durable.recognise import HEAD, NEW, OLD, OPEN, Alignment, Doubt, Past
from vitals.feeds.times import read_time

_Seq = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


class Numbered(msgspec.Struct, gc=False):
    """Of a line, what tells where it stands in its source.

    Attributes:
        seq: its number, which rises by one from line to line of a source.
        source: who numbers.
        time: of the line.
    """

    seq: _Seq | None = None
    source: str = ""
    time: str | int | None = None


class Gap(NamedTuple):
    """Numbers that never came, or that began anew.

    Attributes:
        time: of the line behind the gap, microseconds UTC; None where it tells none.
        text: the source and the numbers.
        reason: ``gap_in_seq`` or ``seq_restarted``.
    """

    time: int | None
    text: str
    reason: str = "gap_in_seq"


_DOUBTS = 256  # that are kept

Verdict = NDArray[np.int8]
_Look = tuple[list[Numbered] | None, Prints, NDArray[np.int64]]
_NOTHING: _Look = (None, np.zeros(0, np.uint64), np.zeros(0, np.int64))
_DECODER = msgspec.json.Decoder(Numbered)
_PLAIN = Numbered()
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Taken:
    r"""Knows which lines were taken in before.

    All lines here are those of the feed: what the clock of ``vitals watch`` says lies between them in the log, but a feed does
    not bring it again.

    Args:
        past: fingerprints of the lines.
        last: the last number of each source.
        latest: the latest time of each source.
        restarted: sources that began their numbers anew.

    Attributes:
        head: fingerprints of the first lines.
        count: lines that were taken in, fewer than the log has where a clock ran.
        last: the last number of each source that was taken in.
        latest: the latest time of the numbered lines of each source that were taken in: no repeat of one tells a later one.
        restarted: sources whose numbers may mean an earlier count, so that a new number alone proves nothing.
        recognised: lines that came again.
        doubts: lines that may have been copies of those before them, the latest ones.
        doubted: whether one of them is new.

    Example:
        >>> none = np.zeros(0, np.uint64)
        >>> taken = Taken(Past(none, none, 0), {"": 7})
        >>> taken.begin()
        >>> taken.fresh(b'{"seq":7}\n{"seq":8}\n{}\n'), taken.recognised
        (b'{"seq":8}\n{}\n', 1)
    """

    def __init__(
        self, past: Past, last: dict[str, int], latest: dict[str, int] | None = None, restarted: Iterable[str] = ()
    ) -> None:
        self.latest, self.restarted = dict(latest or {}), dict.fromkeys(restarted)
        self._newest = dict(self.latest)  # of lines that are not learned yet, too
        self.head, self.count, self.last, self.recognised = past.head, past.count, dict(last), 0
        self.doubts, self.doubted = list(past.doubts), False
        self._tail = past.tail  # until the input begins
        self._alignment: Alignment | None = None
        self._seen = dict(last)  # of lines that are held, too
        self._held: list[tuple[int, int, bytes]] = []
        self._prints: list[Prints] = []
        self._text, self._looked = b"", _NOTHING

    def fresh(self, text: bytes) -> bytes:
        """The lines that were not taken in before; what cannot be told yet waits for the lines behind it.

        Args:
            text: whole lines, each with its end.
        """
        numbers, prints, ends = self._look(text) if self._alignment is not None or b'"seq"' in text else _NOTHING
        if numbers is None and self._alignment is None:
            return text
        placed, verdict = self._judge(numbers, prints)
        if self._held or (verdict == OPEN).any():
            return self._settle(text, ends, placed, verdict)
        new = verdict == NEW
        if new.all():
            return text
        self.recognised += int((~new).sum())
        return b"".join(text[a:b] for a, b in _runs(ends, new))

    def rest(self) -> bytes:
        """The input is over. What could not be told is left out: this may be the midst of a repetition that broke off."""
        held, self._held = self._held, []
        new = [line for _, what, line in held if what == NEW]
        self.recognised += len(held) - len(new)
        return b"".join(new)

    def learn(self, text: bytes) -> list[Gap]:
        """Lines were taken in: they are known from now on. Returns the gaps in their numbers."""
        numbers, prints, _ = self._look(text)
        if len(self.head) < HEAD:
            self.head = np.concatenate([self.head, prints])[:HEAD]
        self._prints.append(prints)
        self.count += len(prints)
        return [gap for line in numbers or () if (gap := self._gap(line)) is not None]

    def prints(self) -> Prints:
        """Fingerprints of the lines that were learned since the last call."""
        prints, self._prints = self._prints, []
        return np.concatenate(prints) if prints else np.zeros(0, np.uint64)

    def begin(self) -> None:
        """The input begins: its lines are looked for in the past and in what was learned since."""
        tail = np.concatenate([self._tail, *self._prints])
        self._tail = tail[:0]
        start = self.count - len(tail)
        known = [doubt for doubt in self.doubts if doubt.place < HEAD or doubt.place >= start]
        self.doubts = known[-_DOUBTS:]
        self._alignment = Alignment(Past(self.head, tail, self.count, self.doubts)) if self.count else None

    def _look(self, text: bytes) -> _Look:
        """Read a text, once even where it is judged and then learned."""
        if text is not self._text:
            self._text, self._looked = text, (_numbers(text), *prints_of(text))
        return self._looked

    def _gap(self, line: Numbered) -> Gap | None:
        if line.seq is None:
            return None
        last, time = self.last.get(line.source), read_time(line.time)
        self.last[line.source] = self._seen[line.source] = line.seq
        _later(self.latest, line.source, time)
        _later(self._newest, line.source, time)
        if last is not None and line.seq <= last:
            self.restarted[line.source] = None
            return Gap(time, f"{line.source} {line.seq} after {last}".strip(), "seq_restarted")
        if last is None or line.seq == last + 1:
            return None
        missing = f"{last + 1}..{line.seq - 1}" if line.seq > last + 2 else str(last + 1)
        return Gap(time, f"{line.source} {missing}".strip())

    def _judge(self, numbers: list[Numbered] | None, prints: Prints) -> tuple[Verdict, Verdict]:
        """What the lines are by their place, and what they are in the end: a number has the last word."""
        placed = np.full(len(prints), NEW, np.int8)
        if self._alignment is not None:
            placed = self._alignment.judge(prints)
            if self._alignment.over:
                self._remember(self._alignment.doubt())
                self._alignment = None  # and with it the past
        verdict = placed.copy()
        for i, line in enumerate(numbers or ()):
            if line.seq is not None:
                verdict[i] = self._by_number(line, line.seq, int(placed[i]))
        return placed, verdict

    def _by_number(self, line: Numbered, number: int, placed: int) -> int:
        """What a line is by its number, and where its source began anew, by its place too."""
        last, time = self._seen.get(line.source), read_time(line.time)
        what = placed if line.source in self.restarted else NEW
        if last is not None and number <= last:
            newest = self._newest.get(line.source)
            what = NEW if time is not None and newest is not None and time > newest else OLD
        if what != OLD:
            self._seen[line.source] = number
            _later(self._newest, line.source, time)
        return what

    def _remember(self, doubt: Doubt | None) -> None:
        if doubt is not None and not any(_same(doubt, other) for other in self.doubts):
            self.doubts.append(doubt)
            self.doubted = True

    def _settle(self, text: bytes, ends: NDArray[np.int64], placed: Verdict, verdict: Verdict) -> bytes:
        """Lines of which some are open: each is what the first line behind it is that is not."""
        lines = [text[a:b] for a, b in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)]
        every = self._held + list(zip(placed.tolist(), verdict.tolist(), lines, strict=True))
        settled, what = [OPEN] * len(every), OPEN
        for i in range(len(every) - 1, -1, -1):
            what = every[i][0] if every[i][0] != OPEN else what
            settled[i] = what if every[i][1] == OPEN else every[i][1]
        still = settled.index(OPEN) if OPEN in settled else len(every)
        self._held = every[still:]
        new = [line for (_, _, line), what in zip(every[:still], settled, strict=False) if what == NEW]
        self.recognised += still - len(new)
        return b"".join(new)


def _later(times: dict[str, int], source: str, time: int | None) -> None:
    if time is not None:
        times[source] = max(time, times.get(source, time))


def _same(one: Doubt, other: Doubt) -> bool:
    return one.place == other.place and one.begins == other.begins and np.array_equal(one.lines, other.lines)


def _numbers(text: bytes) -> list[Numbered] | None:
    """Of every line its number, where any of them has one; a line that cannot be read has none."""
    if b'"seq"' not in text:
        return None
    lines = text.split(b"\n")[:-1]
    return [_number(line) if b'"seq"' in line else _PLAIN for line in lines]


def _number(line: bytes) -> Numbered:
    try:
        return _DECODER.decode(line)
    except _UNREADABLE:
        return _PLAIN


def _runs(ends: NDArray[np.int64], wanted: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end of each run of wanted lines, in bytes."""
    edges = np.flatnonzero(np.diff(np.r_[False, wanted, False]))
    borders = np.r_[0, ends][edges].tolist()
    return list(zip(borders[::2], borders[1::2], strict=True))
