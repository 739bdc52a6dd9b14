"""Taking samples in and closing what they make due are the two halves of ``advance``."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.windowing.hand import HOUR, settings_of
from vitals.windowing.advance import advance, close_due, left_out
from vitals.windowing.arrive import take_in
from vitals.windowing.carry import Carry
from vitals.windowing.close import push
from vitals.windowing.rules import rules_of
from vitals.windowing.types import Dropped, Events, Rows

SETTINGS = settings_of({"heart_rate": {"reduce": "median"}, "temperature": {"reduce": "mean"}}, grace="30min")


def samples(seed: int) -> Events:
    """Samples of four beds over ten hours: some late, some doubled, some impossible, some in Fahrenheit."""
    draw, n = np.random.default_rng(seed), 400
    time = np.sort(draw.integers(1, 10 * HOUR, n)) - draw.choice([0, 0, 0, HOUR, 3 * HOUR], n) // 2
    signal = draw.integers(2, size=n).astype(np.int16)
    value = np.where(signal == 0, draw.choice([80, 90, 5_000], n), draw.choice([37, 38.5, 99.5], n)).astype(np.float32)
    events = Events(draw.integers(4, size=n).astype(np.int32), time, signal, value)
    again = draw.random(n) < 0.1
    order = np.sort(np.concatenate([np.arange(n), np.flatnonzero(again)]))
    return Events(events.bed[order], events.time[order], events.signal[order], events.value[order])


def ward() -> Carry:
    """Four beds."""
    carry = Carry.empty(SETTINGS, 4)
    carry.admit(np.arange(4), np.zeros(4, np.int64))
    return carry


def one_by_one(carry: Carry, events: Events) -> list[tuple[Rows, Dropped]]:
    """Each sample taken in and, where it makes something due, closed."""
    rules, answers = rules_of(SETTINGS), []
    for i in range(len(events)):
        carry.make_room(1)
        bed, one = int(events.bed[i]), events.between(i, i + 1)
        verdict, value = take_in(rules, carry.slabs, bed, events.time[i], events.signal[i], events.value[i])
        if verdict <= 0:
            push(carry.pool, carry.slabs, bed, events.time[i], events.signal[i], value)
        refused = left_out(SETTINGS, one, np.array([verdict], np.int8)) if verdict else Dropped.none()
        rows, doubled = close_due(SETTINGS, carry, np.array([bed], np.int32))
        answers.append((rows, refused.followed_by(doubled)))
    return answers


@pytest.mark.parametrize("seed", range(5))
def test_one_sample_after_the_other_gives_the_same_rows_and_drops(seed: int) -> None:
    events, whole, single = samples(seed), ward(), ward()
    _, rows, dropped = advance(SETTINGS, whole, events)
    answers = one_by_one(single, events)
    for bed in range(4):
        mine = [part for found, _ in answers for part in [found.take(found.bed == bed)] if len(part)]
        theirs = rows.take(rows.bed == bed)
        for name in ("time", "value", "age", "reason"):
            joined = np.concatenate([getattr(part, name) for part in mine])
            assert joined.tobytes() == getattr(theirs, name).tobytes()
    assert len(rows) > 20
    counts: dict[str, int] = {}
    for _, one in answers:
        for reason, many in one.counts().items():
            counts[reason] = counts.get(reason, 0) + many
    assert counts == dropped.counts()
    assert {"late", "duplicate", "impossible", "repaired"} <= set(counts)
