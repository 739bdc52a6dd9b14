"""A live feed with a running clock in it: lines that tell now, between the lines of the feed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vitals.feeds.steady import SteadyClock, Tick, monotonic, tick


class Source(Protocol):
    """What bytes are read from."""

    def fileno(self) -> int:
        """The descriptor of the source."""

    def read_within(self, most: int, seconds: float | None) -> bytes | None:
        """What is there, None where nothing came for so long, nothing at the end."""


class Ticking:
    r"""A source with a clock line at its beginning and every so many seconds, each alone.

    It may come within a line of a feed that stops there: the begin of that line has to wait apart from it for the rest.
    After a wait that was too long it comes before what ended the wait.

    The lines are part of the input from here on: they are logged with it, and what is made of them can be made again.
    A :class:`vitals.feeds.steady.Tick` is told from what the feed brought, which will be looked for should it come again.

    Args:
        source: the feed.
        every: seconds between two clock lines.
        now: microseconds UTC.
        passed: seconds since any moment.

    Example:
        >>> class Feed:
        ...     pieces = [b"one\ntw", b"o\n", b""]
        ...     def fileno(self): return 0
        ...     def read_within(self, most, seconds): return self.pieces.pop(0)
        >>> times = iter([0.0, 0.0, 1.0, 1.0, 4.0] + 6 * [9.0])
        >>> ticking = Ticking(Feed(), 5, lambda: 7, lambda: next(times))
        >>> pieces = [ticking.read1(100) for _ in range(5)]
        >>> [b"clock" if isinstance(piece, Tick) else piece for piece in pieces]
        [b'clock', b'one\ntw', b'clock', b'o\n', b'']
    """

    def __init__(
        self, source: Source, every: float, now: Callable[[], int] | None = None,
        passed: Callable[[], float] = monotonic,
    ) -> None:  # fmt: skip
        self._source, self._every = source, every
        self._now, self._passed = now or SteadyClock().now, passed
        self._due = float("-inf")
        self._rest = b""  # was read, and comes behind a clock line

    def fileno(self) -> int:
        """The descriptor of the source.

        Raises:
            io.UnsupportedOperation: it has none.
        """
        return self._source.fileno()

    def read1(self, most: int) -> bytes:
        """What is there, and at least one byte; nothing at the end.

        Raises:
            OSError: the source cannot be read.
        """
        while True:
            left = self._due - self._passed()
            if left <= 0:
                return self._tick()
            piece, self._rest = self._rest or self._source.read_within(most, left), b""
            if piece and self._due <= self._passed():
                self._rest = piece
            elif piece is not None:
                return piece

    def _tick(self) -> Tick:
        self._due = self._passed() + self._every
        return tick(self._now(), self._every)
