"""Only whole lines are kept: of a line that is cut off by a crash, the feed brings all of it again."""

from __future__ import annotations

from vitals.feeds.ndjson import LONGEST


class WholeLines:
    r"""Gives the lines that have come to their end, however the stream is cut into blocks.

    Example:
        >>> lines = WholeLines()
        >>> lines.feed(b"one\ntw"), lines.feed(b"o\n"), lines.feed(b"three"), lines.close()
        (b'one\n', b'two\n', b'', b'three')
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, block: bytes) -> bytes:
        """The lines that end in this block, each with its end."""
        end = block.rfind(b"\n") + 1
        if not end:
            self._keep(block)
            return b""
        start = block.index(b"\n") if self._size > LONGEST else 0  # what is too long is told, but not kept
        text = b"".join([*self._parts, block[start:end]])
        self._parts, self._size = [], 0
        self._keep(block[end:])
        return text

    def close(self) -> bytes:
        """The last line, which came without an end."""
        parts, self._parts, self._size = self._parts, [], 0
        return b"".join(parts)

    def _keep(self, rest: bytes) -> None:
        rest = rest[: max(0, LONGEST + 1 - self._size)]
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
