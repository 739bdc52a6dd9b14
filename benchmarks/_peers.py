"""The work of ``advance`` in the words of pandas, polars and numpy: last value a step, carried forward, with its age.

Each is the fastest honest way found. An as-of join does everything at once: of each channel, the last sample at or
before the end of a row, if it is not older than ``max_age``. Stays are laid end to end on one axis, so far apart that
an age limit also keeps one stay's samples out of the next: joining by stay is many times slower.

They do less than ``advance``: they rely on samples that are sorted, possible and not repeated, and know no lateness,
no grace, no history across calls. Each returns values and ages in the library's own container, rows by channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from vitals.spec.settings import Settings
from vitals.windowing.types import Events, Int64

HOUR = 3.6e9


@dataclass(frozen=True)
class Work:
    """Samples in order of (bed, time) and the stays they belong to, all in microseconds."""

    settings: Settings
    events: Events
    admitted: Int64
    discharged: Int64

    @cached_property
    def offset(self) -> Int64:
        """Time since admission of every sample; kept, so that timing a peer does not count it."""
        return self.events.time - self.admitted[self.events.bed]

    def rows(self) -> tuple[Int64, Int64]:
        """Stay and time since admission of every row."""
        step = int(self.settings.window.step)
        many = (self.discharged - self.admitted) // step
        bed = np.repeat(np.arange(len(many)), many)
        before = np.repeat(np.cumsum(many) - many, many)
        return bed, (np.arange(len(bed)) - before + 1) * step

    def cells(self) -> tuple[Int64, np.ndarray]:
        """Row of every sample, and whether there is such a row; what came by the admission is known in the first row."""
        step = int(self.settings.window.step)
        many = (self.discharged - self.admitted) // step
        k = np.maximum(-(-self.offset // step) - 1, 0)
        return (np.cumsum(many) - many)[self.events.bed] + k, k < many[self.events.bed]

    @cached_property
    def reach(self) -> int:
        """No sample of a stay can be older than this at any of its rows."""
        offset = self.offset
        longest = max(int((self.discharged - self.admitted).max()), int(offset.max(initial=0)))
        return longest - min(0, int(offset.min(initial=0)))

    def axis(self) -> tuple[Int64, Int64, Int64]:
        """Place of every sample and of every row on the one axis, and each channel's limit there."""
        reach, (bed, since) = self.reach, self.rows()
        return self.events.bed * np.int64(2 * reach) + self.offset, bed * 2 * reach + since, self.limits()

    def limits(self) -> Int64:
        """The age limit of every channel, ``(C,)``."""
        ages = [int(channel.max_age) for channel in self.settings.signals.values()]
        return np.minimum(ages + [self.reach] * len(self.settings.demographics), self.reach)


def pandas_asof(work: Work) -> tuple[pd.DataFrame, pd.DataFrame]:
    """pandas: one ``merge_asof`` a channel."""
    key, rows, limits = work.axis()
    samples = pd.DataFrame({"key": key, "at": key, "value": work.events.value, "signal": work.events.signal})
    grid = pd.DataFrame({"key": rows})
    parts = dict(list(samples.groupby("signal")))
    value, age = {}, {}
    for c, limit in enumerate(limits.tolist()):
        found = pd.merge_asof(grid, parts.get(c, samples[:0]), on="key", tolerance=limit)
        value[c], age[c] = found["value"], ((found["key"] - found["at"]) / HOUR).astype(np.float32)
    return pd.DataFrame(value), pd.DataFrame(age)


def pandas_ffill(work: Work) -> tuple[pd.DataFrame, pd.DataFrame]:
    """pandas as it is mostly written: last sample a step, pivot, forward fill within the stay, age limit."""
    events, (bed, since), (row, inside) = work.events, work.rows(), work.cells()
    at = work.offset.astype(float)
    samples = pd.DataFrame({"row": row, "signal": events.signal, "value": events.value, "at": at})[inside]
    samples = samples.drop_duplicates(["row", "signal"], keep="last")
    wide = samples.pivot(index="row", columns="signal")  # noqa: PD010 - pivot_table would reduce again
    wide = wide.reindex(range(len(bed))).groupby(bed).ffill()
    value, at = (wide[name].reindex(columns=range(len(work.settings.channels))) for name in ("value", "at"))
    age = at.rsub(since, axis=0)
    fresh = age <= work.limits()
    return value.where(fresh).astype(np.float32), (age.where(fresh) / HOUR).astype(np.float32)


def polars_asof(work: Work) -> tuple[pl.DataFrame, pl.DataFrame]:
    """polars: one ``join_asof`` a channel."""
    key, rows, limits = work.axis()
    samples = pl.DataFrame({"key": key, "at": key, "value": work.events.value, "signal": work.events.signal})
    grid = pl.DataFrame({"key": rows}).set_sorted("key")
    parts = samples.partition_by("signal", maintain_order=True, include_key=False, as_dict=True)
    columns = []
    for c, limit in enumerate(limits.tolist()):
        part = parts.get((c,), samples.clear().drop("signal")).set_sorted("key")
        found = grid.join_asof(part, on="key", strategy="backward", tolerance=limit)
        age = ((pl.col("key") - pl.col("at")) / HOUR).cast(pl.Float32).alias(f"age {c}")
        columns.append(found.select(pl.col("value").alias(f"value {c}"), age))
    wide = pl.concat(columns, how="horizontal")
    return wide.select(pl.col("^value .*$")), wide.select(pl.col("^age .*$"))


def numpy_flat(work: Work) -> tuple[np.ndarray, np.ndarray]:
    """numpy: the position of each cell's last sample, carried forward by a running maximum."""
    events, (bed, since), (row, inside) = work.events, work.rows(), work.cells()
    at = np.full((len(bed), len(work.settings.channels)), -1, np.int32)
    at[row[inside], events.signal[inside]] = np.flatnonzero(inside)
    np.maximum.accumulate(at, axis=0, out=at)
    age = since[:, None] - work.offset[at]
    # samples lie stay by stay, so a position before the stay's first sample was carried over from another stay
    first = np.searchsorted(events.bed, np.arange(len(work.admitted)))
    gone = (at < first[bed][:, None]) | (age > work.limits())
    value, age = events.value[at], (age / HOUR).astype(np.float32)
    value[gone] = age[gone] = np.nan
    return value, age


def as_array(table: Any) -> np.ndarray:
    """The same numbers as a float32 array, rows by channels."""
    return np.asarray(table.to_numpy() if hasattr(table, "to_numpy") else table, np.float32)
