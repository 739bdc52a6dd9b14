"""Take a source as it comes, and stop waiting for it when somebody asks for something else."""

from __future__ import annotations

import io
import os
import select
from collections.abc import Callable
from typing import BinaryIO

from vitals.operation.lag import Lag
from vitals.operation.requests import Requests


def _nothing() -> None:
    """Nothing is to be done."""


class Reading:
    r"""A source of bytes that ends when its ward is to stop.

    What has not been asked for stays where it is, so a source that is faster than the ward is held up by its own pipe:
    nothing is dropped, and no queue of our own grows.

    Args:
        source: gives bytes.
        lag: is told whenever the source is found empty.
        requests: may end a wait.
        between: called before a wait and whenever one is broken off; does what was asked for.

    Example:
        >>> requests = Requests()
        >>> reading = Reading(io.BytesIO(b"1\n2\n3\n"), Lag(), requests)
        >>> reading.read1(2), reading.read1(2)
        (b'1\n', b'2\n')
        >>> requests.stop = True
        >>> reading.read1(2)
        b''
    """

    def __init__(self, source: BinaryIO, lag: Lag, requests: Requests, between: Callable[[], None] = _nothing) -> None:
        # read1 gives what is there, while read may wait for a full block
        self._read = source.read1 if hasattr(source, "read1") else source.read
        self._lag, self._requests, self._between = lag, requests, between
        self._source = _pipe_of(source)
        self._here, self._any = select.poll(), select.poll()
        if self._source is not None:
            self._here.register(self._source, select.POLLIN)
            self._any.register(self._source, select.POLLIN)
            if requests.wake is not None:
                self._any.register(requests.wake, select.POLLIN)

    def fileno(self) -> int:
        """The descriptor of the source.

        Raises:
            io.UnsupportedOperation: it has none.
        """
        if self._source is None:
            raise io.UnsupportedOperation("a source in memory")
        return self._source

    def read1(self, most: int) -> bytes:
        """What is there, and at least one byte; nothing at the end or when the ward is to stop.

        Raises:
            OSError: the source cannot be read.
        """
        while True:
            piece = self.read_within(most, None)
            if piece is not None:
                return piece

    def read_within(self, most: int, seconds: float | None) -> bytes | None:
        """As :meth:`read1`, but None where nothing came for so long.

        Raises:
            OSError: the source cannot be read.
        """
        if self._requests.waiting:
            self._between()
        if self._requests.stop:
            return b""
        if self._source is None or self._here.poll(0):
            return self._read(most)  # a source in memory keeps nobody waiting
        self._wait(seconds)
        return self._read(most) if not self._requests.waiting and self._here.poll(0) else None

    def _wait(self, seconds: float | None) -> None:
        self._lag.wait()
        self._between()
        came = {number for number, _ in self._any.poll(None if seconds is None else max(0, round(seconds * 1000)))}
        self._lag.found_empty()
        if came and self._source not in came:
            self._requests.heard()


def _pipe_of(source: BinaryIO) -> int | None:
    """The file descriptor of a source that can be waited for."""
    try:
        number = source.fileno()
        os.fstat(number)
    except (AttributeError, OSError, ValueError):
        return None
    return number
