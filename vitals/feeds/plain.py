"""A stream of bytes to columns where lines are plain, and to typed lines where they are not, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from vitals.feeds.lines import Line
from vitals.feeds.names import Names, Table
from vitals.feeds.ndjson import LineReader
from vitals.feeds.scan import Columns
from vitals.feeds.vocabulary import scan_with, vocabulary
from vitals.signals import signal

_SHORTEST = 40  # bytes; no plain line has fewer
_FEW = 16  # stops that are worth while however little was read between them
_ENOUGH = 8  # plain lines between two stops that make a third one worth while


class PlainReader:
    r"""Reads what is plain in a compiled loop and decodes every other line; what comes out means the same either way.

    A plain line is judged with the stays that are known when it is reached, so whoever takes the pieces must do what
    one says before asking for the next.

    Args:
        reader: cuts the stream into lines, and decodes them.
        stays: gives the names of the stays that are there; their numbers are rows of the ward.
        channels: what the columns are of.

    Example:
        >>> stays = Names(1)
        >>> stays.enter("p1", 0)
        >>> reader = PlainReader(LineReader(), lambda: stays, ["spo2"])
        >>> block = b'{"stay":"p1","time":0,"signal":"spo2","value":97}\n{"kind":"clock","time":1}\n'
        >>> samples, line = reader.feed(block)
        >>> samples.value.tolist(), line.kind
        ([97.0], 'clock')
    """

    def __init__(self, reader: LineReader, stays: Callable[[], Names], channels: Sequence[str]) -> None:
        self._reader, self._stays = reader, stays
        units = {name: signal(name).unit for name in channels}
        numbers = {unit: len(channels) + i for i, unit in enumerate(dict.fromkeys(units.values()))}
        self._words = Names(len(channels) + len(numbers))
        for column, name in enumerate(channels):
            self._words.enter(name, column)
        for unit, number in numbers.items():
            self._words.enter(unit, number)
        self._unit_of = np.array([numbers[units[name]] for name in channels], np.int32)
        self._table: Table | None = None
        self._known: Any = None

    def feed(self, block: bytes) -> Iterator[Line | Columns]:
        """What ends in this block, what it completes included, in order.

        Args:
            block: any piece of the stream.
        """
        first, whole = self._reader.cut(block)
        yield from first
        data, room = np.frombuffer(whole, np.uint8), len(whole) // _SHORTEST + 1
        out = Columns(
            np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int16), np.empty(room, np.float32)
        )
        at = n = stops = 0
        while at < len(whole):
            before = n
            n, at = scan_with(self._vocabulary(), data, at, out, n)
            if n > before:
                self._reader.skip(n - before)
                yield Columns._make(column[before:n] for column in out)
            if at == len(whole):
                return
            stops += 1
            # where hardly a line is plain, decoding the rest at once costs less than stopping at each
            end = whole.index(b"\n", at) + 1 if stops <= _FEW or n > _ENOUGH * stops else len(whole)
            yield from self._reader.decode(whole[at:end])
            at = end

    def _vocabulary(self) -> Any:
        """What is known now, put together again where more stays came than there was room for."""
        table = self._stays().table
        if table is not self._table:
            self._table, self._known = table, vocabulary(table, self._words.table, self._unit_of)
        return self._known
