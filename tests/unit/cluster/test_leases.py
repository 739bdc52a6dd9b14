"""Shares of partitions: all are served, none twice once everybody has heard everybody, and few move."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitals.cluster.leases import EVERY, LISTEN, REST, SILENCE, Leases


class Room:
    """Workers that hear each other, in virtual time; of two that hold the same, the broker refuses who had it before."""

    def __init__(self, partitions: int) -> None:
        self.now, self.partitions = 0.0, partitions
        self.workers: dict[str, Leases] = {}
        self._loaded: dict[int, list[str]] = {}

    def enter(self, name: str) -> None:
        self.workers[name] = Leases(name, self.partitions, lambda: self.now)

    def pass_time(self, seconds: float, deaf: frozenset[str] = frozenset()) -> None:
        for _ in range(round(seconds / EVERY)):
            self.now += EVERY
            for speaker in [w for w in self.workers.values() if w.me not in deaf]:
                for listener in [w for w in self.workers.values() if w.me not in deaf]:
                    listener.hear(speaker.me, speaker.said())
            for worker in self.workers.values():
                worker.decide()
                for partition in list(worker.leaving):
                    worker.release(partition)
            self._refuse()

    def _refuse(self) -> None:
        for partition in range(self.partitions):
            now = [name for name, worker in self.workers.items() if partition in worker.holding]
            before = [name for name in self._loaded.get(partition, []) if name in now]
            order = self._loaded[partition] = before + [name for name in now if name not in before]
            for name in order[:-1]:
                self.workers[name].lose(partition)

    def held(self) -> list[int]:
        return sorted(p for worker in self.workers.values() for p in worker.holding)


def test_one_worker_takes_everything_after_listening() -> None:
    room = Room(8)
    room.enter("a")
    room.pass_time(LISTEN / 2)
    assert room.held() == []
    room.pass_time(LISTEN)
    assert room.held() == list(range(8))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5)), min_size=1, max_size=12), st.integers(1, 70))
def test_in_the_end_every_partition_has_one_worker_and_shares_are_fair(
    moves: list[tuple[bool, float]], partitions: int
) -> None:
    room = Room(partitions)
    room.enter("w0")
    for number, (comes, seconds) in enumerate(moves, 1):
        if comes or len(room.workers) == 1:
            room.enter(f"w{number}")
        else:
            del room.workers[sorted(room.workers)[number % len(room.workers)]]
        room.pass_time(seconds)
    room.pass_time(4 * SILENCE + REST)
    assert room.held() == list(range(partitions))
    share = -(-partitions // len(room.workers))
    assert max(len(worker.holding) for worker in room.workers.values()) <= share


def test_a_worker_that_joins_moves_no_more_than_its_share() -> None:
    room = Room(12)
    for name in "ab":
        room.enter(name)
    room.pass_time(10)
    before = {name: set(worker.holding) for name, worker in room.workers.items()}
    room.enter("c")
    room.pass_time(10)
    moved = sum(len(before[name] - room.workers[name].holding) for name in "ab")
    assert moved == len(room.workers["c"].holding) == 4


def test_a_worker_that_does_not_hear_itself_stops_before_others_take() -> None:
    room = Room(4)
    for name in "ab":
        room.enter(name)
    room.pass_time(10)
    assert room.workers["a"].holding
    room.pass_time(SILENCE + 2 * EVERY, deaf=frozenset("a"))
    assert room.workers["a"].expired
    assert not room.workers["a"].holding
    assert room.workers["b"].holding == set(range(4))


@pytest.mark.parametrize("says_goodbye", [True, False])
def test_goodbye_spares_the_silence(says_goodbye: bool) -> None:
    room = Room(4)
    for name in "ab":
        room.enter(name)
    room.pass_time(10)
    del room.workers["a"]
    if says_goodbye:
        room.workers["b"].farewell("a")
    room.pass_time(2 * EVERY)
    assert (room.held() == list(range(4))) == says_goodbye


def test_what_was_taken_away_is_left_alone_for_a_while() -> None:
    room = Room(1)
    room.enter("a")
    room.pass_time(5)
    room.workers["a"].lose(0)
    room.pass_time(EVERY)
    assert room.held() == []
    room.pass_time(REST + EVERY)
    assert room.held() == [0]
