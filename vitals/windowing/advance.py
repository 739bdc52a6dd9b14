"""Samples in, rows out, for any number of beds and any cut of time. Offline is one call with everything.

Step k of a stay is ``(admitted + (k-1)·step, admitted + k·step]`` and its row stands at the step's end, the prediction
time. What was measured up to the admission is history: known, but no row of its own. Whether a sample is late is
decided sample by sample in order of arrival, within its own bed; so neither the cut of the stream into calls nor any
other bed can change a row.
"""

from __future__ import annotations

import numpy as np

from vitals.errors import DataError
from vitals.spec.settings import Settings
from vitals.windowing.arrive import arrive, beds_of, count, group_by_bed, pass_time
from vitals.windowing.carry import Carry
from vitals.windowing.close import Drops, Out, Scratch, close, list_drops
from vitals.windowing.order import Samples, room_for_samples
from vitals.windowing.repair import converted
from vitals.windowing.rules import Rules, rules_of
from vitals.windowing.types import NEVER, Dropped, Events, Float32, Int8, Int32, Int64, Repaired, Rows


def advance(
    settings: Settings, carry: Carry, events: Events, until: int | Int64 | None = None
) -> tuple[Carry, Rows, Dropped]:
    """Take in samples, close every step that is due, and give its row.

    A step is due when an accepted sample of its bed lies more than ``grace`` after the step's end, or when ``until``
    has reached its end.

    Args:
        settings: channels and window.
        carry: the state; it is updated in place and returned, so use only what comes back.
        events: samples in order of arrival.
        until: the clock, int64 microseconds: one for the ward, or ``(B,)`` with NEVER for beds whose clock says
            nothing; None closes only what the samples themselves make due.

    Returns:
        The carry, the rows of the steps closed by this call, and the samples left out or repaired.

    Example:
        >>> from vitals.spec.settings import Settings
        >>> settings = Settings.from_tables({"name": "x", "signals": {"heart_rate": {}}, "window": {"step": "1h"},
        ...                                  "label": {"kind": "sepsis", "horizon": "6h"}})
        >>> hour = 3_600_000_000
        >>> carry = Carry.empty(settings, beds=1)
        >>> carry.admit(np.array([0]), np.array([0]))
        >>> samples = Events(np.array([0], np.int32), np.array([hour]), np.array([0], np.int16),
        ...                  np.array([80], np.float32))
        >>> carry, rows, dropped = advance(settings, carry, samples, until=2 * hour)
        >>> rows.value.ravel().tolist(), rows.age.ravel().tolist()
        ([80.0, 80.0], [0.0, 1.0])
    """
    rules, slabs = rules_of(settings), carry.slabs
    _refuse_empty_beds(carry, events)
    verdict = np.zeros(len(events), np.int8)
    value, repaired = events.value, Repaired.none()
    if arrive(rules, slabs, events.bed, events.time, events.signal, value, verdict):
        value, repaired = converted(rules.limits, events, verdict)
    if until is None:
        touched = beds_of(events.bed, carry.beds)
    else:
        touched = np.arange(carry.beds, dtype=np.int32)
        pass_time(rules, slabs, np.broadcast_to(np.asarray(until, np.int64), touched.shape))
    start, order = group_by_bed(events.bed, verdict, touched, carry.beds)
    rows, drops, dropped = _close(rules, carry, touched, start, order, (events, value, verdict))
    return carry, rows, _dropped(drops, dropped, repaired)


def close_due(settings: Settings, carry: Carry, bed: Int32) -> tuple[Rows, Dropped]:
    """Close the steps that samples which wait in the carry already have made due.

    Args:
        settings: channels and window.
        carry: the state; it is updated in place.
        bed: ``(n,)`` beds, each once, in order.

    Returns:
        The rows, and the samples that were doubled.
    """
    none = np.zeros(0, np.int64)
    rows, drops, dropped = _close(
        rules_of(settings), carry, bed, np.zeros(len(bed) + 1, np.int64), none, (Events.none(), _NO_VALUE, _NO_VERDICT)
    )
    return rows, _dropped(drops, dropped, Repaired.none())


def left_out(settings: Settings, events: Events, verdict: Int8) -> Dropped:
    """The samples that were refused or repaired when they were taken in.

    Args:
        settings: channels and window.
        events: samples in order of arrival, ``(n,)``.
        verdict: on each of them, ``(n,)``; those that were repaired become accepted ones.
    """
    value, repaired = converted(rules_of(settings).limits, events, verdict)
    drops = _room_for_drops(len(events))
    new = Samples(events.time, events.signal, value, np.zeros(0, np.int64))
    return _dropped(drops, list_drops(verdict, events.bed, new, drops), repaired)


_NO_VALUE, _NO_VERDICT = np.zeros(0, np.float32), np.zeros(0, np.int8)


def _close(
    rules: Rules, carry: Carry, touched: Int32, start: Int64, order: Int64, judged: tuple[Events, Float32, Int8]
) -> tuple[Rows, Drops, int]:
    """Close what is due in the touched beds, with new samples grouped by bed, their values and the verdicts on them."""
    events, value, verdict = judged
    rows, blocks, duplicates, longest = count(rules, carry.slabs, touched, start, order, events.time)
    carry.make_room(blocks)
    new = Samples(events.time, events.signal, value, np.zeros(0, np.int64))
    out = _room_for_rows(rows, len(rules.max_age))
    drops = _room_for_drops(len(events) - len(order) + duplicates)
    dropped = list_drops(verdict, events.bed, new, drops)
    dropped = close(
        rules, carry.slabs, carry.pool, touched, start, order,
        new, room_for_samples(longest), _scratch(longest, len(rules.max_age)), out, drops, dropped,
    )  # fmt: skip
    return Rows(*out), drops, dropped


def _refuse_empty_beds(carry: Carry, events: Events) -> None:
    empty = np.flatnonzero(carry.slabs.admitted[events.bed] == NEVER)
    if len(empty):
        raise DataError(
            f"event {empty[0]}", f"a sample for bed {events.bed[empty[0]]}, which is empty", "an admitted stay",
            "call carry.admit for the bed first",
        )  # fmt: skip


def _room_for_rows(rows: int, channels: int) -> Out:
    shape = (rows, channels)
    return Out(
        np.empty(rows, np.int32), np.empty(rows, np.int64), np.empty(shape, np.float32), np.empty(shape, np.float32),
        np.empty(rows, np.int8),
    )  # fmt: skip


def _room_for_drops(n: int) -> Drops:
    return Drops(
        np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n, np.int16), np.empty(n, np.int64), np.empty(n, np.int8)
    )


def _dropped(drops: Drops, n: int, repaired: Repaired) -> Dropped:
    return Dropped(
        drops.event[:n].copy(), drops.bed[:n].copy(), drops.signal[:n].copy(), drops.time[:n].copy(),
        drops.reason[:n].copy(), repaired,
    )  # fmt: skip


def _scratch(n: int, channels: int) -> Scratch:
    return Scratch(np.zeros(channels, np.int64), np.empty(channels), np.empty(n, np.float32))
