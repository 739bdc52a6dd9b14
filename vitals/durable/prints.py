"""Fingerprints of lines: 64 bits for what a line says, the same in every process and every version."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitals.feeds.ndjson import LONGEST
from vitals.windowing.compiled import compiled

Prints = NDArray[np.uint64]

_START, _FACTOR = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a
_FOLD, _SPREAD = np.uint64(32), np.uint64(0x9E3779B97F4A7C15)
_LIMIT = LONGEST + 1  # bytes of a line that count: what is longer is given up, and may come cut off
_NEWLINE = np.uint8(10)


def prints_of(text: bytes) -> tuple[Prints, NDArray[np.int64]]:
    r"""Fingerprint and end of every line.

    Args:
        text: whole lines, each with its end.

    Returns:
        ``(N,)`` fingerprints, and ``(N,)`` how many bytes lie before the next line.

    Example:
        >>> prints, ends = prints_of(b"one\ntwo\none\n")
        >>> bool(prints[0] == prints[2] != prints[1]), ends.tolist()
        (True, [4, 8, 12])
    """
    letters = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(letters == _NEWLINE) + 1
    prints = np.empty(len(ends), np.uint64)
    _fill(letters, ends, prints)
    return prints, ends


@compiled
def _fill(letters, ends, prints):  # type: ignore[no-untyped-def]
    at = 0
    for i in range(len(ends)):
        found = _START
        for j in range(at, min(ends[i] - 1, at + _LIMIT)):
            found = (found ^ np.uint64(letters[j])) * _FACTOR
        found = (found ^ (found >> _FOLD)) * _SPREAD
        prints[i] = found ^ (found >> _FOLD)
        at = ends[i]
