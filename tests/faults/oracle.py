"""What a ward must make of its lines, told one line after the other in plain Python: what counts, what does not, and why."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tests.faults.patients import (
    ADMIT,
    CLOCK,
    DAY,
    DISCHARGE,
    EVERY,
    GARBLED,
    IMPOSSIBLE,
    OPENED,
    SAMPLE,
    SIGNALS,
    SKEW,
    Sent,
)
from vitals.spec.settings import Settings

AGREEING = 3
"""Lines of a running clock before the first that is believed."""


class Row(NamedTuple):
    """A step that must have closed.

    Attributes:
        stay: whose.
        time: its end.
        known: signals that have a value.
    """

    stay: str
    time: int
    known: int


class Closed(NamedTuple):
    """What counts of the steps of a stay that have closed, in order of event time: for a ward that knows no faults."""

    stay: str
    admitted: int
    age: float | None
    samples: list[tuple[int, int, float]]
    clock: int
    gone: bool


class Bed:
    """A stay, as far as lateness is concerned."""

    def __init__(self, admitted: int, age: float | None) -> None:
        self.admitted, self.age, self.told = admitted, age, False
        self.watermark = self.reach = self.closed = -(1 << 62)
        self.waiting: dict[tuple[int, int], list[float]] = {}
        self.latest = [-(1 << 62)] * len(SIGNALS)
        self.came = [0] * len(SIGNALS)
        self.seen = [-(1 << 62)] * len(SIGNALS)  # of what came, though its step may run

    @property
    def known(self) -> int:
        """The latest time that is known of."""
        return max(self.watermark, self.reach, self.admitted)


class Oracle:
    """Takes lines as they were meant, in the order in which they arrived.

    Attributes:
        counts: what must be left out, or is otherwise told, by reason.
        rows: steps that closed since somebody took them.
        clock: what the last clock line said.
    """

    def __init__(self, settings: Settings, running: bool) -> None:
        window = settings.window
        self._running, self._horizon, self._ticks = running, 1 << 62, 0
        self._step, self._grace, self._max_gap = int(window.step), int(window.grace), int(window.max_gap)
        self._max_age = [int(settings.signals[name].max_age) for name in SIGNALS]
        self.beds: dict[str, Bed] = {}
        self.gone: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.rows: list[Row] = []
        self.clock = OPENED - DAY  # nobody has said yet what time it is
        self._closed: list[Closed] = []

    def take(self, line: Sent) -> None:
        """Take one line."""
        if line.kind == GARBLED:
            self.counts["not_json"] += 1
        elif line.kind == CLOCK:
            self._clock(line)
        elif line.time > self._horizon and line.kind != DISCHARGE:
            self.counts["future"] += 1
        elif line.stay in self.gone:
            self.counts["discharged"] += 1
        else:
            {SAMPLE: self._sample, ADMIT: self._admit, DISCHARGE: self._discharge}[line.kind](line)

    def end(self) -> None:
        """The input is over; what still waits for its step to end counts as well, where no fault is known."""
        for stay, bed in self.beds.items():
            self._pass(stay, bed, bed.watermark)
            rest = [(time, signal, min(values)) for (time, signal), values in sorted(bed.waiting.items())]
            silent = bed.reach > bed.watermark  # a clock closed its last steps
            self._closed.append(Closed(stay, bed.admitted, bed.age, rest, bed.reach, gone=silent))

    def closed(self) -> list[Closed]:
        """What has become certain since the last call."""
        closed, self._closed = self._closed, []
        return closed

    def _clock(self, line: Sent) -> None:
        self._ticks += 1
        if self._running and self._ticks < AGREEING:
            return
        self.clock = line.time
        if self._running:
            self._horizon = line.time + EVERY + SKEW
        for stay, bed in self.beds.items():  # a running clock, too: the grace is not shorter than clocks may differ
            if line.time - bed.known <= self._max_gap:
                self._pass(stay, bed, line.time - self._grace)

    def _admit(self, line: Sent) -> None:
        if line.stay in self.beds:
            self.counts["already_admitted"] += 1
        else:
            self.beds[line.stay] = Bed(line.time, line.value)

    def _sample(self, line: Sent) -> None:
        bed = self.beds.get(line.stay)
        if line.value == IMPOSSIBLE:
            self.counts["impossible"] += 1
            return
        if bed is None:
            bed = self.beds[line.stay] = Bed((line.time - 1) // self._step * self._step, None)
            self.counts["admitted_by_sample"] += 1
        if line.time <= bed.reach:
            self.counts["late"] += 1
        elif line.time - bed.known > self._max_gap:
            self.counts["ahead"] += 1
        else:
            bed.came[line.signal] += 1
            bed.seen[line.signal] = max(line.time, bed.seen[line.signal])
            bed.waiting.setdefault((line.time, line.signal), []).append(line.value)
            if line.time > bed.watermark:
                bed.watermark = line.time
                self._pass(line.stay, bed, line.time - self._grace - 1)

    def _discharge(self, line: Sent) -> None:
        bed = self.beds.pop(line.stay, None)
        if bed is None:
            self.counts["unknown_stay"] += 1
            return
        self.gone.add(line.stay)
        self._pass(line.stay, bed, line.time)
        self._closed.append(Closed(line.stay, bed.admitted, bed.age, [], line.time, gone=True))

    def _pass(self, stay: str, bed: Bed, clock: int) -> None:
        """Close the steps that end at or before the clock."""
        if clock < bed.admitted:
            return
        reach = bed.admitted + (clock - bed.admitted) // self._step * self._step
        if reach <= bed.reach:
            return
        bed.reach = reach
        over = sorted(key for key in bed.waiting if key[0] <= reach)
        samples = []
        for time, signal in over:
            values = bed.waiting.pop((time, signal))
            self.counts["duplicate"] += len(values) - 1
            samples.append((time, signal, min(values)))
        at, end = 0, max(bed.closed, bed.admitted) + self._step
        while end <= reach:
            while at < len(samples) and samples[at][0] <= end:
                bed.latest[samples[at][1]] = samples[at][0]
                at += 1
            known = sum(end - time <= age for time, age in zip(bed.latest, self._max_age, strict=True))
            self.rows.append(Row(stay, end, known))
            end += self._step
        for time, signal, _ in samples[at:]:  # from before the admission, and no step has ended
            bed.latest[signal] = time
        bed.closed = reach
        self._closed.append(Closed(stay, bed.admitted, bed.age, samples, reach, gone=False))
