"""Which stay lies in which bed."""

from __future__ import annotations

from typing import Any

from vitals.feeds.names import Names

REMEMBERED = 100_000
"""Discharged stays that are still recognised, so that their late lines do not admit them again."""


class Beds:
    """Stays and the rows of the ward they have; a bed that was left is used again.

    Attributes:
        bed_of: row of the ward of every stay that is there.
        stay: who lies in each row, or lay there last.
        gone: the latest discharged stays, oldest first, and when they were discharged.
        lives: how often a stay began anew under its own name, of those that did.
        names: the stays that are there, for compiled loops.

    Example:
        >>> beds = Beds(capacity=1)
        >>> beds.enter("p1"), beds.enter("p2"), beds.capacity
        (0, 1, 2)
        >>> beds.leave("p1", 10)
        0
        >>> beds.free(0)
        >>> beds.enter("p3")
        0
    """

    def __init__(self, capacity: int) -> None:
        self.bed_of: dict[str, int] = {}
        self.stay: list[str] = [""] * capacity
        self.gone: dict[str, int] = {}
        self.lives: dict[str, int] = {}
        self.names = Names(capacity)
        self._free = list(range(capacity - 1, -1, -1))

    @property
    def capacity(self) -> int:
        """Rows there are; doubled when all are taken."""
        return len(self.stay)

    def enter(self, stay: str) -> int:
        """Give a stay a row."""
        if not self._free:
            more = max(self.capacity, 1)
            self._free = list(range(self.capacity + more - 1, self.capacity - 1, -1))
            self.stay += [""] * more
        bed = self._free.pop()
        self.bed_of[stay], self.stay[bed] = bed, stay
        self.names.enter(stay, bed)
        return bed

    def begin_anew(self, stay: str) -> None:
        """A stay that was discharged came back, or all that was known of one that is there was forgotten."""
        self.lives[stay] = self.lives.get(stay, 0) + 1

    def leave(self, stay: str, time: int) -> int:
        """Discharge a stay at its time; its row keeps its state until it is freed."""
        self.gone[stay] = time
        bed = self.bed_of.pop(stay)
        self.names.leave(stay, bed)
        return bed

    def free(self, bed: int) -> None:
        """Let a row that was left be used again."""
        self._free.append(bed)

    def kept(self) -> dict[str, Any]:
        """All that is remembered, as plain values."""
        return {
            "bed_of": self.bed_of, "stay": self.stay, "gone": self.gone, "lives": self.lives, "free": self._free
        }  # fmt: skip

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from what was kept."""
        self.bed_of, self.stay = dict(kept["bed_of"]), list(kept["stay"])
        self.gone, self.lives, self._free = dict(kept["gone"]), dict(kept["lives"]), list(kept["free"])
        self.names = Names(self.capacity)
        for stay, bed in self.bed_of.items():
            self.names.enter(stay, bed)

    def forget(self) -> list[str]:
        """Forget the stays that were discharged longest ago, as many as are too many; returns them."""
        many = len(self.gone) - REMEMBERED
        old = [stay for stay, _ in zip(self.gone, range(many), strict=False)]
        for stay in old:
            del self.gone[stay]
            self.lives.pop(stay, None)
        return old
