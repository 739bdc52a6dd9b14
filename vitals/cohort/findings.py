"""Something odd about a cohort, in the words of ``vitals check``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """Something odd about a cohort.

    Attributes:
        level: ``"error"``, the data cannot mean this; ``"warning"``, look before you trust; ``"note"``, good to know.
        where: table, site, signal or stay.
        came: what was found.
        wanted: what would have been expected.
        cure: what the reader can do about it.
        count: how often.
    """

    level: Level
    where: str
    came: str
    wanted: str
    cure: str
    count: int = 1

    def __str__(self) -> str:
        """One line: level, where, what, wanted, cure.

        Example:
            >>> print(Finding("note", "outcomes", "no outcome", "some stays with one", "judge nothing on it"))
            note: outcomes: no outcome; wanted some stays with one; judge nothing on it
        """
        return f"{self.level}: {self.where}: {self.came}; wanted {self.wanted}; {self.cure}"
