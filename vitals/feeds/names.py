"""Names to numbers within compiled loops: an open hash table over the bytes of short names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitals.windowing.compiled import compiled_flat
from vitals.windowing.types import Int32

WIDTH = 40
"""Bytes of the longest name that is kept; lines with a longer one are read the slow way."""

_FREE, _LEFT = -1, -2
_PRIME = 1099511628211
_FEWEST = 16


class Table(NamedTuple):
    """What the loops read.

    Attributes:
        slot: numbers of the names, by hash, ``(2^k,)``; -1 where none ever was, -2 where one was taken out.
        text: the bytes of each name, ``(N, WIDTH)``.
        size: how many bytes, ``(N,)``; 0 for a number without a name.
    """

    slot: Int32
    text: NDArray[np.uint8]
    size: Int32


@compiled_flat
def first_place(data: NDArray[np.uint8], lo: int, hi: int, mask: int) -> int:
    """Where the search for the name ``data[lo:hi]`` begins (FNV-1a, its high bits folded in)."""
    code = np.uint64(14695981039346656037)
    for i in range(lo, hi):
        code = (code ^ np.uint64(data[i])) * np.uint64(_PRIME)
    return int(np.int64((code ^ (code >> np.uint64(29))) & np.uint64(mask)))


@compiled_flat
def find(slot: Int32, text: NDArray[np.uint8], size: Int32, data: NDArray[np.uint8], lo: int, hi: int) -> int:
    """The number of the name ``data[lo:hi]``, or -1."""
    mask = len(slot) - 1
    place = first_place(data, lo, hi, mask)
    while slot[place] != _FREE:
        n = slot[place]
        if n >= 0 and size[n] == hi - lo:
            i = 0
            while i < hi - lo and text[n, i] == data[lo + i]:
                i += 1
            if i == hi - lo:
                return int(n)
        place = (place + 1) & mask
    return -1


@compiled_flat
def put(slot: Int32, text: NDArray[np.uint8], size: Int32, n: int) -> None:
    """Enter name n, whose bytes are in ``text``, and which is not there yet."""
    mask = len(slot) - 1
    place = first_place(text[n], 0, size[n], mask)
    while slot[place] >= 0:
        place = (place + 1) & mask
    slot[place] = n


@compiled_flat
def put_all(slot: Int32, text: NDArray[np.uint8], size: Int32) -> None:
    """Enter every name anew."""
    slot[:] = _FREE
    for n in range(len(size)):
        if size[n] > 0:
            put(slot, text, size, n)


@compiled_flat
def take_out(slot: Int32, text: NDArray[np.uint8], size: Int32, n: int) -> None:
    """Forget name n; its place stays marked, so that names behind it are still found."""
    mask = len(slot) - 1
    place = first_place(text[n], 0, size[n], mask)
    while slot[place] != _FREE:
        if slot[place] == n:
            slot[place] = _LEFT
        place = (place + 1) & mask
    size[n] = 0


class Names:
    """Short plain names and their numbers, as compiled loops can read them.

    A name that needs an escape in JSON, is not ASCII or is too long is left out: whoever asks takes the slow way.

    Example:
        >>> names = Names(2)
        >>> names.enter("p1", 0)
        >>> names.number(b"p1"), names.number(b"p2")
        (0, -1)
        >>> names.leave("p1", 0)
        >>> names.number(b"p1")
        -1
    """

    def __init__(self, capacity: int) -> None:
        self._entered = 0
        self.table = Table(
            np.full(_slots(capacity), _FREE, np.int32),
            np.zeros((capacity, WIDTH), np.uint8),
            np.zeros(capacity, np.int32),
        )

    def enter(self, name: str, number: int) -> None:
        """Let a name have this number, which is not in use."""
        text = plain_bytes(name)
        if not text:
            return
        if number >= len(self.table.size):
            self._grow(max(number + 1, 2 * len(self.table.size)))
        _, texts, size = self.table
        texts[number, : len(text)] = np.frombuffer(text, np.uint8)
        size[number] = len(text)
        self._entered += 1
        if 2 * self._entered > len(self.table.slot):  # places that were left fill up too
            put_all(*self.table)
            self._entered = int((size > 0).sum())
        else:
            put(*self.table, number)

    def leave(self, name: str, number: int) -> None:
        """Forget a name, if it was kept."""
        if plain_bytes(name):
            take_out(*self.table, number)

    def number(self, name: bytes) -> int:
        """The number of a name, or -1."""
        return int(find(*self.table, np.frombuffer(name, np.uint8), 0, len(name)))

    def _grow(self, capacity: int) -> None:
        _, text, size = self.table
        more = capacity - len(size)
        self.table = Table(
            np.empty(_slots(capacity), np.int32),
            np.concatenate([text, np.zeros((more, WIDTH), np.uint8)]),
            np.concatenate([size, np.zeros(more, np.int32)]),
        )
        put_all(*self.table)


def plain_bytes(name: str) -> bytes:
    r"""The bytes by which JSON writes a name, if they are the name itself and few enough; else none.

    Example:
        >>> plain_bytes("p1"), plain_bytes('p"1'), plain_bytes("pé")
        (b'p1', b'', b'')
    """
    if len(name) > WIDTH or not name.isascii() or not name.isprintable() or '"' in name or "\\" in name:
        return b""
    return name.encode()


def _slots(capacity: int) -> int:
    return 1 << max(4 * capacity, _FEWEST).bit_length()
