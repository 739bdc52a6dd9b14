"""What every bedside score returns, how its inputs are gathered, and how it is computed for rows of the windowing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitals.errors import DataError
from vitals.windowing.types import Rows

Float32 = NDArray[np.float32]
Values = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class BedsideScore:
    """One score of R rows, with what it rests on.

    A missing component counts 0 points, as on a ward; ``observed`` and ``oldest_age`` show it instead of hiding it.

    Attributes:
        score: ``(R,)`` float32; NaN where no component was observed.
        observed: number of components observed, ``(R,)`` int8.
        oldest_age: age of the oldest value used, ``(R,)`` float32 hours; NaN where nothing was observed or no ages
            were given.
        components: points of each component by name, ``(R,)`` float32 each; NaN where missing.
    """

    score: Float32
    observed: NDArray[np.int8]
    oldest_age: Float32
    components: dict[str, Float32]


@dataclass(frozen=True)
class Inputs:
    """Values and ages of the signals that one score reads, each ``(R,)``; NaN where missing."""

    value: dict[str, NDArray[Any]]
    age: dict[str, Float32]

    def oldest(self, *names: str) -> Float32:
        """The greatest age among these signals, ``(R,)`` hours; NaN where none has a value with an age."""
        oldest = self.age[names[0]]
        for name in names[1:]:
            oldest = np.fmax(oldest, self.age[name])
        return oldest


def gather(names: Sequence[str], values: Values, ages: Values | None, max_age_hours: float | None) -> Inputs:
    """The signals of a score, with NaN for the ones that were not given, are not finite or are too old.

    Args:
        names: the signals that the score reads.
        values: arrays ``(R,)`` by signal name, in catalogue units; further signals are ignored.
        ages: hours since each value was measured, ``(R,)`` by signal name.
        max_age_hours: a value older than this, or of unknown age, counts as missing; ``None`` keeps all.

    Raises:
        DataError: none of the signals was given, the lengths differ, or ages are needed and were not given.
    """
    length = _common_length(names, values, ages)
    if max_age_hours is not None and ages is None:
        raise DataError("max_age_hours", "no ages", "the age of each value", "pass ages, or leave max_age_hours out")
    value, age = {}, {}
    for name in names:
        given = np.asarray(values[name]) if name in values else np.full(length, np.nan, np.float32)
        known = np.isfinite(given)
        hours = np.asarray(ages[name], np.float32) if ages is not None and name in ages else np.full(length, np.nan)
        if max_age_hours is not None:
            known &= hours <= max_age_hours  # an unknown age (NaN) compares False: not young enough
        value[name] = np.where(known, given, np.nan)
        age[name] = np.where(known, hours, np.nan).astype(np.float32)
    return Inputs(value, age)


def total(components: dict[str, Float32], oldest_age: Float32) -> BedsideScore:
    """Add the points up: a missing component counts 0, and no component at all gives NaN."""
    observed = count(components)
    score = np.zeros(len(observed), np.float32)
    for points in components.values():
        score += np.nan_to_num(points, nan=0.0)
    score[observed == 0] = np.nan
    return BedsideScore(score, observed, oldest_age, components)


def count(components: dict[str, Float32]) -> NDArray[np.int8]:
    """How many of the components are known in each row, ``(R,)`` int8."""
    observed = np.zeros(len(next(iter(components.values()))), np.int8)
    for points in components.values():
        observed += np.isfinite(points)
    return observed


def score_rows(
    score: Callable[..., BedsideScore],
    rows: Rows,
    channels: Sequence[str],
    max_age_hours: float | None = None,
    **options: object,
) -> BedsideScore:
    """Compute a bedside score from the rows that a model sees, carried values and ages included.

    Args:
        score: ``news2``, ``mews``, ``qsofa``, ``sirs`` or ``shock_index``.
        rows: rows of the windowing, ``(R, C)``.
        channels: the name of each of the C columns, as ``settings.channels`` gives them.
        max_age_hours: a value older than this counts as missing; ``None`` keeps what the windowing carried.
        options: passed on to the score, such as ``spo2_scale=2``.

    Raises:
        DataError: the number of names is not the number of columns, or no column is one the score reads.

    Example:
        >>> from vitals.bedside.news2 import news2
        >>> rows = Rows(
        ...     bed=np.zeros(1, np.int32),
        ...     time=np.zeros(1, np.int64),
        ...     value=np.array([[112, 22]], np.float32),
        ...     age=np.array([[0.5, 9.0]], np.float32),
        ...     reason=np.zeros(1, np.int8),
        ... )
        >>> score_rows(news2, rows, ["heart_rate", "resp_rate"]).score.tolist()
        [4.0]
        >>> score_rows(news2, rows, ["heart_rate", "resp_rate"], max_age_hours=8).score.tolist()
        [2.0]
    """
    if len(channels) != rows.value.shape[1]:
        wanted = f"{rows.value.shape[1]}, one for each column of the rows"
        raise DataError("channels", f"{len(channels)} names", wanted, "pass settings.channels")
    values = {name: rows.value[:, column] for column, name in enumerate(channels)}
    ages = {name: rows.age[:, column] for column, name in enumerate(channels)}
    return score(values, ages, max_age_hours=max_age_hours, **options)


def _common_length(names: Sequence[str], values: Values, ages: Values | None) -> int:
    given = {name: len(values[name]) for name in names if name in values}
    if not given:
        came = ", ".join(values) or "nothing"
        raise DataError("values", came, "at least one of " + ", ".join(names), "name the signals as the catalogue does")
    given |= {f"age of {name}": len(ages[name]) for name in names if ages is not None and name in ages}
    if len(set(given.values())) > 1:
        came = ", ".join(f"{name} {length}" for name, length in given.items())
        raise DataError("values", f"different lengths ({came})", "one length for all", "pass one entry for each row")
    return next(iter(given.values()))
