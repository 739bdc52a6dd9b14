"""Columns of data frames of any library, as arrays; what cannot be meant is refused by its name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vitals.errors import DataError, nearest
from vitals.windowing.types import Float64, Int64

MISSING = np.iinfo(np.int64).min
"""What a missing time is as a whole number."""


class Frame(Protocol):
    """A pandas or polars data frame, or anything with named columns."""

    @property
    def columns(self) -> Iterable[Any]:
        """Names of the columns."""

    def __getitem__(self, name: str, /) -> Any:
        """One column."""


def require(frame: Frame, table: str, wanted: tuple[str, ...]) -> None:
    """Refuse a table that lacks columns, naming all of them."""
    if hasattr(frame, "collect") or not hasattr(frame, "columns") or not hasattr(frame, "__getitem__"):
        came, cure = f"a {type(frame).__name__}", "pass a pandas or polars data frame; a lazy one has to be collected"
        raise DataError(table, came, "a data frame with named columns", cure)
    there = list(map(str, frame.columns))
    missing = [name for name in wanted if name not in there]
    if missing:
        came = f"no column {', '.join(missing)} (there are {', '.join(there) or 'none'})"
        cure = nearest(missing[0], there) if there else "pass the table"
        raise DataError(table, came, f"the columns {', '.join(wanted)}", cure)


def column(frame: Frame, name: str, table: str) -> Any:
    """One column.

    Raises:
        DataError: there is none of that name.
    """
    if name not in list(frame.columns):
        raise DataError(f"{table} {name}", "no such column", "the column", nearest(name, map(str, frame.columns)))
    return frame[name]


def microseconds_of(frame: Frame, name: str, table: str, missing: bool = False) -> Int64:
    """A column of times as int64 microseconds UTC, ``(n,)``.

    Raises:
        DataError: no such column, no times, or a missing one where ``missing`` is not allowed.
    """
    said = column(frame, name, table)
    if "datetime" in str(said.dtype).lower():
        values = np.asarray(said, "datetime64[us]").astype(np.int64)
    else:
        values = _whole(np.asarray(said), f"{table} {name}")
    if not missing and (values == MISSING).any():
        raise DataError(f"{table} {name}", "a missing time", "a time in every row", "leave out such rows")
    return values.astype(np.int64)


def _whole(values: NDArray[Any], where: str) -> Int64:
    """Whole numbers, the missing among them as a missing time is."""
    if values.dtype.kind in "iu" or not len(values):
        return values.astype(np.int64)
    said = values.astype(object)
    lacks = np.array([one is None or one != one or str(one) == "<NA>" for one in said.tolist()], bool)  # noqa: PLR0124
    whole = [isinstance(one, int | np.integer) or (isinstance(one, float) and one.is_integer()) for one in said[~lacks]]
    if not all(whole):
        came = f"a column of {values.dtype}"
        raise DataError(where, came, "datetimes, or whole microseconds", "convert the column")
    times = np.full(len(values), MISSING)
    times[~lacks] = [int(one) for one in said[~lacks]]
    return times


def numbers(frame: Frame, name: str, wanted: str) -> Float64:
    """A column of the risks as numbers, ``(R,)``.

    Raises:
        DataError: something else.
    """
    try:
        return np.asarray(column(frame, name, "risks"), np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"risks {name}", str(error), wanted, "convert the column") from None


def positions(frame: Frame, table: str, index: dict[Any, int], chosen: NDArray[np.bool_] | None = None) -> Int64:
    """Number of the stay of each row.

    Raises:
        DataError: a stay that the table of stays does not have.
    """
    names = np.asarray(column(frame, "stay_id", table))
    names = names if chosen is None else names[chosen]
    try:
        return np.fromiter((index[name] for name in names.tolist()), np.int64, len(names))
    except KeyError as error:
        wanted = "a stay of the stays table"
        raise DataError(f"{table} stay_id", f"unknown stay {error}", wanted, "add the stay") from None
