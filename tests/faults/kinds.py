"""Kinds of faults, each with how often it happens; any of them can be turned off."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Faults:
    """How often each thing goes wrong. Turning one off changes no other: chance is drawn for all of them.

    Attributes:
        lost: share of lines that never arrive.
        doubled: share that arrive twice.
        delayed: share held up, but within the grace.
        late: share held up for hours.
        overtaken: share overtaken by some of the next lines.
        garbled: share cut off in their midst.
        impossible: share with a number that no living patient has.
        ahead: share stamped two days ahead.
        silences: disconnections a day after which what was measured never comes.
        bursts: disconnections a day after which it comes at once.
        clock_steps: steps a day of the clock of a sender, to up to five minutes either way.
        drift: of the clock of a sender, at most this share of the time.
        link_lost: share of numbered lines that are lost after they got their number.
        link_doubled: share that come again after they got their number.
        crashes: crashes per thousand writes to the disk, at any of them; the write is done, torn, or not begun.
        failures: writes per thousand that fail, as on a full disk.
        unsaid: crashes per thousand blocks of lines after what was answered, but before anybody heard it.
    """

    lost: float = 0.01
    doubled: float = 0.02
    delayed: float = 0.05
    late: float = 0.005
    overtaken: float = 0.05
    garbled: float = 0.001
    impossible: float = 0.003
    ahead: float = 0.0005
    silences: float = 1.0
    bursts: float = 1.0
    clock_steps: float = 0.5
    drift: float = 1e-4
    link_lost: float = 0.002
    link_doubled: float = 0.004
    crashes: float = 30.0
    failures: float = 10.0
    unsaid: float = 20.0

    def without(self, *kinds: str) -> Faults:
        """The same faults but these."""
        return replace(self, **dict.fromkeys(kinds, 0.0))

    def only(self, *kinds: str) -> Faults:
        """These faults alone."""
        return self.without(*(kind for kind in KINDS if kind not in kinds))


KINDS = tuple(field.name for field in fields(Faults))
USUAL = Faults()
NONE = Faults().without(*KINDS)
