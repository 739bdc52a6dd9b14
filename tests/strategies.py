"""Hypothesis generators that aim at edges: of steps, ages, grace, limits, silences and thresholds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from tests.naive import Call, Said, Sample
from vitals.signals import catalogue
from vitals.spec.duration import Duration
from vitals.spec.policy import REARM, AlertPolicy
from vitals.spec.settings import (
    Alerting,
    Channel,
    Label,
    Network,
    Settings,
    Split,
    Training,
    Window,
)

MINUTE = 60_000_000
HOUR = 60 * MINUTE
STAY = Duration.parse("stay")
REDUCERS = ("last", "mean", "min", "max", "median")
# 2019, the epoch itself, and a time before it: rounding towards zero instead of downwards shows there.
EPOCHS = (1_546_300_800_000_000, 0, -5 * HOUR - 1)
# Ordinary limits, limits around zero, limits that single precision cannot hold exactly.
# Some can be repaired: the one by a factor that single precision cannot hold either, the other from two other units.
SIGNALS = ("heart_rate", "base_excess", "ph", "spo2", "temperature")
DEMOGRAPHICS = ("age", "hospital_hours")


@dataclass(frozen=True)
class Ward:
    """A ward's stream: for each bed its admission (None: an empty bed), samples in arrival order, and clocks.

    ``clocks`` holds (number of samples that arrived before, what the clock of each bed says); the last one may be a
    discharge. A clock ends a call, ``calls`` cuts where else it is told to.
    """

    settings: Settings
    admitted: tuple[int | None, ...]
    samples: tuple[Sample, ...]
    clocks: tuple[tuple[int, tuple[int | None, ...]], ...]

    def calls(self, cuts: Sequence[int] = ()) -> list[Call]:
        """The stream as calls, cut after every clock and before each sample number in ``cuts``."""
        silent: tuple[int | None, ...] = (None,) * len(self.admitted)
        ends = sorted(((at, 1, clock) for at, clock in self.clocks), key=lambda end: end[0])
        ends += [(cut, 0, silent) for cut in cuts if 0 <= cut <= len(self.samples)]
        ends.append((len(self.samples), 2, silent))
        calls, begin = [], 0
        for end, _, clock in sorted(ends, key=lambda end: end[:2]):
            calls.append(Call(self.samples[begin:end], clock))
            begin = end
        return calls

    def only(self, keep: Sequence[bool]) -> Ward:
        """The same ward without some of its samples; clocks stay between the same ones."""
        before = np.cumsum([0, *keep])
        samples = tuple(sample for sample, stays in zip(self.samples, keep, strict=True) if stays)
        return replace(self, samples=samples, clocks=tuple((int(before[at]), clock) for at, clock in self.clocks))


def durations(*lengths: int) -> st.SearchStrategy[Duration]:
    """One of these lengths."""
    return st.sampled_from([Duration(length) for length in lengths])


@st.composite
def window_settings(draw: st.DrawFn) -> Settings:
    """Settings whose durations lie on and beside multiples of the step."""
    step = draw(st.sampled_from([10, MINUTE, HOUR]))
    names = draw(st.lists(st.sampled_from(SIGNALS), min_size=1, max_size=3, unique=True))
    ages = durations(STAY, 0, 1, step // 2, step - 1, step, step + 1, 3 * step)
    channel = st.builds(Channel, reduce=st.sampled_from(REDUCERS), max_age=ages)
    window = Window(
        step=Duration(step),
        grace=draw(durations(0, 0, 1, step // 2, step, 2 * step + 1)),
        warm_up=draw(durations(0, 0, step, 2 * step, 2 * step + 1)),
        min_observed=draw(st.integers(0, len(names))),
        max_gap=draw(durations(STAY, STAY, 30 * 24 * HOUR, step // 2, 2 * step)),
        limits=draw(st.sampled_from([True, True, True, False])),
        repair=draw(st.sampled_from([True, True, True, False])),
    )
    return Settings(
        name="edges",
        signals={name: draw(channel) for name in names},
        window=window,
        label=Label("sepsis", Duration(6 * HOUR)),
        demographics=DEMOGRAPHICS[: draw(st.integers(0, 2))],
    )


def edges(settings: Settings) -> list[int]:
    """Times after admission at which something changes, and one microsecond to either side."""
    step = settings.window.step
    ages = [channel.max_age for channel in settings.signals.values() if not channel.max_age.whole_stay]
    ends = [number * step for number in (0, 1, 2, 3, 4)]
    marks = {0, *ends, *(end - age for end in ends for age in ages), *(end + settings.window.grace for end in ends)}
    return sorted({mark + nudge for mark in marks for nudge in (-1, 0, 1)})


def hops(settings: Settings) -> list[int]:
    """Lengths of time that mean something under these settings."""
    window = settings.window
    if window.max_gap <= 2 * window.step:
        return [int(window.max_gap), int(window.max_gap) + 1]
    return [int(length) for length in (window.step, window.step // 2, window.grace, window.grace, window.grace + 1)]


def values(name: str) -> st.SearchStrategy[float]:
    """Values of a signal: anything within its limits, the limits themselves, and what must be refused."""
    low, high = (np.float32(limit) for limit in catalogue()[name].limits)
    within = st.floats(float(low), float(high), width=32)
    few = st.sampled_from([float(np.float32(low + (high - low) * share)) for share in (0.25, 0.5, 0.625)])
    edge = [low, high, np.nextafter(low, np.float32(-math.inf)), np.nextafter(high, np.float32(math.inf))]
    edgy = st.sampled_from([*map(float, edge), 0.0, -0.0, math.nan, math.inf, -math.inf])
    if not catalogue()[name].repair:
        return st.one_of(within, few, few, edgy)
    return st.one_of(within, few, edgy, st.sampled_from(in_other_units(name)))


def in_other_units(name: str) -> list[float]:
    """Values of a signal in the units that it can be repaired from: the middle, and each limit and what lies beside it.

    Conversion rounds, so several neighbours may become the limit itself, and the first one beyond it lies farther off.
    """
    low, high = (np.float32(limit) for limit in catalogue()[name].limits)
    found = []
    for factor, offset in catalogue()[name].repair:
        for aim in (low, high, (low + high) / 2):
            value = np.float32((float(aim) - offset) / factor)
            for towards in (np.float32(-math.inf), np.float32(math.inf)):
                beside = value
                for _ in range(4):
                    found.append(float(beside))
                    beside = np.nextafter(beside, towards)
    return sorted(set(found))


@st.composite
def offsets(draw: st.DrawFn, settings: Settings) -> list[int]:
    """When a signal is measured, in microseconds after admission: never, once, here and there, or crowded."""
    step = int(settings.window.step)
    anywhere = st.one_of(st.sampled_from(edges(settings)), st.integers(-2 * step, 5 * step))
    kind = draw(st.sampled_from(["crowd", "crowd", "few", "chain", "gap"]))
    if kind == "few":
        return draw(st.lists(anywhere, max_size=5))
    if kind == "gap":  # a probe that was off for many steps
        return [*draw(st.lists(anywhere, max_size=2)), 40 * step + draw(st.integers(-1, 1))]
    if kind == "chain":  # each a grace, a greatest gap or the like after the one before
        first, hop = draw(st.sampled_from([-1, 0, 1, 2])) * step, draw(st.sampled_from(hops(settings)))
        return [first + number * hop for number in range(4)] + [first + 4 * hop + draw(st.integers(-1, 1))]
    start = draw(st.integers(-1, 3)) * step
    return [start + part for part in draw(st.lists(st.integers(1, step), min_size=3, max_size=9))]


@st.composite
def bed_samples(
    draw: st.DrawFn, settings: Settings, bed: int, admitted: int, grace_only: bool
) -> list[tuple[int, Sample]]:
    """(arrival, sample) of one bed; with ``grace_only`` none arrives after its grace."""
    grace = int(settings.window.grace)
    delays = [0, grace] if grace_only else [0, 0, 0, grace, grace + 1, int(settings.window.step) + grace + 1]
    delay = st.sampled_from(delays)
    found = []
    for column, name in enumerate(settings.channels):
        times = draw(offsets(settings)) if name in settings.signals else [0] * draw(st.integers(0, 2))
        for offset in times:
            time = admitted + offset
            found.append((time + draw(delay), Sample(bed, time, column, draw(values(name)))))
    for _ in range(draw(st.integers(0, 2)) if found else 0):  # delivered twice, corrected, or both
        first = draw(st.sampled_from(found))[1]
        again = draw(st.one_of(st.just(first.value), values(settings.channels[first.signal])))
        found.append((first.time + draw(delay), first._replace(value=again)))
    return found


@st.composite
def clock(draw: st.DrawFn, settings: Settings, admitted: Sequence[int | None]) -> tuple[int | None, ...]:
    """What the clocks say: nothing, the same for all, or for each bed a time on or beside the end of a step."""
    step = int(settings.window.step)
    when = st.builds(
        lambda number, nudge: number * step + nudge, st.integers(-1, 6), st.sampled_from([-1, 0, 1, step // 2])
    )
    if draw(st.booleans()):
        first = next((start for start in admitted if start is not None), 0)
        return (first + draw(when),) * len(admitted)
    said = [draw(st.none() | when) for _ in admitted]
    return tuple(None if now is None else (start or 0) + now for start, now in zip(admitted, said, strict=True))


@st.composite
def wards(draw: st.DrawFn, grace_only: bool = False, settings: Settings | None = None) -> Ward:
    """A ward of one to four beds, empty ones among them.

    Args:
        draw: Hypothesis' own.
        grace_only: no sample arrives later than the grace allows or is too far ahead, and no clock speaks before the end.
        settings: those of the ward; drawn where none are given.
    """
    settings = settings or draw(window_settings())
    if grace_only:
        settings = replace(settings, window=replace(settings.window, max_gap=STAY))
    step = int(settings.window.step)
    epoch = draw(st.sampled_from(EPOCHS))
    start = st.one_of(st.none(), st.sampled_from([0, 0, 1, step, step + 1, 3 * step - 1]))
    shifts = draw(st.lists(start, min_size=1, max_size=4))
    admitted = tuple(None if shift is None else epoch + shift for shift in shifts)
    arrivals: list[tuple[int, Sample]] = []
    for bed, start_of_bed in enumerate(admitted):
        if start_of_bed is not None:
            arrivals += draw(bed_samples(settings, bed, start_of_bed, grace_only))
    samples = tuple(sample for _, sample in sorted(arrivals, key=lambda pair: pair[0]))
    clocks = []
    if not grace_only:
        places = draw(st.lists(st.integers(0, len(samples)), max_size=2))
        clocks += [(at, draw(clock(settings, admitted))) for at in places]
    clocks.append((len(samples), draw(clock(settings, admitted))))
    return Ward(settings, admitted, samples, tuple(clocks))


@st.composite
def cuts(draw: st.DrawFn, ward: Ward) -> list[int]:
    """Where a stream is cut into calls: nowhere, here and there, or before every sample."""
    count = len(ward.samples)
    if draw(st.booleans()):
        return list(range(count))
    return draw(st.lists(st.integers(0, count), max_size=4))


@st.composite
def cut_wards(draw: st.DrawFn, grace_only: bool = False) -> tuple[Ward, list[int]]:
    """A ward and where its stream is cut."""
    ward = draw(wards(grace_only=grace_only))
    return ward, draw(cuts(ward))


@st.composite
def changed_futures(draw: st.DrawFn, settings: Settings | None = None) -> tuple[Ward, int, Ward]:
    """A ward, a time, and the ward with other samples after that time; both clocks close everything up to it."""
    ward = draw(wards(grace_only=True, settings=settings))
    starts = [start for start in ward.admitted if start is not None]
    step = int(ward.settings.window.step)
    now = max(starts, default=0) + draw(st.integers(-1, 5)) * step + draw(st.sampled_from([0, 0, 0, -1, 1]))
    changed, keep = [], []
    for sample in ward.samples:
        fate = draw(st.sampled_from(["stays", "goes", "changes"])) if sample.time > now else "stays"
        keep.append(fate != "goes")
        column = sample.signal if fate == "stays" else draw(st.integers(0, len(ward.settings.channels) - 1))
        value = sample.value if fate == "stays" else draw(values(ward.settings.channels[column]))
        changed.append(sample._replace(signal=column, value=value))
    other = replace(ward, samples=tuple(changed)).only(keep)
    occupied = [bed for bed, start in enumerate(ward.admitted) if start is not None]
    after = st.sampled_from([1, 1, step, 2 * step]).map(lambda later: now + later)
    plausible = sum(catalogue()[ward.settings.channels[0]].limits) / 2
    new = st.builds(Sample, st.sampled_from(occupied), after, st.just(0), st.just(plausible))
    more = draw(st.lists(new, max_size=3)) if occupied else []
    return closing_at(ward, now), now, closing_at(replace(other, samples=(*other.samples, *more)), now)


def closing_at(ward: Ward, now: int) -> Ward:
    """The same samples, and at the end a clock that says ``now`` to every bed."""
    return replace(ward, clocks=((len(ward.samples), (now,) * len(ward.admitted)),))


@st.composite
def successions(draw: st.DrawFn) -> tuple[Ward, Ward]:
    """Two wards under the same settings, for the second to move into the beds of the first."""
    settings = draw(window_settings())
    return draw(wards(settings=settings)), draw(wards(settings=settings))


@st.composite
def ward_orders(draw: st.DrawFn) -> tuple[Ward, list[int]]:
    """A ward and some of its beds in another order."""
    ward = draw(wards())
    order = draw(st.permutations(range(len(ward.admitted))))
    return ward, list(order[: draw(st.integers(1, len(order)))])


# ---- alerts ----------------------------------------------------------------------------------------------------------


@st.composite
def policies(draw: st.DrawFn, lengths: Sequence[int] = (1, 1, 2, 3, 5, 64)) -> AlertPolicy:
    """Policies at the edges of what is allowed; persistence looks at one of these numbers of scores."""
    threshold = draw(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]))
    clear = draw(st.sampled_from([0.0, 0.5, 0.5])) * threshold
    red = draw(st.sampled_from([1.0, threshold, (threshold + 1) / 2, (threshold + 1) / 2]))
    n = draw(st.sampled_from(lengths))
    k = draw(st.sampled_from(sorted({1, (n + 1) // 2, n})))
    return AlertPolicy(
        threshold=threshold,
        clear=draw(st.sampled_from([None, clear])),
        red=draw(st.sampled_from([None, red, red])),
        red_clear=draw(st.sampled_from([None, red / 2])) if red < 1 else None,
        persistence=(k, n),
        silence=draw(durations(0, 1, HOUR - 1, HOUR, HOUR + 1, 3 * HOUR, STAY)),
        rearm=draw(st.sampled_from(REARM)),
        rise=draw(st.sampled_from([0.3, 0.7, 2.0])),
        reset=draw(durations(0, 1, HOUR, 2 * HOUR, STAY)),
        max_per_day=draw(st.sampled_from([0, 0, 1, 2, 3])),
        max_snooze=draw(durations(0, 1, HOUR, 3 * HOUR, STAY)),
        stale=draw(durations(0, 1, HOUR, HOUR + 1, 3 * HOUR, STAY)),
    )


def risks(policy: AlertPolicy) -> st.SearchStrategy[float]:
    """Risks on and beside the thresholds and the hystereses, and missing ones."""
    marks = [np.float32(policy.threshold), np.float32(policy.clear_below)]
    if policy.has_red:
        marks += [np.float32(policy.red_from), np.float32(policy.red_clear_below)]
    beside = [np.nextafter(mark, np.float32(bound)) for mark in marks for bound in (0.0, 1.0)]
    between = [float(np.float32((a + b) / 2)) for a, b in itertools.pairwise(marks)]
    return st.sampled_from([*map(float, marks), *map(float, beside), *between, *between, 0.0, 1.0, math.nan, math.nan])


@dataclass(frozen=True)
class Scores:
    """(time, risk) of the rows of each bed in order, under one policy."""

    policy: AlertPolicy
    beds: tuple[tuple[tuple[int, float], ...], ...]


@st.composite
def scores(draw: st.DrawFn, long: bool = False) -> Scores:
    """Scores of one to three beds; ``long`` ones outlast a persistence of 64."""
    policy = draw(policies((63, 64)) if long else policies())
    gap = st.sampled_from([HOUR, HOUR, HOUR, 1, HOUR - 1, HOUR + 1, 30 * HOUR])
    beds = []
    for _ in range(draw(st.integers(1, 3))):
        time = draw(st.sampled_from(EPOCHS))
        rows = []
        runs = st.lists(
            st.tuples(risks(policy), st.sampled_from([1, 1, 1, 2, 62, 64] if long else [1, 1, 2, 4])), max_size=7
        )
        for risk, count in draw(runs):
            for _ in range(count):
                time += HOUR if count > 4 else draw(gap)
                rows.append((time, risk))
        beds.append(tuple(rows))
    return Scores(policy, tuple(beds))


@st.composite
def cut_scores(draw: st.DrawFn) -> tuple[Scores, list[list[int]]]:
    """Scores, and for each call after the first the row of each bed that it begins with."""
    found = draw(scores(long=draw(st.booleans())))
    borders = [sorted(draw(st.lists(st.integers(0, len(rows)), min_size=3, max_size=3))) for rows in found.beds]
    return found, [list(border) for border in zip(*borders, strict=True)]


@st.composite
def sayings(draw: st.DrawFn, found: Scores) -> list[list[Said]]:
    """What is said of the patient of each bed, on and beside the times of the scores, early and late."""
    said = []
    for rows in found.beds:
        words = draw(st.lists(_saying(found.policy, rows), max_size=3))
        for word in [word for word in words if word.kind == "event" and draw(st.booleans())]:
            over = draw(_saying(found.policy, rows))
            words.append(over._replace(after=max(over.after, word.after), kind="event_end"))
        said.append(sorted(words, key=lambda word: word.after))
    return said


@st.composite
def _saying(draw: st.DrawFn, policy: AlertPolicy, rows: Sequence[tuple[int, float]]) -> Said:
    after = draw(st.integers(0, len(rows)))
    about = rows[min(max(after - draw(st.sampled_from([0, 0, 1, 1, 2])), 0), len(rows) - 1)][0] if rows else 0
    time = about + draw(st.sampled_from([-1, 0, 0, 1, HOUR // 2]))
    until = time + draw(st.sampled_from([0, 1, HOUR, 5 * HOUR, int(policy.max_snooze), 400 * HOUR]))
    return Said(
        after, draw(st.sampled_from(["acknowledge", "acknowledge", "event", "event", "event_end"])), time, until
    )


@st.composite
def heard_scores(draw: st.DrawFn) -> tuple[Scores, list[list[Said]]]:
    """Scores, and what is said between them."""
    found = draw(scores())
    return found, draw(sayings(found))


@st.composite
def score_orders(draw: st.DrawFn) -> tuple[Scores, list[int]]:
    """Scores and some of their beds in another order."""
    found = draw(scores())
    order = draw(st.permutations(range(len(found.beds))))
    return found, list(order[: draw(st.integers(1, len(order)))])


@dataclass(frozen=True)
class Judged:
    """Scores of stays with onsets: what an evaluation sees."""

    scores: Scores
    lead: tuple[int, int]
    subjects: tuple[str, ...]
    stays: tuple[tuple[int, int], ...]
    onsets: tuple[tuple[int, ...], ...]
    lost: tuple[bool, ...]


@st.composite
def judged_stays(draw: st.DrawFn) -> Judged:
    """Stays whose onsets lie on and beside the edges of the time in which an alert is true."""
    found = draw(scores())
    lead_min = draw(st.sampled_from([0, 1, HOUR, 2 * HOUR]))
    lead = (lead_min, lead_min + draw(st.sampled_from([0, 1, HOUR, 10 * HOUR])))
    stays, onsets = [], []
    for rows in found.beds:
        times = [time for time, _ in rows] or [0]
        ends = times[-1] + draw(st.sampled_from([0, 1, HOUR, lead[1] - 1, lead[1]]))
        stays.append((times[0] - draw(st.sampled_from([0, 1, HOUR])), max(ends, times[0])))
        before = st.sampled_from(sorted({edge + nudge for edge in (0, *lead) for nudge in (-1, 0, 1)}))
        onset = st.builds(lambda time, early: time + early, st.sampled_from(times), before)
        onsets.append(tuple(draw(st.lists(onset, max_size=2))))
    subjects = tuple(draw(st.sampled_from(["anna", "ben"])) for _ in stays)
    lost = tuple(draw(st.booleans()) for _ in stays)
    return Judged(found, lead, subjects, tuple(stays), tuple(onsets), lost)


# ---- labels ----------------------------------------------------------------------------------------------------------


@st.composite
def labelled_stays(draw: st.DrawFn) -> tuple[Label, list[tuple[list[int], list[int]]]]:
    """A label definition and stays as (times of rows, onsets), with onsets on and beside the edges of the horizon."""
    horizon = draw(st.sampled_from([1, 2 * HOUR, 6 * HOUR]))
    label = Label("sepsis", Duration(horizon), draw(st.sampled_from(["positive", "excluded"])))
    stays = []
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.sampled_from(EPOCHS))
        times = [start + number * HOUR for number in range(draw(st.integers(0, 9)))]
        hours = st.integers(-1, 12).map(lambda number: number * HOUR)
        onset = st.tuples(hours, st.sampled_from([0, horizon, -horizon]), st.sampled_from([-1, 0, 1])).map(sum)
        stays.append((times, [start + after for after in draw(st.lists(onset, max_size=2))]))
    return label, stays


@st.composite
def challenge_stays(draw: st.DrawFn) -> list[tuple[list[int], list[int]]]:
    """Stays of the 2019 challenge as (labels, calls): no, early or late onset, one row or many."""
    stays = []
    for _ in range(draw(st.integers(1, 4))):
        rows = draw(st.integers(1, 30))
        first = draw(st.none() | st.integers(0, rows - 1))
        labels = [int(first is not None and row >= first) for row in range(rows)]
        stays.append((labels, draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows))))
    return stays


# ---- settings --------------------------------------------------------------------------------------------------------

SHARES = (
    (0.7, 0.1, 0.1, 0.1),
    (1.0, 0.0, 0.0, 0.0),
    (0.25, 0.25, 0.25, 0.25),
    (0.1, 0.2, 0.3, 0.4),
    (0.0, 0.0, 0.0, 1.0),
)
NAMES = st.text(max_size=12)


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    """Finite numbers, tiny and huge ones among them."""
    return st.floats(low, high, allow_nan=False)


@st.composite
def any_duration(draw: st.DrawFn) -> Duration:
    """Any length from nothing to a year, in any unit, and the whole stay."""
    size = draw(st.sampled_from([1, 1_000, 1_000_000, MINUTE, HOUR, 24 * HOUR]))
    return draw(st.just(STAY) | st.integers(0, 400).map(lambda count: Duration(count * size)))


@st.composite
def any_window(draw: st.DrawFn) -> Window:
    """Any window that is allowed."""
    step = draw(any_duration().filter(lambda length: 0 < length < STAY))
    lookback = draw(st.just(STAY) | st.integers(2, 100).map(lambda count: Duration(count * step)))
    return Window(
        step, lookback, draw(any_duration()), draw(any_duration()), draw(st.integers(0, 5)), draw(any_duration()),
        limits=draw(st.booleans()), repair=draw(st.booleans()),
    )  # fmt: skip


@st.composite
def any_network(draw: st.DrawFn, clock: bool) -> Network:
    """Any shape that is allowed; a clock only where one is possible."""
    heads, sizes = draw(st.integers(1, 8)), st.integers(1, 512)
    return Network(
        kind=draw(st.sampled_from(["gru", "lstm", "grud", "tcn", "transformer", "boosting"])),
        embed=draw(sizes),
        hidden=heads * draw(st.integers(1, 64)),
        layers=draw(st.integers(1, 4)),
        head=draw(sizes),
        reach=draw(any_duration().filter(lambda length: 0 < length < STAY)),
        attention_heads=heads,
        clock=clock and draw(st.booleans()),
        members=draw(st.integers(1, 64)),
        beside=draw(st.sampled_from([(), ("boosting",), ("lstm", "boosting")])),
    )


@st.composite
def any_training(draw: st.DrawFn) -> Training:
    """Any training that is allowed, numbers far from the usual ones included."""
    unit = numbers(0.0, 0.95)
    return Training(
        objective=draw(st.sampled_from(["cross_entropy", "challenge_utility"])),
        positive_weight=draw(numbers(0.0, 1e6)),
        epochs=draw(st.integers(1, 10_000)),
        learning_rate=draw(numbers(1e-9, 1.0)),
        dropout_input=draw(unit),
        channel_dropout=draw(unit),
        noise=draw(numbers(0.0, 10.0)),
        time_shift=draw(numbers(0.0, 1.0)),
        history_start=draw(numbers(0.0, 1.0)),
        pretrain_epochs=draw(st.integers(0, 10_000)),
        horizons=tuple(draw(st.lists(any_duration().filter(lambda length: 0 < length < STAY), max_size=3))),
        horizons_weight=draw(numbers(0.0, 100.0)),
        next_row_weight=draw(numbers(0.0, 100.0)),
        site_balance=draw(numbers(0.0, 1.0)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    """Any settings that are allowed."""
    known = catalogue().values()
    signals = [signal.name for signal in known if signal.kind != "demographic"]
    people = [signal.name for signal in known if signal.kind == "demographic"]
    channel = st.builds(Channel, st.sampled_from(REDUCERS), any_duration())
    pair = st.tuples(st.integers(1, 3), st.integers(3, 64))
    leads = sorted(draw(st.lists(any_duration(), min_size=2, max_size=2)))
    demographics = tuple(draw(st.lists(st.sampled_from(people), unique=True)))
    return Settings(
        name=draw(NAMES),
        signals=draw(st.dictionaries(st.sampled_from(signals), channel, min_size=1, max_size=5)),
        window=draw(any_window()),
        label=Label(draw(NAMES), draw(any_duration()), draw(st.sampled_from(["positive", "excluded"]))),
        demographics=demographics,
        split=Split(draw(st.integers(0, 9)), *draw(st.sampled_from(SHARES))),
        network=draw(any_network(clock=bool(demographics))),
        training=draw(any_training()),
        alerting=Alerting(
            *leads,
            tuple(draw(st.lists(any_duration(), min_size=1, max_size=3))),
            tuple(draw(st.lists(pair, min_size=1, max_size=3))),
            tuple(draw(st.lists(numbers(0.0, 1.0), min_size=1, max_size=3))),
            tuple(draw(st.lists(st.sampled_from(REARM), min_size=1, max_size=4))),
            draw(numbers(0.0, 1.0)),
            draw(numbers(0.1, 1000.0)),
            draw(st.sampled_from(["event", "censor", "no_event"])),
        ),
    )
