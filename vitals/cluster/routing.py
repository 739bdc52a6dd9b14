"""Which partition a line belongs to: that of its stay, reckoned here as the servers reckon it."""

from __future__ import annotations

import json
from urllib.parse import quote_from_bytes

import numpy as np
from numpy.typing import NDArray

from vitals.windowing.compiled import compiled

NOBODY = b"nobody"
"""Whose lines are that name no stay: they are counted once, in one partition."""

EVERYWHERE = -2
"""In place of a partition: a line that concerns all of them."""

_UNSURE = -1
_START, _FACTOR = 0x811C9DC5, 0x01000193  # FNV-1a, 32 bits
_KEY = np.frombuffer(b'"stay":"', np.uint8)
_CLOCK = np.frombuffer(b'"kind"', np.uint8)
_PLAIN = np.zeros(256, np.bool_)
_PLAIN[list(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-~")] = True


def token_of(stay: str) -> bytes:
    """A stay as part of a subject.

    Example:
        >>> token_of("p000001"), token_of("bed 4.2")
        (b'p000001', b'bed%204%2E2')
    """
    return quote_from_bytes(stay.encode("utf-8", "surrogatepass"), safe="").replace(".", "%2E").encode() or NOBODY


def partition_of(token: bytes, partitions: int) -> int:
    """The partition of a token, as ``{{partition(N,1)}}`` in a server's mappings has it.

    Example:
        >>> partition_of(b"p000001", 64)
        4
    """
    found = _START
    for letter in token:
        found = ((found ^ letter) * _FACTOR) & 0xFFFFFFFF
    return found % partitions


def route(text: bytes, partitions: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    r"""The partition of every line, :data:`EVERYWHERE` for clock lines; and where each line ends.

    Args:
        text: whole lines, each with its end.
        partitions: how many there are.

    Example:
        >>> where, ends = route(b'{"stay":"p000001","time":0}\n{"kind":"clock","time":0}\n', 64)
        >>> where.tolist(), ends.tolist()
        ([4, -2], [28, 54])
    """
    letters = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(letters == 10) + 1
    where = np.empty(len(ends), np.int32)
    _route(letters, ends, where, partitions, _KEY, _CLOCK, _PLAIN)
    for i in np.flatnonzero(where == _UNSURE).tolist():
        where[i] = _read(text[int(ends[i - 1]) if i else 0 : int(ends[i])], partitions)
    return where, ends


def gather(text: bytes, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> bytes:
    """Some lines of a text, one after the other.

    Args:
        text: lines.
        begins: where each begins, in the order in which they are wanted.
        ends: where each ends.

    Example:
        >>> gather(b"a.b.c.", np.array([4, 0]), np.array([6, 2]))
        b'c.a.'
    """
    out = np.empty(int((ends - begins).sum()), np.uint8)
    _gather(np.frombuffer(text, np.uint8), begins, ends, out)
    return out.tobytes()


def _read(line: bytes, partitions: int) -> int:
    """The partition of a line that is not plain."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return partition_of(NOBODY, partitions)
    if found.get("kind") == "clock":
        return EVERYWHERE
    stay = found.get("stay")
    return partition_of(token_of(stay) if isinstance(stay, str) else NOBODY, partitions)


@compiled
def _route(letters, ends, where, partitions, key, clock, plain):  # type: ignore[no-untyped-def]
    """Lines of one table with one plain ``"stay":"…"``, no escapes, no kind; all others are left to a slower hand."""
    begin = 0
    for i in range(len(ends)):
        end, found, at = ends[i] - 1, -1, begin
        sure, tables = True, 0
        while at < end:
            letter = letters[at]
            tables += letter == 123  # what is within another table is not this line's
            if tables > 1 or letter == 92 or (letter == 34 and at + 6 <= end and _same(letters, at, clock)):
                sure = False
                break
            if letter == 34 and at + 8 <= end and _same(letters, at, key):
                if found >= 0:
                    sure = False
                    break
                found = at + 8
                at += 8
                continue
            at += 1
        where[i] = -1
        if sure and found >= 0:
            value, at = np.uint32(0x811C9DC5), found
            while at < end and plain[letters[at]]:
                value = np.uint32((value ^ np.uint32(letters[at])) * np.uint32(0x01000193))
                at += 1
            if at > found and at < end and letters[at] == 34:
                where[i] = np.int32(value % np.uint32(partitions))
        begin = ends[i]


@compiled
def _same(letters, at, text):  # type: ignore[no-untyped-def]
    for j in range(len(text)):  # noqa: SIM110 (compiled: a loop it is)
        if letters[at + j] != text[j]:
            return False
    return True


@compiled
def _gather(letters, begins, ends, out):  # type: ignore[no-untyped-def]
    at = 0
    for i in range(len(begins)):
        for j in range(begins[i], ends[i]):
            out[at] = letters[j]
            at += 1
