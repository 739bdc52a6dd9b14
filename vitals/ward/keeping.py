"""What was kept of a ward is taken up only where it has the form of what the ward would keep now."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitals.errors import StateError

_CURE = "it was written by another version: use that one, or begin a new folder"


def fit(kept: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse what was kept unless it has the same parts, and each array the same columns and types.

    Args:
        kept: tables by part, from disk.
        wanted: the same of a new ward with as many beds.

    Raises:
        StateError: a part, a column, a type or a number of beds that does not fit.

    Example:
        >>> fit({"slabs": {"head": np.zeros(3, np.int32)}}, {"slabs": {"head": np.zeros(3, np.int64)}})
        Traceback (most recent call last):
        vitals.errors.StateError: state slabs.head: came int32 (3,); wanted int64 (3,); it was written by another...
    """
    _refuse_other_names("state", kept, wanted)
    for part, values in wanted.items():
        if not isinstance(values, dict):
            continue
        _refuse_other_names(f"state {part}", kept[part], values)
        for name, array in values.items():
            if isinstance(array, np.ndarray):
                # the pool has as many places as samples had to wait; everything else has one row a bed
                rows = () if part == "pool" and name != "free" else array.shape[:1]
                _refuse_other_form(f"state {part}.{name}", kept[part][name], array, rows)
    places = {len(array) for name, array in kept.get("pool", {}).items() if name != "free"}
    if len(places) > 1:
        raise StateError("state pool", f"columns of {sorted(places)} places", "columns of one length", _CURE)


def _refuse_other_names(where: str, kept: Any, wanted: dict[str, Any]) -> None:
    if not isinstance(kept, dict) or set(kept) != set(wanted):
        came = ", ".join(sorted(map(str, kept))) if isinstance(kept, dict) else type(kept).__name__
        raise StateError(where, came, ", ".join(sorted(wanted)), _CURE)


def _refuse_other_form(where: str, kept: Any, array: Any, rows: tuple[int, ...]) -> None:
    same = isinstance(kept, np.ndarray) and kept.dtype == array.dtype and kept.shape[1:] == array.shape[1:]
    if not same or (rows and kept.shape[:1] != rows):
        came = f"{kept.dtype} {kept.shape}" if isinstance(kept, np.ndarray) else type(kept).__name__
        raise StateError(where, came, f"{array.dtype} {array.shape}", _CURE)
