"""Beds that are emptied, taken again and added: nothing of a former stay is left, nothing of a present one is lost."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.windowing.hand import BEGIN, HOUR, MINUTE, Bay, settings_of, values
from vitals.errors import DataError
from vitals.windowing.carry import BLOCK, Carry
from vitals.windowing.types import NEVER

SIGNALS = {"heart_rate": {"reduce": "mean"}, "spo2": {}}


def free_blocks(carry: Carry) -> list[int]:
    """The unused blocks of the pool, by walking their list."""
    places, place = [], int(carry.pool.free[0])
    while place >= 0:
        assert place not in places, "the list of unused blocks runs in a circle"
        places.append(place)
        place = int(carry.pool.next[place])
    return places


def waiting_blocks(carry: Carry, bed: int) -> list[int]:
    """Where the waiting samples of a bed lie."""
    places, place = [], int(carry.slabs.head[bed])
    while place >= 0:
        places.append(place)
        place = int(carry.pool.next[place])
    return places


def assert_whole(carry: Carry) -> None:
    """Every block of the pool is in one list, and the counts are those of the lists."""
    waiting = [waiting_blocks(carry, bed) for bed in range(carry.beds)]
    assert [len(blocks) for blocks in waiting] == [-(-n // BLOCK) for n in carry.slabs.waiting.tolist()]
    free = free_blocks(carry)
    assert len(free) == carry.pool.free[1]
    assert sorted(sum(waiting, free)) == list(range(len(carry.pool.time)))


def _busy_bay() -> Bay:
    """Two beds; in each a row behind it, one value known and three samples that wait for the second step's end."""
    bay = Bay(settings_of(SIGNALS), 0, 0)
    minutes = (10, 70, 80, 90)
    rows, _ = bay.take(*((bed, minute * MINUTE, 60 + minute) for minute in minutes for bed in (0, 1)), until=HOUR)
    assert values(rows) == [70.0, 70.0]
    assert bay.carry.slabs.waiting.tolist() == [3, 3]
    return bay


def test_a_bed_begins_empty() -> None:
    """Nothing is known, nobody lies there."""
    carry = Carry.empty(settings_of(SIGNALS), 2)
    assert carry.beds == 2
    assert (carry.slabs.admitted == NEVER).all()
    assert np.isnan(carry.slabs.value).all()
    assert_whole(carry)


def test_waiting_samples_come_back_when_their_step_ends() -> None:
    """And the blocks they took are free again."""
    bay = _busy_bay()
    assert_whole(bay.carry)
    rows, left = bay.take(until=2 * HOUR)
    assert (values(rows), left) == ([140.0, 140.0], [])
    assert bay.carry.slabs.waiting.tolist() == [0, 0]
    assert len(free_blocks(bay.carry)) == len(bay.carry.pool.time)
    assert_whole(bay.carry)


@pytest.mark.parametrize("released", [True, False])
def test_nothing_of_a_former_stay_reaches_the_next(released: bool) -> None:
    """Neither values nor waiting samples nor the time, whether the bed was emptied first or simply taken again."""
    bay = _busy_bay()
    if released:
        bay.carry.release(np.array([0]))
    bay.admit(0, 30 * MINUTE)  # earlier than what the former stay had seen
    assert_whole(bay.carry)
    rows, left = bay.take((0, 40 * MINUTE, 55, "spo2"), until=[2 * HOUR, None])
    assert [(row.bed, row.time, row.value) for row in rows] == [(0, HOUR + 30 * MINUTE, [None, 55.0])]
    assert left == []


def test_the_other_bed_keeps_everything() -> None:
    """Releasing bed 0 changes no bit of bed 1."""
    bay = _busy_bay()
    bay.carry.release(np.array([0]))
    rows, left = bay.take(until=[None, 2 * HOUR])
    assert [(row.bed, row.value) for row in rows] == [(1, [140.0, None])]
    assert left == []


