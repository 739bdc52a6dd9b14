"""What a plain line may name, in one piece: handing its arrays over one by one costs more than reading the line."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.experimental import structref

from vitals.feeds.moments import Bytes
from vitals.feeds.names import Table
from vitals.feeds.scan import Columns, scan
from vitals.windowing.compiled import compiled
from vitals.windowing.types import Int32


@structref.register
class _VocabularyType(types.StructRef):
    """How numba knows it."""


class Vocabulary(structref.StructRefProxy):
    """Stays, signals and units, and the unit of each column; when one of them is replaced, it has to be made again."""


structref.define_proxy(Vocabulary, _VocabularyType, ["stays", "words", "unit_of"])  # type: ignore[no-untyped-call]


@compiled
def vocabulary(stays: Table, words: Table, unit_of: Int32) -> Any:
    """Put the parts together."""
    return Vocabulary(stays, words, unit_of)  # type: ignore[no-untyped-call]


@compiled
def scan_with(known: Any, data: Bytes, at: int, out: Columns, n: int) -> tuple[int, int]:
    """Read plain lines, as :func:`vitals.feeds.scan.scan` does."""
    place: tuple[int, int] = scan(data, at, known.stays, known.words, known.unit_of, out, n)
    return place
