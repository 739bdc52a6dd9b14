"""Count what is odd about the samples of a cohort, a block of stays at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vitals.cohort.digest import CohortDigest
from vitals.cohort.store import Cohort
from vitals.cohort.tables import Samples
from vitals.cohort.units import conversions
from vitals.signals import catalogue
from vitals.windowing.repair import possible
from vitals.windowing.rules import limits_of
from vitals.windowing.types import Int64

HOUR = 3_600_000_000
_STAYS_AT_ONCE = 2000
_SAMPLES_AT_ONCE = 1_000_000
_LIFT = 1 << 51  # microseconds: 71 years, and 2000 of them still fit into 64 bits
_SIGNALS = tuple(catalogue().values())
_NUMBER = {entry.name: i for i, entry in enumerate(_SIGNALS)}
_LIMITS = limits_of(tuple(catalogue()))
_LOW, _HIGH = _LIMITS.low, _LIMITS.high


@dataclass
class Oddity:
    """How often something occurred, and where for the first time."""

    count: int = 0
    stay: int = -1
    signal: str = ""
    came: str = ""

    def add(self, count: int, stay: int, signal: str = "", came: str = "") -> None:
        """Count some more; the first place is kept."""
        if count and not self.count:
            self.stay, self.signal, self.came = stay, signal, came
        self.count += count


@dataclass
class Scan:
    """What the samples of a cohort look like; signals are numbered as in the catalogue.

    Attributes:
        digest: of the samples as they are now.
        unknown: samples of each signal that the catalogue lacks.
        samples: ``(signals, sites)``.
        impossible: outside the limits, ``(signals, sites)``.
        repairable: of these, how many windowing can repair, ``(signals, sites)``.
        worst: the impossible value farthest outside, ``(signals, sites)``.
        refits: of the impossible values, how many would fit if they were in another unit, ``{(signal, site): {unit}}``.
        stays_with: stays with at least one sample, ``(signals, sites)``.
        hours_with: hours with at least one sample, ``(signals, sites)``.
        moments: distinct times of samples of each stay, ``(S,)``.
        silence: longest time without any sample of each stay, admission and discharge included, ``(S,)`` microseconds.
        not_a_number: NaN or infinite.
        twice: a stay, time and signal again.
        backwards: a time before that of an earlier sample, where arrival is unknown.
        late: a time before that of a sample that arrived earlier.
        arrived_early: an arrival before the time.
        before: samples at or before the admission.
        after: samples after the discharge.
    """

    digest: CohortDigest
    samples: Int64
    impossible: Int64
    repairable: Int64
    worst: NDArray[np.float64]
    stays_with: Int64
    hours_with: Int64
    moments: Int64
    silence: Int64
    unknown: dict[str, int] = field(default_factory=dict)
    refits: dict[tuple[int, int], dict[str, int]] = field(default_factory=dict)
    not_a_number: Oddity = field(default_factory=Oddity)
    twice: Oddity = field(default_factory=Oddity)
    backwards: Oddity = field(default_factory=Oddity)
    late: Oddity = field(default_factory=Oddity)
    arrived_early: Oddity = field(default_factory=Oddity)
    before: Oddity = field(default_factory=Oddity)
    after: Oddity = field(default_factory=Oddity)


def scan(cohort: Cohort, site: Int64, sites: int) -> Scan:
    """Read every sample of a cohort once and count what is odd.

    Args:
        cohort: an open cohort.
        site: number of the site of each stay, ``(S,)``.
        sites: how many sites there are.

    Raises:
        DataError: a damaged ``events.parquet``.
    """
    shape = (len(_SIGNALS), sites)
    counts = [np.zeros(shape, np.int64) for _ in range(5)]
    seen = Scan(
        CohortDigest(), counts[0], counts[1], counts[2], np.full(shape, np.nan), counts[3], counts[4],
        np.zeros(len(cohort), np.int64), cohort.discharged - cohort.admitted,
    )  # fmt: skip
    for start, stop in _blocks(cohort):
        pieces = list(cohort.samples(start, stop))
        for piece in pieces:
            seen.digest.update(piece)
            _count_unknown(seen, piece)
        if pieces:
            block = _known(pieces)
            _count_order(seen, block, cohort)
            _count_places(seen, block, cohort)
            _count_values(seen, block, site)
            _count_repeats(seen, block, cohort, site)
            _measure_silence(seen, block, cohort)
    return seen


def _blocks(cohort: Cohort) -> Iterator[tuple[int, int]]:
    """Ranges of stays with a bounded number of samples, so that minute-by-minute stays fit into memory as well."""
    samples = np.cumsum(cohort.stays["samples"].to_numpy(np.int64))
    start = 0
    while start < len(cohort):
        before = int(samples[start - 1]) if start else 0
        stop = int(np.searchsorted(samples, before + _SAMPLES_AT_ONCE, side="right"))
        stop = min(max(stop, start + 1), start + _STAYS_AT_ONCE)
        yield start, stop
        start = stop


def _known(pieces: list[Samples]) -> Samples:
    """The samples of all pieces whose signals the catalogue has, numbered as in the catalogue."""
    number = [np.array([_NUMBER.get(name, -1) for name in piece.names], np.int16)[piece.signal] for piece in pieces]
    keep = [each >= 0 for each in number]
    arrival = None
    if pieces[0].arrival is not None:
        arrivals = [piece.arrival[k] for piece, k in zip(pieces, keep, strict=True) if piece.arrival is not None]
        arrival = np.concatenate(arrivals)
    stay, time, value = (
        np.concatenate([getattr(piece, name)[k] for piece, k in zip(pieces, keep, strict=True)])
        for name in ("stay", "time", "value")
    )
    signal = np.concatenate([each[k] for each, k in zip(number, keep, strict=True)])
    return Samples(stay, time, signal, value, tuple(_NUMBER), arrival)


def _note(oddity: Oddity, bad: NDArray[np.bool_], block: Samples) -> None:
    if bad.any():
        first = int(np.argmax(bad))
        name = block.names[block.signal[first]]
        oddity.add(int(bad.sum()), int(block.stay[first]), name, f"{block.value[first]:g}")


def _count_unknown(seen: Scan, piece: Samples) -> None:
    counts = np.bincount(piece.signal, minlength=len(piece.names))
    for name, count in zip(piece.names, counts.tolist(), strict=True):
        if name not in _NUMBER and count:
            seen.unknown[name] = seen.unknown.get(name, 0) + count


def _count_order(seen: Scan, block: Samples, cohort: Cohort) -> None:
    # The latest time so far of each stay, in one sweep: stays lie one after the other, each lifted above the last.
    age = np.clip(block.time - cohort.admitted[block.stay], -_LIFT // 4, _LIFT // 4)
    lifted = age + (block.stay - block.stay[0]).astype(np.int64) * _LIFT if len(block) else age
    back = lifted < np.maximum.accumulate(lifted)
    _note(seen.backwards if block.arrival is None else seen.late, back, block)
    if block.arrival is not None:
        _note(seen.arrived_early, block.arrival < block.time, block)


def _count_places(seen: Scan, block: Samples, cohort: Cohort) -> None:
    _note(seen.before, block.time <= cohort.admitted[block.stay], block)
    _note(seen.after, block.time > cohort.discharged[block.stay], block)


def _count_values(seen: Scan, block: Samples, site: Int64) -> None:
    finite = np.isfinite(block.value)
    _note(seen.not_a_number, ~finite, block)
    low, high = _LOW[block.signal], _HIGH[block.signal]
    bad = finite & ((block.value < low) | (block.value > high))
    where = (block.signal, site[block.stay])
    np.add.at(seen.samples, where, 1)
    signal, place, value = block.signal[bad], site[block.stay[bad]], block.value[bad].astype(np.float64)
    np.add.at(seen.impossible, (signal, place), 1)
    np.add.at(seen.repairable, (signal, place), possible(_LIMITS, signal, block.value[bad]))
    far = np.maximum(low[bad] - value, value - high[bad])
    for key in dict.fromkeys(zip(signal.tolist(), place.tolist(), strict=True)):
        mine = (signal == key[0]) & (place == key[1])
        worst = value[mine][np.argmax(far[mine])]
        before = seen.worst[key]
        outside = max(_LOW[key[0]] - before, before - _HIGH[key[0]]) if np.isfinite(before) else -1.0
        if far[mine].max() > outside:
            seen.worst[key] = worst
        fits = seen.refits.setdefault(key, {})
        for unit, (factor, offset) in conversions(_SIGNALS[key[0]].name).items():
            refit = value[mine] * factor + offset
            inside = int(((refit >= _LOW[key[0]]) & (refit <= _HIGH[key[0]])).sum())
            fits[unit] = fits.get(unit, 0) + inside


def _count_repeats(seen: Scan, block: Samples, cohort: Cohort, site: Int64) -> None:
    rank = np.lexsort((block.time, block.signal, block.stay))
    stay, signal, time = block.stay[rank], block.signal[rank], block.time[rank]
    hour = (time - cohort.admitted[stay] + HOUR - 1) // HOUR  # hours are (a, b], as steps are
    other = np.append(True, (stay[1:] != stay[:-1]) | (signal[1:] != signal[:-1]))
    again = ~other & np.append(False, np.diff(time) == 0)
    first_of_hour = (other | np.append(False, np.diff(hour) != 0)) & (time <= cohort.discharged[stay]) & (hour > 0)
    np.add.at(seen.stays_with, (signal[other], site[stay[other]]), 1)
    np.add.at(seen.hours_with, (signal[first_of_hour], site[stay[first_of_hour]]), 1)
    twice = np.zeros(len(block), np.bool_)
    twice[rank[again]] = True
    _note(seen.twice, twice, block)


def _measure_silence(seen: Scan, block: Samples, cohort: Cohort) -> None:
    rank = np.lexsort((block.time, block.stay))
    stay, time = block.stay[rank], block.time[rank]
    first = np.append(True, stay[1:] != stay[:-1])
    moment = first | np.append(False, np.diff(time) != 0)
    np.add.at(seen.moments, stay[moment], 1)
    since = np.where(first, time - cohort.admitted[stay], np.append(0, np.diff(time)))
    longest = np.zeros(len(cohort), np.int64)
    np.maximum.at(longest, stay, since)
    last = np.append(first[1:], True)
    np.maximum.at(longest, stay[last], cohort.discharged[stay[last]] - time[last])
    seen.silence[stay[first]] = longest[stay[first]]