def test_a_released_bed_is_empty() -> None:
    """It gives no rows and takes no samples."""
    bay = _busy_bay()
    bay.carry.release(np.array([1]))
    for name, slab in bay.carry.slabs._asdict().items():
        np.testing.assert_array_equal(slab[1], getattr(Carry.empty(bay.settings, 1).slabs, name)[0])
    assert {row.bed for row in bay.take(until=5 * HOUR)[0]} == {0}
    with pytest.raises(DataError, match="bed 1, which is empty"):
        bay.take((1, 10, 80))


def test_the_pool_gets_its_blocks_back() -> None:
    """Three waiting samples a bed, and then so many that they take three blocks."""
    bay = _busy_bay()
    free = int(bay.carry.pool.free[1])
    bay.carry.release(np.array([0]))
    assert bay.carry.pool.free[1] == free + 1
    assert_whole(bay.carry)
    bay.take(*((1, 91 * MINUTE + i, 80) for i in range(2 * BLOCK)))
    assert_whole(bay.carry)
    bay.carry.release(np.array([1]))
    assert bay.carry.pool.free[1] == len(bay.carry.pool.time)
    assert_whole(bay.carry)


@pytest.mark.parametrize("twice", [[0, 0], [1, 1], [0, 1, 0]])
def test_a_bed_named_twice_is_released_once(twice: list[int]) -> None:
    """Places handed back twice would later be given to two beds at once."""
    bay = _busy_bay()
    free = int(bay.carry.pool.free[1])
    bay.carry.release(np.array(twice))
    assert bay.carry.pool.free[1] == free + len(set(twice))
    assert_whole(bay.carry)


def test_releasing_an_empty_bed_again_changes_nothing() -> None:
    """The second discharge of a feed that repeats itself."""
    bay = _busy_bay()
    bay.carry.release(np.array([0]))
    free = int(bay.carry.pool.free[1])
    bay.carry.release(np.array([0]))
    assert bay.carry.pool.free[1] == free
    assert_whole(bay.carry)


def test_many_stays_in_one_bed_take_no_more_room() -> None:
    """A bed that is taken again and again uses the same blocks."""
    bay = Bay(settings_of(SIGNALS), None)
    for stay in range(50):
        bay.admit(0, stay * HOUR)
        bay.take(*((0, stay * HOUR + i, 80) for i in range(1, 40)))
    assert len(bay.carry.pool.time) == 8
    assert_whole(bay.carry)


def test_growing_keeps_the_state() -> None:
    """Beds that are added are empty; those that were there go on as if nothing had happened."""
    bay, other = _busy_bay(), _busy_bay()
    bay.carry.grow(5)
    assert bay.carry.beds == 5
    assert bay.carry.slabs.admitted.tolist() == [BEGIN, BEGIN, NEVER, NEVER, NEVER]
    assert_whole(bay.carry)
    bay.admit(4, HOUR)
    samples = [(0, 100 * MINUTE, 90), (1, 110 * MINUTE, 91)]
    rows, left = bay.take(*samples, (4, 100 * MINUTE, 99), until=2 * HOUR)
    assert ([row for row in rows if row.bed < 2], left) == other.take(*samples, until=2 * HOUR)
    assert [(row.bed, row.value) for row in rows if row.bed > 1] == [(4, [99.0, None])]


def test_a_ward_never_shrinks() -> None:
    """Asking for less room than there is leaves all of it."""
    bay = _busy_bay()
    bay.carry.grow(1)
    assert bay.carry.beds == 2
    assert_whole(bay.carry)


def test_more_samples_wait_than_there_was_room_for() -> None:
    """The pool grows in the midst of a step and forgets none."""
    bay = Bay(settings_of(SIGNALS), 0)
    for start in (1, 51, 201):
        bay.take(*((0, i, 80 + i % 3) for i in range(start, start * 2 + 50)))
        assert_whole(bay.carry)
    waiting = {i for start in (1, 51, 201) for i in range(start, start * 2 + 50)}
    rows, _ = bay.take(until=HOUR)
    assert values(rows) == [float(np.float32(np.mean([80.0 + i % 3 for i in sorted(waiting)])))]
