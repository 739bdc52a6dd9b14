"""A ward that keeps itself in a folder and dies again and again; each time it is started on the same input from an earlier line."""

from __future__ import annotations

import itertools
import shutil
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from tests.faults.disk import FAIL, Crashed, Disk
from tests.faults.kinds import Faults
from vitals.durable.durable_ward import DurableWard
from vitals.errors import StateError
from vitals.feeds.lines import Output

REMEMBERED = 60_000
"""Lines of the input that are at hand; what one tick brings must fit in many times."""

BACK = 4_000
"""So many lines earlier it may begin again at most."""

Make = Callable[[Path], DurableWard]


class Lives:
    """One ward after the other on one input.

    Args:
        home: each life has a folder in it.
        make: opens a ward in a folder.
        faults: how often it dies.
        rng: where chance comes from.
        say: takes what it says.

    Attributes:
        deaths: how often it died.
        acknowledged: lines of which it has said that they are taken in.
    """

    def __init__(
        self, home: Path, make: Make, faults: Faults, rng: np.random.Generator, say: Callable[[list[Output]], None]
    ) -> None:
        self._home, self._make, self._faults, self._rng, self._say = home, make, faults, rng, say
        self.disk = Disk(rng, faults)
        self.disk.home = home / "life0"
        self.deaths = self.acknowledged = self.recognised = self._failures = 0
        self._past: deque[bytes] = deque(maxlen=REMEMBERED)
        self._count = 0  # lines of the input so far
        self._ward: DurableWard | None = None

    def feed(self, lines: list[bytes]) -> None:
        """Give it the next lines of the input; however often it dies, it has taken them in when this returns."""
        self._past.extend(lines)
        self._count += len(lines)
        text = b"".join(lines)
        while True:
            try:
                self._give(self._start() if self._ward is None else text)
            except (Crashed, StateError) as fate:
                self._die(fate)
            else:
                return

    def close(self) -> DurableWard:
        """The input is over."""
        while True:
            try:
                if self._ward is None:
                    self._give(self._start())
                assert self._ward is not None
                self._say(self._ward.close())
            except (Crashed, StateError) as fate:
                self._die(fate)
            else:
                return self._ward

    def _give(self, text: bytes) -> None:
        """Feed the lines in pieces, each cut anywhere."""
        ward, at = self._ward, 0
        assert ward is not None
        while at < len(text):
            end = at + int(self._rng.choice([1, 50, 700, 5_000, 65_536]))
            said = ward.feed(text[at:end])
            assert ward.line >= self.acknowledged, "an acknowledged line is gone"
            self.acknowledged = ward.line
            if self._rng.random() * 1000 < self._faults.unsaid:
                self._say(said[: int(self._rng.integers(len(said) + 1))])
                self.disk.happened["unsaid"] += 1
                raise Crashed
            self._say(said)
            at = end

    def _start(self) -> bytes:
        """Start the next life; returns the input from some line on that was taken in, or from the first that was not."""
        ward = self._make(self.disk.home)
        try:
            for said in ward.recover():
                self._say(said)
        except BaseException:
            _drop(ward)
            raise
        assert ward.line >= self.acknowledged, f"{self.acknowledged - ward.line} acknowledged lines are gone"
        self._ward = ward
        oldest = self._count - len(self._past)
        # a line that came twice in the input is taken in once, so the ward may know fewer lines than went by
        known = ward.line - oldest
        assert known >= 0, "the simulated input does not go back far enough"
        first = max(0, known - BACK)
        begin = int(self._rng.choice([first, self._rng.integers(first, known + 1), known]))
        return b"".join(itertools.islice(self._past, begin, None))

    def _die(self, fate: Exception) -> None:
        """The process is gone; what is in its folder is what the next one finds. It may refuse nothing but a failing disk."""
        if isinstance(fate, StateError) and self.disk.happened[FAIL] == self._failures:
            raise fate
        self._failures = self.disk.happened[FAIL]
        self.deaths += 1
        old = self.disk.home
        self.disk.survivor(self._home / f"life{self.deaths}")
        if self._ward is not None:
            self.recognised += self._ward.recognised
            _drop(self._ward)
            self._ward = None
        shutil.rmtree(old)


def _drop(ward: DurableWard) -> None:
    with suppress(Crashed, StateError):
        ward.release()
