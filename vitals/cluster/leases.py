"""Who serves which partition: every worker says what it holds, all reckon the same shares, and the broker has the last word.

Nothing here is needed for results to be right: two workers that serve one partition are told apart when they save or
emit. It only sees to it that each partition is served by one worker, and soon again after that one is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

SILENCE = 3.0
"""Seconds after which a worker that says nothing is gone; a worker that does not hear itself for so long stops."""

EVERY = 0.4
"""Seconds between two words of a worker."""

LISTEN = 1.2
"""Seconds for which a new worker listens before it takes anything."""

REST = 1.0
"""Seconds for which a worker leaves a partition alone that was taken from it."""


class _Heard(NamedTuple):
    held: frozenset[int]
    at: float


class Leases:
    """What one worker should serve.

    Args:
        me: this worker's name.
        partitions: how many there are.
        now: monotonic seconds.

    Attributes:
        holding: partitions to be served.
        leaving: partitions that are given back once they have been put in order.
        expired: partitions that others may take, because this worker was not heard; until they are released.

    Example:
        >>> clock = [0.0]
        >>> leases = Leases("a", 4, now=lambda: clock[0])
        >>> clock = [2.0]
        >>> leases.hear("a", []), leases.hear("b", [0, 1])
        (None, None)
        >>> leases.decide()
        >>> sorted(leases.holding)
        [2, 3]
    """

    def __init__(self, me: str, partitions: int, now: Callable[[], float]) -> None:
        self.me, self._all, self._now = me, frozenset(range(partitions)), now
        self.holding: set[int] = set()
        self.leaving: set[int] = set()
        self.expired: set[int] = set()
        self._heard: dict[str, _Heard] = {}
        self._rest: dict[int, float] = {}
        self._born = now()

    def hear(self, name: str, held: Iterable[int]) -> None:
        """A worker, or this one, said what it holds."""
        self._heard[name] = _Heard(frozenset(held), self._now())

    def farewell(self, name: str) -> None:
        """A worker said that it leaves."""
        self._heard.pop(name, None)

    def lose(self, partition: int) -> None:
        """Somebody else has taken a partition."""
        self.holding.discard(partition)
        self._rest[partition] = self._now() + REST

    def release(self, partition: int) -> None:
        """A partition is not served here any more."""
        self.holding.discard(partition)
        self.leaving.discard(partition)
        self.expired.discard(partition)

    def said(self) -> list[int]:
        """What this worker says that it holds."""
        return sorted(self.holding | self.leaving)

    def decide(self) -> None:
        """Take what is free and due to this worker, give back what is more than its share."""
        now = self._now()
        self._heard = {name: heard for name, heard in self._heard.items() if now - heard.at <= SILENCE}
        if now - self._born < LISTEN:
            return
        if self.me not in self._heard:
            self.expired |= self.holding
            self.holding.clear()
            return
        held = {name: heard.held for name, heard in self._heard.items()} | {self.me: frozenset(self.said())}
        share = -(-len(self._all) // len(held))
        for partition in sorted(self.holding)[share:]:
            self.holding.discard(partition)
            self.leaving.add(partition)
        free = sorted(self._all.difference(*held.values()))
        for name in sorted(held):
            due = max(0, share - len(held[name]))
            if name == self.me:
                self.holding.update(p for p in free[:due] if self._rest.get(p, now) <= now)
                self.expired -= self.holding
            free = free[due:]
