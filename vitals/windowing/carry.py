"""What the windowing remembers between two calls: one row a bed, plain arrays only, so that a snapshot is a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitals.spec.settings import Settings
from vitals.windowing.types import NEVER, Float32, Int16, Int32, Int64


class Slabs(NamedTuple):
    """State of every bed.

    Attributes:
        admitted: start of the stay, ``(B,)``; NEVER for an empty bed.
        closed: end of the last step that was closed, ``(B,)``; NEVER before the first.
        reach: end of the last step that is due, ``(B,)``; equals ``closed`` between calls.
        watermark: latest time of an accepted sample, ``(B,)``.
        value: last reduced value, ``(B, C)``.
        sampled: time of the sample behind ``value``, ``(B, C)``; NEVER where there was none.
        head: block of the pool with the bed's latest waiting samples, ``(B,)``; -1 for none.
        waiting: number of waiting samples, ``(B,)``.
    """

    admitted: Int64
    closed: Int64
    reach: Int64
    watermark: Int64
    value: Float32
    sampled: Int64
    head: Int32
    waiting: Int32


BLOCK = 8
"""Samples in one block of the pool: a bed's samples lie side by side in memory, a block at a time."""


class Pool(NamedTuple):
    """Samples of open steps, in blocks that are linked by bed, latest first; unused blocks form a list of their own.

    Within a block samples stand in order of arrival, and every block of a bed is full but its first. So of ``n``
    waiting samples the first block holds ``(n - 1) % BLOCK + 1``.

    Attributes:
        time: ``(P, BLOCK)``.
        signal: ``(P, BLOCK)``.
        value: ``(P, BLOCK)``.
        next: block of the samples before these, ``(P,)``; -1 at the end of a list.
        free: ``(2,)``: first unused block, and how many are unused.
    """

    time: Int64
    signal: Int16
    value: Float32
    next: Int32
    free: Int64


_EMPTY = {"admitted": NEVER, "closed": NEVER, "reach": NEVER, "watermark": NEVER, "value": np.nan, "sampled": NEVER,
          "head": -1, "waiting": 0}  # fmt: skip


@dataclass
class Carry:
    """The windowing's state for a ward; :func:`vitals.windowing.advance.advance` takes it in and gives it back.

    Example:
        >>> from vitals.spec.settings import Settings
        >>> settings = Settings.from_tables({"name": "x", "signals": {"spo2": {}}, "window": {"step": "1h"},
        ...                                  "label": {"kind": "sepsis", "horizon": "6h"}})
        >>> carry = Carry.empty(settings, beds=2)
        >>> carry.admit(np.array([0]), np.array([0]))
        >>> carry.beds
        2
    """

    slabs: Slabs
    pool: Pool

    @classmethod
    def empty(cls, settings: Settings, beds: int) -> Carry:
        """A ward of empty beds.

        Args:
            settings: name the columns of the rows.
            beds: rows of the slabs.
        """
        channels = len(settings.channels)
        time = np.full(beds, NEVER, np.int64)
        slabs = Slabs(
            time, time.copy(), time.copy(), time.copy(),
            np.full((beds, channels), np.nan, np.float32), np.full((beds, channels), NEVER, np.int64),
            np.full(beds, -1, np.int32), np.zeros(beds, np.int32),
        )  # fmt: skip
        none = np.zeros((0, BLOCK), np.int64)
        pool = Pool(
            none, none.astype(np.int16), none.astype(np.float32), np.zeros(0, np.int32), np.array([-1, 0])
        )  # fmt: skip
        return cls(slabs, pool)

    @property
    def beds(self) -> int:
        """Number of beds there is room for."""
        return len(self.slabs.admitted)

    def admit(self, bed: Int32 | Int64, admitted: Int64) -> None:
        """Begin a new stay in each of these beds; whatever was known of the former one is gone.

        Args:
            bed: ``(n,)`` rows of the ward.
            admitted: ``(n,)`` int64 microseconds UTC.
        """
        self.release(bed)
        self.slabs.admitted[bed] = admitted

    def release(self, bed: Int32 | Int64) -> None:
        """Empty these beds: no sample of a former stay can reach the next one."""
        for b in np.unique(bed[self.slabs.waiting[bed] > 0]):
            last = place = int(self.slabs.head[b])
            while place >= 0:
                last, place = place, int(self.pool.next[place])
                self.pool.free[1] += 1
            self.pool.next[last] = self.pool.free[0]
            self.pool.free[0] = self.slabs.head[b]
        for name, empty in _EMPTY.items():
            getattr(self.slabs, name)[bed] = empty

    def grow(self, beds: int) -> None:
        """Make room for at least this many beds."""
        more = beds - self.beds
        if more > 0:
            self.slabs = Slabs(
                *(
                    np.concatenate([old, np.full((more, *old.shape[1:]), _EMPTY[name], old.dtype)])
                    for name, old in self.slabs._asdict().items()
                )
            )

    def after_known(self, bed: Int64, time: int | Int64) -> Int64:
        """How long after all that is known of their beds these times are, microseconds."""
        slabs = self.slabs
        return time - np.maximum(np.maximum(slabs.watermark[bed], slabs.closed[bed]), slabs.admitted[bed])

    def until(self, bed: Int64, time: int | Int64, most: int) -> tuple[Int64, NDArray[np.bool_]]:
        """A clock for these beds alone, as :func:`vitals.windowing.advance.advance` takes it, where it can be believed.

        Args:
            bed: ``(n,)`` rows of the ward.
            time: int64 microseconds UTC, ``(n,)`` or one for all.
            most: how long after all that is known of a bed its clock may be.

        Returns:
            ``(B,)`` times, NEVER where the clock says nothing; and which of these beds it is too far ahead of, ``(n,)``.
        """
        ahead: NDArray[np.bool_] = self.after_known(bed, time) > most
        until = np.full(self.beds, NEVER)
        until[bed] = np.where(ahead, NEVER, time)
        return until, ahead

    def make_room(self, blocks: int) -> None:
        """Make sure that this many blocks are unused (the pool grows by a sixteenth at least: large wards are mostly this)."""
        free = int(self.pool.free[1])
        if free >= blocks:
            return
        size = len(self.pool.next)
        more = max(blocks - free, size // 16, 8)
        chain = np.arange(size + 1, size + more + 1, dtype=np.int32)
        chain[-1] = self.pool.free[0]
        self.pool = Pool(
            np.concatenate([self.pool.time, np.zeros((more, BLOCK), np.int64)]),
            np.concatenate([self.pool.signal, np.zeros((more, BLOCK), np.int16)]),
            np.concatenate([self.pool.value, np.zeros((more, BLOCK), np.float32)]),
            np.concatenate([self.pool.next, chain]),
            np.array([size, free + more]),
        )
