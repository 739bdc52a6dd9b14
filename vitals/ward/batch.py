"""What a run of lines says: samples as columns, and who came and left."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vitals.feeds.scan import Columns
from vitals.windowing.types import Events


@dataclass
class Batch:
    """What a run of lines says.

    Attributes:
        bed, time, signal, value: the last samples, as columns.
        before: those before them, a piece at a time.
        admitted: beds entered and when.
        left: beds left and when.
        told: ``(kind, bed, time, until)``, where the run ended with what somebody said of a patient.
        clock: the time that has passed for the whole ward, where the run ended with a clock line.
        again: the stay that begins a new life, where the run ended with its admission.
        runs: whether that was a line of a running clock that is believed.
    """

    bed: list[int] = field(default_factory=list)
    time: list[int] = field(default_factory=list)
    signal: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    before: list[Columns] = field(default_factory=list)
    admitted: dict[int, int] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)
    told: tuple[str, int, int, int] | None = None
    clock: int | None = None
    runs: bool = False
    again: str | None = None

    @property
    def ended(self) -> bool:
        """Whether no line behind these can belong to the run."""
        return self.clock is not None or self.told is not None or self.again is not None

    def add(self, samples: Columns) -> None:
        """Samples that came as columns."""
        if self.time:
            self._close_piece()
        self.before.append(samples)

    def events(self) -> Events:
        """The samples as arrays."""
        if self.time or not self.before:
            self._close_piece()
        parts = self.before
        bed, time, signal, value = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        with np.errstate(over="ignore"):  # a value beyond float32 becomes infinite, and windowing counts it
            return Events(bed, time, signal, value.astype(np.float32))

    def _close_piece(self) -> None:
        self.before.append(
            Columns(
                np.array(self.bed, np.int32), np.array(self.time, np.int64), np.array(self.signal, np.int16),
                np.array(self.value, np.float64),
            )
        )  # fmt: skip
        self.bed, self.time, self.signal, self.value = [], [], [], []
