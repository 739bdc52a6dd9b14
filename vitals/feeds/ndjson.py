"""Newline-delimited JSON: blocks of bytes to typed lines, typed lines to bytes. A bad line is named, never fatal."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from vitals.feeds.lines import Answers, Line, Malformed, Output, is_number

LONGEST = 1 << 20
"""Bytes after which a line without an end is given up."""

_NEWLINE, _OPEN, _CLOSE = b"\n{}"
_DECODER = msgspec.json.Decoder(Line)
_ENCODER = msgspec.json.Encoder()
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def encode_lines(lines: Sequence[Output]) -> bytes:
    r"""Output lines as NDJSON.

    Example:
        >>> from vitals.feeds.lines import Risk
        >>> encode_lines([Risk("p000001", "2019-01-01T01:00:00Z", 0.25)])
        b'{"kind":"risk","stay":"p000001","time":"2019-01-01T01:00:00Z","risk":0.25}\n'
    """
    if len(lines) == 1 and isinstance(lines[0], Answers):
        return lines[0].text
    if not any(isinstance(line, Answers) for line in lines):
        return _ENCODER.encode_lines(lines)
    parts: list[bytes] = []
    for written, group in itertools.groupby(lines, lambda line: isinstance(line, Answers)):
        if written:
            parts += [line.text for line in group if isinstance(line, Answers)]
        else:
            parts.append(_ENCODER.encode_lines(list(group)))
    return b"".join(parts)


class LineReader:
    r"""Turns a stream of bytes into lines, however the stream is cut into blocks.

    Example:
        >>> reader = LineReader()
        >>> reader.feed(b'{"stay":"p1","time":0,"signal":"spo2","va')
        []
        >>> [line.value for line in reader.feed(b'lue":97}\n')]
        [97.0]
        >>> [(line.reason, line.number) for line in reader.feed(b"what?\n")]
        [('not_json', 2)]
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []  # of the line that has no end yet
        self._size = 0
        self._overlong = False
        self._number = 0

    def feed(self, block: bytes) -> list[Line]:
        """The lines that end in this block, those it completes included, in order.

        Args:
            block: any piece of the stream.

        Returns:
            A :class:`Line` for each line that is not blank, a :class:`Malformed` one where it cannot be read.
        """
        first, whole = self.cut(block)
        return first + self.decode(whole) if whole else first

    def cut(self, block: bytes) -> tuple[list[Line], bytes]:
        """Cut a stream into whole lines without reading them.

        Args:
            block: any piece of the stream.

        Returns:
            A line that was given up for its length, if one ended here, and the lines after it that end in this block,
            for :meth:`decode`, each with its end.
        """
        end = block.rfind(b"\n") + 1
        if end == 0:
            self._keep(block)
            return [], b""
        first: list[Line] = []
        start = 0
        if self._overlong:
            start = block.index(b"\n") + 1
            first = self._give_up()
        whole = b"".join([*self._parts, block[start:end]]) if self._parts or start else block[:end]
        self._parts, self._size = [], 0
        self._keep(block[end:])
        return first, whole

    def close(self) -> list[Line]:
        """The last line, when it came without an end."""
        if self._overlong:
            return self._give_up()
        last = b"".join(self._parts)
        self._parts, self._size = [], 0
        return self.decode(last + b"\n") if last else []

    def kept(self) -> dict[str, Any]:
        """The open line, and how many lines there were, as plain values."""
        return {"open": b"".join(self._parts), "overlong": self._overlong, "number": self._number}

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from what was kept."""
        self._parts, self._size = [kept["open"]] if kept["open"] else [], len(kept["open"])
        self._overlong, self._number = kept["overlong"], kept["number"]

    def _keep(self, rest: bytes) -> None:
        if rest and not self._overlong:
            self._parts.append(rest)
            self._size += len(rest)
            if self._size > LONGEST:
                self._parts, self._size, self._overlong = [], 0, True

    def _give_up(self) -> list[Line]:
        self._number += 1
        self._overlong = False
        return [Malformed(reason="too_long", number=self._number)]

    def skip(self, lines: int) -> None:
        """Count the next lines of what was cut as read by somebody else."""
        self._number += lines

    def decode(self, whole: bytes) -> list[Line]:
        """Read the next lines of what was cut, each with its end."""
        expected = _objects(whole)
        if expected:
            try:
                lines = _DECODER.decode_lines(whole)
            except _UNREADABLE:
                pass
            else:
                if len(lines) == expected:
                    self._number += expected
                    return lines
        return self._decode_each(whole)

    def _decode_each(self, whole: bytes) -> list[Line]:
        lines: list[Line] = []
        for text in whole.split(b"\n")[:-1]:
            self._number += 1
            if len(text) > LONGEST:
                lines.append(Malformed(reason="too_long", number=self._number))
            elif text.strip():
                try:
                    lines.append(_DECODER.decode(text))
                except _UNREADABLE:
                    lines.append(_malformed(text, self._number))
        return lines


def _objects(whole: bytes) -> int:
    """Number of lines, if every one of them begins with ``{`` and ends with ``}``; else 0.

    The fast decoder takes one JSON value after another and does not care where lines end. No value can have ``}``,
    a line end and ``{`` inside it, so after this check one value a line is all that its count can mean.
    """
    if len(whole) > LONGEST or whole.count(b"\n") < 2:
        return 0
    text = np.frombuffer(whole, np.uint8)
    ends = np.flatnonzero(text == _NEWLINE)
    whole_objects = text[0] == _OPEN and (text[ends - 1] == _CLOSE).all() and (text[ends[:-1] + 1] == _OPEN).all()
    return len(ends) if whole_objects else 0


def _malformed(text: bytes, number: int) -> Malformed:
    """Why a line could not be read, and whose it was where that much is clear."""
    try:
        found = json.loads(text.decode())  # slower, but it knows NaN, which is no JSON but common
    except UnicodeDecodeError:
        return Malformed(reason="not_utf8", number=number)
    except (ValueError, RecursionError):
        return Malformed(reason="not_json", number=number)
    if not isinstance(found, dict):
        return Malformed(reason="not_an_object", number=number)
    value = found.pop("value", None)
    try:
        line = msgspec.convert(found, Line)
        msgspec.json.encode(line.stay)  # half a surrogate pair in an escape would break the output
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return Malformed(reason="wrong_type", number=number)
    if is_number(value):
        return Malformed(reason="not_json", number=number)
    return Malformed(stay=line.stay, time=line.time, reason="not_a_number", number=number)
