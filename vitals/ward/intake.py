"""Lines are judged in the order in which they came, and the usable samples become columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vitals.feeds.lines import Line, Malformed, is_number
from vitals.feeds.scan import Columns
from vitals.feeds.times import EARLIEST, LATEST, read_time, time_fault
from vitals.signals import catalogue
from vitals.spec.settings import Settings
from vitals.ward.batch import Batch
from vitals.ward.beds import Beds
from vitals.ward.clocks import FUTURE, Clocks
from vitals.ward.tally import AFTERWARDS, Tally
from vitals.windowing.repair import possible
from vitals.windowing.rules import rules_of

NOT_USED = "signal_not_used"
_SAID = ("acknowledge", "event", "event_end")
_KINDS = ("sample", "admit", "discharge", "clock", *_SAID)

Lookup = Callable[[Any], int | None]


class Intake:
    """Judges lines against the settings of a model.

    Attributes:
        beds: which stay lies where.
        tally: what was left out.
        now: the time of the last line that told one; None before the first.
        clocks: of the ward and of the sources.
        heard: the time of the last line that is not a clock's, since :meth:`latest` was asked last.
    """

    def __init__(self, settings: Settings, beds: Beds, tally: Tally) -> None:
        self.beds, self.tally = beds, tally
        self.now: int | None = None
        self._step = int(settings.window.step)
        self.clocks = Clocks(int(settings.window.skew))
        self.heard: int | None = None
        self._again: str | None = None
        self._limits = rules_of(settings).limits
        self._names = settings.channels
        self._column = {name: i for i, name in enumerate(settings.channels)}
        self._demographic = {name: self._column[name] for name in settings.demographics}

    def kept(self) -> dict[str, Any]:
        """All that is remembered, as plain values."""
        return {"now": self.now, "heard": self.heard, "clocks": self.clocks.kept()}

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from what was kept."""
        self.now, self.heard = kept["now"], kept["heard"]
        self.clocks.restore(kept["clocks"])

    def latest(self) -> int | None:
        """The time of the last line that is not a clock's, None where none came since this was asked last."""
        heard, self.heard = self.heard, None
        return heard

    def take(self, pieces: Iterator[Line | Columns]) -> Batch:
        """Take lines up to and including the next one that says something of a patient or the ward's clock, or all.

        Args:
            pieces: lines to be judged, and columns of samples that are certainly of use, in order.
        """
        batch = Batch()
        if self._again is not None:
            self.beds.begin_anew(self._again)
            self._again = None
        bed_of: Lookup = self.beds.bed_of.get
        column_of: Lookup = self._column.get
        horizon = self.clocks.horizon
        for line in pieces:
            if isinstance(line, Columns):
                self._take_columns(batch, line, horizon)
                continue
            bed, column, value = bed_of(line.stay), column_of(line.signal), line.value
            time = read_time(line.time)
            if (
                bed is None or column is None or time is None or value is None or line.unit or line.kind != "sample"
                or line.source or time > horizon
            ):  # fmt: skip
                self._take_slowly(batch, line)
                if batch.ended:
                    break
                horizon = self.clocks.horizon  # a clock line that is not believed yet may have moved it
                continue
            self._append(batch, bed, time, column, value)
            self.now = self.heard = time
        return batch

    def _take_columns(self, batch: Batch, samples: Columns, horizon: int) -> None:
        """Take samples that are certainly of use, but for those of the future."""
        self.heard = int(samples.time[-1])
        if horizon < LATEST and (future := samples.time > horizon).any():
            for i in np.flatnonzero(future).tolist():
                stay, signal = self.beds.stay[samples.bed[i]], self._names[samples.signal[i]]
                self.tally.note(FUTURE, stay, int(samples.time[i]), signal=signal)
            samples = Columns._make(column[~future] for column in samples)
        if len(samples.time):
            batch.add(samples)
            self.now = int(samples.time[-1])

    def _take_slowly(self, batch: Batch, line: Line) -> None:
        """Take one line that is not simply a sample of a stay that is there, or count why not."""
        time = read_time(line.time)
        fault = self._fault(line, time)
        if line.kind != "clock":
            self.heard = EARLIEST if time is None else time
        if fault is None and time is not None:
            time, fault = self.clocks.judge(line, time, self.tally)
        if fault is None and time is not None:
            self.now = time
            fault = self._obey(batch, line, time)
        if fault is not None:
            self._drop(fault, line, time)

    def _fault(self, line: Line, time: int | None) -> str | None:
        """What is wrong with a line of any kind."""
        if isinstance(line, Malformed):
            return line.reason
        if line.kind not in _KINDS:
            return "unknown_kind"
        if not line.stay and line.kind != "clock":
            return "no_stay"
        return time_fault(line.time) if time is None else None

    def _obey(self, batch: Batch, line: Line, time: int) -> str | None:
        """Do what a line of a known kind says; returns why that cannot be done."""
        if line.kind == "clock":
            batch.clock, batch.runs = time, line.every is not None
            return None
        stay = line.stay or ""
        if stay in self.beds.gone and (line.kind != "admit" or time <= self.beds.gone[stay]):
            return AFTERWARDS
        if line.kind == "sample":
            return self._sample(batch, line, stay, time)
        if line.kind == "admit":
            return self._admit(batch, line, stay, time)
        if stay not in self.beds.bed_of:
            return "unknown_stay"
        if line.kind in _SAID:
            until = LATEST if line.until is None else read_time(line.until)
            if until is None:
                return time_fault(line.until)
            if line.kind == "acknowledge" and until <= time:
                return "ends_before_it_begins"
            batch.told = (line.kind, self.beds.bed_of[stay], time, until)
            return None
        batch.left[self.beds.leave(stay, time)] = time
        for old in self.beds.forget():
            self.tally.forget(old, time)
        return None

    def _sample(self, batch: Batch, line: Line, stay: str, time: int) -> str | None:
        fault = "no_signal" if line.signal is None else self._misfit(line.signal, line.unit, line.value, self._column)
        if fault is None and line.signal is not None and line.value is not None:
            bed = self.beds.bed_of.get(stay)
            if bed is None and self._impossible(line.value, self._column[line.signal]):
                return "impossible"  # windowing would say so too, but what is impossible admits nobody
            if bed is None:
                # its steps lie on the grid of the calendar, whichever sample came first
                bed = self._enter(batch, stay, (time - 1) // self._step * self._step)
                self.tally.note("admitted_by_sample", stay, time)
            self._append(batch, bed, time, self._column[line.signal], line.value)
        return fault

    def _admit(self, batch: Batch, line: Line, stay: str, time: int) -> str | None:
        if stay in self.beds.bed_of:
            return "already_admitted"
        if stay in self.beds.gone:
            del self.beds.gone[stay]
            batch.again = self._again = stay  # what came before it is of its former life
            self.tally.note("readmitted", stay, time)
        bed = self._enter(batch, stay, time)
        for name, value in (line.demographics or {}).items():
            if value is None:
                continue  # not known: nothing was measured, so nothing is left out
            fault = self._misfit(name, None, value, self._demographic)
            if fault is None:
                self._append(batch, bed, time, self._demographic[name], float(value))
            else:
                self.tally.note(fault, None if fault == NOT_USED else stay, time)
        return None

    def _enter(self, batch: Batch, stay: str, admitted: int) -> int:
        bed = self.beds.enter(stay)
        batch.admitted[bed] = admitted
        return bed

    @staticmethod
    def _append(batch: Batch, bed: int, time: int, column: int, value: float) -> None:
        batch.bed.append(bed)
        batch.time.append(time)
        batch.signal.append(column)
        batch.value.append(value)

    @staticmethod
    def _misfit(name: str, unit: str | None, value: object, columns: dict[str, int]) -> str | None:
        """Why a measurement is no use: what it is of, its unit, its value."""
        entry = catalogue().get(name)
        if entry is None:
            return "unknown_signal"
        if name not in columns:
            return NOT_USED
        if unit and unit != entry.unit:
            return "wrong_unit"
        return None if is_number(value) else "not_a_number"

    def _impossible(self, value: float, column: int) -> bool:
        with np.errstate(over="ignore"):
            values = np.array([value], np.float64).astype(np.float32)
        return not possible(self._limits, np.array([column], np.int16), values)[0]

    def _drop(self, fault: str, line: Line, time: int | None) -> None:
        # a stay that nobody knows is counted with the ward, or made-up names would fill the memory
        known = line.stay in self.beds.bed_of or fault == AFTERWARDS
        number = line.number if isinstance(line, Malformed) else None
        stay, named = (line.stay, None) if known else (None, line.stay)
        if fault == NOT_USED:  # how the feed is set up, and no news of a patient
            stay = named = None
        if fault in ("unknown_signal", "unknown_kind"):  # a misspelt interface is found by what it wrote
            named = line.signal if fault == "unknown_signal" else line.kind
        signal = line.signal if line.signal in self._column else None
        self.tally.note(fault, stay, self.now if time is None else time, number, named, signal)
