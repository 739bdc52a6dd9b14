"""Group commit: what came in while the disk was busy goes to it together."""

from __future__ import annotations

import fcntl
import io
import select
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from vitals.feeds.steady import Tick

GROUP = 1 << 20
"""Bytes that go to the disk together at most."""


def gathered(source: BinaryIO, block: int) -> Callable[[], bytes]:
    """A function that gives all that is there, without waiting for more than the first byte; nothing at the end.

    A line of this machine's clock is given alone.

    Args:
        source: where the lines come from; a pipe is widened, so that more can wait in it.
        block: bytes of one read.

    Example:
        >>> read = gathered(io.BytesIO(b"one"), 2)
        >>> read(), read()
        (b'one', b'')
    """
    read_some = source.read1 if hasattr(source, "read1") else source.read
    if isinstance(source, io.BytesIO):
        return lambda: source.read(GROUP)
    try:
        handle = source.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return lambda: read_some(block)
    with suppress(AttributeError, OSError):  # no pipe, or a system without wide ones
        fcntl.fcntl(handle, fcntl.F_SETPIPE_SZ, GROUP)

    ticks: list[bytes] = []  # read, and not given yet

    def read() -> bytes:
        piece = ticks.pop() if ticks else read_some(block)
        if isinstance(piece, Tick):
            return piece
        pieces = [piece]
        size = len(piece)
        while piece and size < GROUP and select.select([handle], [], [], 0)[0]:
            piece = read_some(block)
            if isinstance(piece, Tick):
                ticks.append(piece)
                break
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)

    return read
