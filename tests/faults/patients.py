"""A ward of simulated patients: stays that follow each other in its beds, and what their monitors send through a bad network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.faults.kinds import Faults
from vitals.signals import catalogue
from vitals.simulator.simulate import simulate

Int64 = NDArray[np.int64]

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
OPENED = 1_767_225_600_000_000  # 2026-01-01
SIGNALS = ("heart_rate", "resp_rate", "spo2", "sbp", "temperature")
GRACE = 10 * MINUTE
EVERY = 15 * MINUTE  # the clock speaks thrice as often: that one of its lines is lost is no leap
SKEW = 2 * MINUTE
IMPOSSIBLE = -999.0

ADMIT, SAMPLE, DISCHARGE, GARBLED, CLOCK = range(5)


class Sent(NamedTuple):
    """One line on its way, as whoever made it meant it.

    Attributes:
        arrival: when it arrives, microseconds of virtual time.
        kind: ADMIT and so on.
        stay: whose it is.
        time: event time that it tells.
        signal: of a sample, position in SIGNALS.
        value: of a sample.
        text: the line but its last brace and its end, so that a number can be put into it.
    """

    arrival: int
    kind: int
    stay: str
    time: int
    signal: int
    value: float
    text: str


class Charts:
    """Charts of a day, each true: the same value once, in order of time, none impossible.

    Attributes:
        time: microseconds since the admission, ``(n,)`` each.
        signal: position in SIGNALS, ``(n,)`` each.
        value: ``(n,)`` each.
        length: of the stay, microseconds.
    """

    def __init__(self, seed: int, many: int, cadence: int) -> None:
        ward = simulate(beds=many, hours=24, seed=seed)
        events, limits = ward.events, catalogue()
        code = np.array([SIGNALS.index(name) if name in SIGNALS else -1 for name in ward.signals])
        low, high = (np.array([limits[name].limits[i] for name in SIGNALS]) for i in (0, 1))
        signal, value = code[events.signal], events.value
        sound = (signal >= 0) & (value >= low[signal]) & (value <= high[signal])
        self.time: list[Int64] = []
        self.signal: list[Int64] = []
        self.value: list[NDArray[np.float32]] = []
        self.length = (ward.stays.discharged - ward.stays.admitted).tolist()
        for stay in range(many):
            own = np.flatnonzero(sound & (events.stay == stay))
            since = events.time[own] - ward.stays.admitted[stay]
            # one value a cadence: a monitor sends them all in the same part of each
            _, first = np.unique(np.stack([since // cadence, signal[own]]), axis=1, return_index=True)
            first = first[np.argsort(since[first], kind="stable")]
            self.time.append(since[first])
            self.signal.append(signal[own][first])
            self.value.append(value[own][first])


class Bed:
    """A bed: its stays follow each other, each with its own chance, so that no bed changes another.

    Args:
        number: of the bed.
        seed: of the whole.
        charts: what may be measured.
        faults: of the network and of the monitors.
    """

    def __init__(self, number: int, seed: int, charts: Charts, faults: Faults) -> None:
        self._number, self._seed, self._charts, self._faults = number, seed, charts, faults
        self._stays = self._follow()
        self._arrival: Int64 = np.zeros(0, np.int64)
        self._lines: list[Sent] = []
        self._at = 0
        self._left: list[Sent] = []  # what arrives after the next stay began
        self._until = OPENED

    def arrivals(self, now: int) -> list[Sent]:
        """The lines that arrive up to this moment, in order."""
        while self._until <= now:
            lines, self._until = next(self._stays)
            rest = self._lines[self._at :] + lines
            rest.sort(key=lambda line: line.arrival)
            self._lines, self._at = rest, 0
            self._arrival = np.array([line.arrival for line in rest], np.int64)
        end = int(np.searchsorted(self._arrival, now, side="right"))
        lines, self._at = self._lines[self._at : end], end
        return lines

    def _follow(self) -> Iterator[tuple[list[Sent], int]]:
        """Lines of one stay after the other, and when the next one begins."""
        begin = OPENED
        for number in range(10**6):
            rng = np.random.default_rng([self._seed, self._number, number])
            chart = int(rng.integers(len(self._charts.length)))
            admitted = begin + int(rng.integers(1, 90 * 60)) * SECOND
            discharged = admitted + self._charts.length[chart]
            stay = f"b{self._number:04d}-{number}"
            yield _stay_lines(rng, self._faults, self._charts, chart, (stay, admitted, discharged)), discharged
            begin = discharged


def _stay_lines(
    rng: np.random.Generator, faults: Faults, charts: Charts, chart: int, stay: tuple[str, int, int]
) -> list[Sent]:
    name, admitted, discharged = stay
    n = len(charts.time[chart])
    time = admitted + charts.time[chart]
    reported = time + _offset(rng, faults, time, admitted)
    value = charts.value[chart].astype(np.float64)
    chance = rng.random((9, n))
    arrival = time + (rng.exponential(2, n) * SECOND).astype(np.int64)
    arrival += np.where(chance[0] < faults.delayed, (chance[1] * 0.8 * GRACE).astype(np.int64), 0)
    arrival += np.where(chance[2] < faults.late, GRACE + (chance[1] * 6 * HOUR).astype(np.int64), 0)
    arrival += np.where(chance[3] < faults.overtaken, (chance[1] * 4 * MINUTE).astype(np.int64), 0)
    arrival, heard = _through_disconnections(rng, faults, arrival, admitted, discharged)
    heard &= chance[4] >= faults.lost
    value = np.where(chance[5] < faults.impossible, IMPOSSIBLE, value)
    told = arrival > OPENED + HOUR  # before a running clock is believed nobody knows what lies ahead
    reported = np.where((chance[6] < faults.ahead) & told, reported + 2 * DAY, reported)
    garbled = chance[7] < faults.garbled
    again = np.flatnonzero((chance[8] < faults.doubled) & heard)
    place = np.concatenate([np.flatnonzero(heard), again])
    wait = np.concatenate(
        [np.zeros(int(heard.sum()), np.int64), (rng.exponential(60, len(again)) * SECOND).astype(int)]
    )
    columns = (arrival[place] + wait, reported[place], charts.signal[chart][place], value[place], garbled[place])
    lines = [_sample(name, *row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    age = int(rng.integers(20, 95))
    if rng.random() >= faults.lost:
        text = f'{{"kind":"admit","stay":"{name}","time":{admitted},"demographics":{{"age":{age}}}'
        lines.append(Sent(admitted, ADMIT, name, admitted, -1, float(age), text))
    text = f'{{"kind":"discharge","stay":"{name}","time":{discharged}'
    lines.append(Sent(discharged + SECOND, DISCHARGE, name, discharged, -1, 0.0, text))
    return lines


def _sample(stay: str, arrival: int, time: int, signal: int, value: float, garbled: bool) -> Sent:
    text = f'{{"stay":"{stay}","time":{time},"arrival":{arrival},"signal":"{SIGNALS[signal]}","value":{value:.7g}'
    if garbled:
        return Sent(arrival, GARBLED, stay, time, signal, value, text[: 20 + time % 30])
    return Sent(arrival, SAMPLE, stay, time, signal, value, text)


def _offset(rng: np.random.Generator, faults: Faults, time: Int64, admitted: int) -> Int64:
    """How far the clock of a monitor is off: it drifts, and is set now and then."""
    last = int(time[-1]) if len(time) else admitted + 1
    step = np.random.default_rng(int(rng.integers(1 << 32)))
    many = int(step.poisson(faults.clock_steps * max(0, last - admitted) / DAY))
    off = ((time - admitted) * faults.drift * step.uniform(-1, 1)).astype(np.int64)
    for _ in range(many):
        off = np.where(time >= step.integers(admitted, last), off + step.integers(-300, 300) * SECOND, off)
    return np.clip(off, -300 * SECOND, 300 * SECOND) // 1000 * 1000


def _through_disconnections(
    rng: np.random.Generator, faults: Faults, arrival: Int64, admitted: int, discharged: int
) -> tuple[Int64, NDArray[np.bool_]]:
    """What would have arrived while the line was down arrives at its end, or never."""
    own = np.random.default_rng(int(rng.integers(1 << 32)))
    heard, days = np.ones(len(arrival), bool), (discharged - admitted) / DAY
    for rate, kept in ((faults.bursts, True), (faults.silences, False)):
        for start in own.integers(admitted, discharged, own.poisson(rate * days)).tolist():
            end = start + int(own.integers(5, 240)) * MINUTE
            held = (arrival >= start) & (arrival < end)
            arrival = np.where(held & kept, end + (arrival - start) // 100, arrival)
            heard &= ~held | kept
    return arrival, heard


def clock_line(now: int, running: bool) -> Sent:
    """The time has passed for everybody; a running clock says when it will speak again."""
    every = f',"every":{EVERY // SECOND}' if running else ""
    return Sent(now, CLOCK, "", now, -1, 0.0, f'{{"kind":"clock","time":{now}{every}')
