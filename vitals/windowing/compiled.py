"""Compiled loops whose cache knows every file they were made from.

A compiled loop holds the constants and the field order of tuples that other files define, while numba's cache looks only
at the file the loop stands in. After an update of one of the others it would go on with the old loop in silence.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

_FLAT: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True, "_nrt": False}
_PACKAGE = Path(__file__).parent.parent
_SOURCES = (
    "windowing/*.py",
    "alerting/*.py",
    "feeds/moments.py",
    "feeds/names.py",
    "feeds/scan.py",
    "feeds/times.py",
    "feeds/answers.py",
    "feeds/vocabulary.py",
    "scoring/running.py",
    "ward/in_hand.py",
    "ward/open_steps.py",
    "ward/taking.py",
)


@functools.cache
def sources_digest() -> str:
    """SHA-256 of all files that a compiled loop is made from."""
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(_PACKAGE.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def compiled(loop: Callable[..., Any]) -> Any:
    """Compile a loop when it is first called, and keep the result on disk until one of its sources changes.

    Division by zero gives infinity or NaN instead of a check at every division, which would keep the loops from being
    vectorised.
    """
    return _kept(njit(cache=True, error_model="numpy", nogil=True)(loop))


def compiled_flat(loop: Callable[..., Any]) -> Any:
    """Compile a loop that makes no array of its own, into the loop that calls it.

    Arrays are handed from one such loop to another without counting references, which in loops over bytes costs more
    than the work.
    """
    return _kept(njit(**_FLAT, forceinline=True)(loop))


def compiled_sums(loop: Callable[..., Any]) -> Any:
    """As :func:`compiled_flat`, where a product and a sum may become one instruction that rounds once.

    So the bits may differ from one machine to the next: only for what is compared within a tolerance.
    """
    return _kept(njit(**_FLAT, fastmath={"contract"})(loop))


def _kept(dispatcher: Any) -> Any:
    kept = dispatcher._cache._cache_file  # noqa: SLF001 (numba offers no public way to name further sources)
    kept._source_stamp = (kept._source_stamp, sources_digest())  # noqa: SLF001
    return dispatcher
