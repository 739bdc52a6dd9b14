"""Scores of a stay as bits, one a score, 64 to a word: the two processor instructions that make leaping over them cheap."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from vitals.windowing.compiled import compiled

ONE, ALL = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)


def _lowest_bit(typing: Any, word: Any) -> Any:  # noqa: ARG001
    """Place of the lowest set bit of a uint64 that is not 0."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), build


def _set_bits(typing: Any, word: Any) -> Any:  # noqa: ARG001
    """How many bits of a uint64 are set."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), build


lowest_bit: Any = intrinsic(_lowest_bit)
set_bits: Any = intrinsic(_set_bits)


@compiled
def next_bit(words, at, many):  # type: ignore[no-untyped-def]
    """The first set bit from ``at`` on in the first ``many`` words; -1 for none."""
    w = at >> 6
    if w >= many:
        return np.int64(-1)
    word = words[w] & (ALL << np.uint64(at & 63))
    while word == 0:
        w += 1
        if w == many:
            return np.int64(-1)
        word = words[w]
    return (w << 6) + lowest_bit(word)


@compiled
def mark(words, begin, end):  # type: ignore[no-untyped-def]
    """Set the bits from ``begin`` to before ``end``."""
    for i in range(begin, end):
        words[i >> 6] |= ONE << np.uint64(i & 63)


@compiled
def both(one, other, many):  # type: ignore[no-untyped-def]
    """How many bits are set in both, of the first ``many`` words."""
    total = np.int64(0)
    for w in range(many):
        total += set_bits(one[w] & other[w])
    return total
