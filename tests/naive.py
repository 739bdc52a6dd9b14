"""The oracle: what the package must compute, in plain loops over plain Python values.

Nothing here is shared with the package (types are read, never called) and nothing here is fast. Each function is meant
to be checked by reading it next to the definition it restates. Times are integer microseconds; NaN means "not known".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from vitals.signals import catalogue
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Label, Settings

NAN = float("nan")
MICROSECONDS_PER_HOUR = 3_600_000_000


class Sample(NamedTuple):
    """One measurement of one signal (a column number) in one bed."""

    bed: int
    time: int
    signal: int
    value: float


class Call(NamedTuple):
    """What one call hands over: samples in arrival order, then what the clock of each bed says (None: nothing)."""

    samples: tuple[Sample, ...]
    clock: tuple[int | None, ...]


class Answer(NamedTuple):
    """What one call gives: rows, samples thrown away, and samples taken in with another value than they came with."""

    rows: list[Row]
    drops: list[Drop]
    repaired: list[Sample]


class Row(NamedTuple):
    """One closed step of one bed."""

    bed: int
    time: int
    value: tuple[float, ...]
    age: tuple[float, ...]
    reason: str


class Drop(NamedTuple):
    """One sample that did not count, and why."""

    bed: int
    signal: int
    time: int
    reason: str


def float32(value: float) -> float:
    """The nearest single-precision number, as a Python float; infinite beyond the largest."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


# ---- windowing -------------------------------------------------------------------------------------------------------


def naive_advance(settings: Settings, admitted: Sequence[int | None], calls: Sequence[Call]) -> list[Answer]:
    """For each call: the rows of the steps it closed (by bed, then time), and samples thrown away or repaired."""
    answers = [Answer([], [], []) for _ in calls]
    for bed, admission in enumerate(admitted):
        if admission is None:
            continue
        for whole, of_bed in zip(answers, naive_bed(settings, bed, admission, calls), strict=True):
            for everything, some in zip(whole, of_bed, strict=True):
                everything.extend(some)
    return answers


def naive_bed(settings: Settings, bed: int, admitted: int, calls: Sequence[Call]) -> Iterator[Answer]:
    """The same for one bed: a diary of what was accepted, read again from the start for every row."""
    accepted: list[Sample] = []
    watermark: int | None = None
    clock: int | None = None
    closed = -1  # number of the last closed step; step 0 is the history up to the admission
    for call in calls:
        before = closed
        drops, repaired = [], []
        for came in call.samples:
            if came.bed != bed:
                continue
            sample = came._replace(value=naive_repair(settings, came))
            fault = naive_fault(settings, sample) or naive_wrong_time(settings, admitted, closed, watermark, sample)
            if fault is not None:
                drops.append(Drop(bed, sample.signal, sample.time, fault))
                continue
            if sample != came:
                repaired.append(sample)
            accepted.append(sample._replace(value=sample.value + 0.0))  # minus zero is zero: they would tie otherwise
            watermark = sample.time if watermark is None else max(watermark, sample.time)
            closed = naive_last_closed(settings, admitted, closed, watermark, clock)
        said = call.clock[bed]
        if said is not None:
            clock = said if clock is None else max(clock, said)
            closed = naive_last_closed(settings, admitted, closed, watermark, clock)
        rows = []
        for step in range(before + 1, closed + 1):
            drops += naive_duplicates(settings, admitted, accepted, step)
            if step > 0:
                rows.append(naive_row(settings, bed, admitted, accepted, step))
        yield Answer(rows, drops, repaired)


def naive_fault(settings: Settings, sample: Sample) -> str | None:
    """What is wrong with the value itself, if anything."""
    if math.isnan(sample.value) or math.isinf(sample.value):
        return "NOT_A_NUMBER"
    if settings.window.limits and not naive_within_limits(settings, sample.signal, sample.value):
        return "IMPOSSIBLE"
    return None


def naive_within_limits(settings: Settings, signal: int, value: float) -> bool:
    """Whether a living patient can have this value; limits are single-precision numbers, as values are."""
    low, high = catalogue()[settings.channels[signal]].limits
    return float32(low) <= value <= float32(high)


def naive_repair(settings: Settings, sample: Sample) -> float:
    """The value that a sample is taken for: its own, or what it is in the one other unit that explains it."""
    finite = not math.isnan(sample.value) and not math.isinf(sample.value)
    if not finite or not settings.window.limits or not settings.window.repair:
        return sample.value
    if naive_within_limits(settings, sample.signal, sample.value):
        return sample.value
    explained = []
    for factor, offset in catalogue()[settings.channels[sample.signal]].repair:
        converted = float32(sample.value * factor + offset)
        if naive_within_limits(settings, sample.signal, converted):
            explained.append(converted)
    return explained[0] if len(explained) == 1 else sample.value


def naive_wrong_time(
    settings: Settings, admitted: int, closed: int, watermark: int | None, sample: Sample
) -> str | None:
    """What is wrong with the time at which a sample of this bed was measured, if anything."""
    if closed >= 0 and sample.time <= admitted + closed * settings.window.step:
        return "LATE"
    end = admitted + max(closed, 0) * settings.window.step
    latest = end if watermark is None else max(end, watermark)
    return "AHEAD" if sample.time - latest > settings.window.max_gap else None


def naive_last_closed(settings: Settings, admitted: int, closed: int, watermark: int | None, clock: int | None) -> int:
    """Go on from step to step for as long as the next one is closed."""
    while True:
        end = admitted + (closed + 1) * settings.window.step
        over = watermark is not None and watermark > end + settings.window.grace
        if not over and (clock is None or clock < end):
            return closed
        closed += 1


def naive_step(settings: Settings, admitted: int, time: int) -> int:
    """The step that a time belongs to: (start, end]; 0 for all up to the admission."""
    step = 0
    while time > admitted + step * settings.window.step:
        step += 1
    return step


def naive_duplicates(settings: Settings, admitted: int, accepted: list[Sample], step: int) -> list[Drop]:
    """All but one of the samples of a step that share signal and time."""
    seen: set[tuple[int, int]] = set()
    drops = []
    for sample in accepted:
        if naive_step(settings, admitted, sample.time) != step:
            continue
        if (sample.signal, sample.time) in seen:
            drops.append(Drop(sample.bed, sample.signal, sample.time, "DUPLICATE"))
        seen.add((sample.signal, sample.time))
    return drops


def naive_reduce(reduce: str, samples: dict[int, float]) -> float:
    """What the samples of one signal in one step become; ``samples`` are values by time."""
    values = [samples[time] for time in sorted(samples)]
    if reduce == "last":
        return values[-1]
    if reduce == "min":
        return min(values)
    if reduce == "max":
        return max(values)
    if reduce == "mean":
        total = 0.0
        for value in values:
            total = total + value
        return float32(total / len(values))
    assert reduce == "median", reduce
    values.sort()
    middle = len(values) // 2
    if len(values) % 2 == 1:
        return values[middle]
    return float32((values[middle - 1] + values[middle]) / 2)


def naive_known(
    settings: Settings, admitted: int, accepted: list[Sample], step: int, signal: int
) -> tuple[int, float] | None:
    """(time, value) of a signal, reduced over the latest step, up to ``step``, that has any sample of it."""
    latest = -1
    for sample in accepted:
        earlier = naive_step(settings, admitted, sample.time)
        if sample.signal == signal and earlier <= step:
            latest = max(latest, earlier)
    if latest < 0:
        return None
    smallest: dict[int, float] = {}
    for sample in accepted:
        if sample.signal == signal and naive_step(settings, admitted, sample.time) == latest:
            smallest[sample.time] = min(sample.value, smallest.get(sample.time, sample.value))
    name = settings.channels[signal]
    reduce = settings.signals[name].reduce if name in settings.signals else "last"
    return max(smallest), naive_reduce(reduce, smallest)


def naive_row(settings: Settings, bed: int, admitted: int, accepted: list[Sample], step: int) -> Row:
    """The row at the end of a step: every channel carried forward for as long as its ``max_age`` allows."""
    end = admitted + step * settings.window.step
    values, ages, observed = [], [], 0
    for column, name in enumerate(settings.channels):
        known = naive_known(settings, admitted, accepted, step, column)
        is_signal = name in settings.signals
        if known is None or (is_signal and end - known[0] > settings.signals[name].max_age):
            values.append(NAN)
            ages.append(NAN)
            continue
        values.append(known[1])
        ages.append(float32((end - known[0]) / MICROSECONDS_PER_HOUR))
        observed += is_signal
    reason = "NONE"
    if observed < settings.window.min_observed:
        reason = "TOO_LITTLE_KNOWN"
    if end - admitted < settings.window.warm_up:
        reason = "WARMING_UP"
    return Row(bed, end, tuple(values), tuple(ages), reason)


# ---- labelling -------------------------------------------------------------------------------------------------------


def naive_label(label: Label, time: int, onsets: Sequence[int]) -> tuple[float, bool]:
    """(label, usable) of one row of a stay with these onsets."""
    soon = any(time < onset <= time + label.horizon for onset in onsets)
    over = any(onset <= time for onset in onsets)
    if over and label.after_onset == "excluded":
        return NAN, False
    return float(soon or over), True


def naive_challenge_gain(labels: Sequence[int], row: int) -> tuple[float, float]:
    """2019 challenge: what calling and what keeping silent earn in one row of a stay with hourly 0/1 ``labels``."""
    if 1 not in labels:
        return -0.05, 0.0
    hours = row - (list(labels).index(1) + 6)  # labels lead the onset by six hours
    if hours <= -6:
        return max((hours + 12) / 6, -0.05), 0.0
    if hours <= 3:
        return (3 - hours) / 9, -2 * (hours + 6) / 9
    return 0.0, 0.0


def naive_challenge_utility(stays: Sequence[tuple[Sequence[int], Sequence[int]]]) -> float:
    """The normalised 2019 challenge utility of (labels, calls), one pair a stay."""
    observed = best = silent = 0.0
    for labels, calls in stays:
        onset = list(labels).index(1) + 6 if 1 in labels else None
        for row, call in enumerate(calls):
            if_called, if_silent = naive_challenge_gain(labels, row)
            observed += if_called if call else if_silent
            silent += if_silent
            best += if_called if onset is not None and onset - 12 <= row <= onset + 3 else if_silent
    return (observed - silent) / (best - silent)


# ---- alerts ----------------------------------------------------------------------------------------------------------

DAY = 24 * MICROSECONDS_PER_HOUR
TIERS = ("amber", "red")


class Said(NamedTuple):
    """What somebody said of a patient: ``acknowledge`` (``until`` when), ``event`` or ``event_end``."""

    after: int  # how many of the bed's scores were judged before it was said
    kind: str
    time: int
    until: int = 0


class Score(NamedTuple):
    """One risk of a bed, from when until when an acknowledgement held as it was judged, and whether an event was on."""

    time: int
    risk: float
    snooze: tuple[float, float]
    within: bool = False


def naive_decide(
    policy: AlertPolicy, scores: Sequence[tuple[int, float]], said: Sequence[Said] = ()
) -> list[tuple[int, str]]:
    """(time, outcome) for the rows of one bed at which an alert was due; ``scores`` are (time, risk) in order."""
    decisions = []
    for life in naive_lives(policy, scores, said):
        alerts: dict[str, list[int]] = {"amber": [], "red": []}  # places in this life
        for place, score in enumerate(life):
            past = life[: place + 1]
            tier = naive_due(policy, past)
            if tier is None:
                continue
            held_back = naive_held_back(policy, tier, past, alerts[tier])
            decisions.append((score.time, ("RED_" if tier == "red" else "") + (held_back or "FIRED")))
            if held_back is None:
                alerts["amber"].append(place)  # a red alert says what an amber one would have said
            if held_back is None and tier == "red":
                alerts["red"].append(place)
    return decisions


def naive_notices(
    policy: AlertPolicy, scores: Sequence[tuple[int, float]], said: Sequence[Said] = ()
) -> list[tuple[int, str]]:
    """(time, ``STALE`` or ``FRESH``) where valid scores have been missing for too long, once, and where they are back."""
    notices = []
    for life in naive_lives(policy, scores, said):
        since, missing = life[0].time, False  # since when there was no valid score, and whether that was told
        for time, risk, _, within in life:
            if within:
                break  # nothing is said until it is over
            if not math.isnan(risk):
                notices += [(time, "FRESH")] if missing else []
                since, missing = time, False
            elif policy.stale > 0 and time - since >= policy.stale and not missing:
                notices.append((time, "STALE"))
                missing = True
    return notices


def naive_lives(policy: AlertPolicy, scores: Sequence[tuple[int, float]], said: Sequence[Said]) -> list[list[Score]]:
    """The scores from the admission to the end of the first event, those after it to the end of the next, and so on.

    A word waits for the first score at or after its time, which may come after scores that are earlier than the word.
    """
    lives: list[list[Score]] = [[]]
    snooze: tuple[float, float] = (-math.inf, -math.inf)
    event: tuple[int, float] | None = None  # from when until when, with the reset
    waiting = naive_accepted(said)
    for place, (time, risk) in enumerate(scores):
        for word in [word for word in waiting if word.after <= place and word.time <= time]:
            waiting.remove(word)
            if word.kind == "event" and event is not None and event[0] < word.time >= event[1]:
                lives.append([])  # the event before is over, and no score has come since
                snooze = naive_kept(snooze, event)
            snooze, event = naive_hear(policy, word, snooze, event)
        if event is None or time <= event[0]:
            lives[-1].append(Score(time, risk, snooze))
            continue
        snooze = naive_kept(snooze, event)
        if time < event[1]:
            lives[-1].append(Score(time, risk, snooze, within=True))
        else:
            lives.append([Score(time, risk, snooze)])
            event = None
    return [life for life in lives if life]


def naive_accepted(said: Sequence[Said]) -> list[Said]:
    """The words that can be true as they are heard, ordered by their time: events come one after the other and end."""
    accepted = []
    begin, end = -math.inf, -math.inf  # of the latest event
    for word in sorted(said, key=lambda word: word.after):
        if word.kind == "event":
            if word.time < end or end == math.inf:
                continue
            begin, end = word.time, math.inf
        if word.kind == "event_end":
            if end != math.inf or word.time < begin:
                continue
            end = word.time
        accepted.append(word)
    return sorted(accepted, key=lambda word: word.time)


def naive_kept(snooze: tuple[float, float], event: tuple[int, float]) -> tuple[float, float]:
    """What was acknowledged before an event was over ends with it."""
    return snooze if snooze[0] >= event[1] else (-math.inf, -math.inf)


def naive_hear(
    policy: AlertPolicy, word: Said, snooze: tuple[float, float], event: tuple[int, float] | None
) -> tuple[tuple[float, float], tuple[int, float] | None]:
    """(from, until) of the acknowledgement and of the event after a word; an event without an end lasts for ever."""
    if word.kind == "acknowledge":
        if event is not None and event[0] < word.time >= event[1]:
            snooze = naive_kept(snooze, event)
        until = min(word.until, word.time + policy.max_snooze)
        return (word.time, until) if word.time >= snooze[1] else (snooze[0], max(snooze[1], until)), event
    if word.kind == "event":
        goes_on = event is not None and event[0] <= word.time < event[1]
        return snooze, (event[0] if event is not None and goes_on else word.time, math.inf)
    return snooze, None if event is None else (event[0], word.time + policy.reset)


def naive_due(policy: AlertPolicy, past: Sequence[Score]) -> str | None:
    """The tier in which the latest score is due: of both the red one."""
    if math.isnan(past[-1].risk):
        return None
    due = None
    for tier in TIERS:
        threshold = policy.threshold if tier == "amber" else policy.red
        if tier == "red" and threshold == 1:
            continue  # no second tier
        assert threshold is not None
        if sum(score.risk >= threshold for score in past[-policy.n :]) >= policy.k:
            due = tier
    return due


def naive_held_back(policy: AlertPolicy, tier: str, past: Sequence[Score], alerts: Sequence[int]) -> str | None:
    """What holds a due alert back, if anything; ``alerts`` are the places of the tier's alerts in ``past``."""
    time, _, snooze, within = past[-1]
    if within:
        return "SUPPRESSED_EVENT"
    last = past[alerts[-1]] if alerts else None
    if last is not None and time - last.time < policy.silence:
        return "SUPPRESSED_SILENCE"
    if tier == "amber" and snooze[0] <= time < snooze[1]:
        return "SUPPRESSED_ACKNOWLEDGED"
    since = [score.risk for score in past[alerts[-1] + 1 :]] if alerts else []
    if last is not None and not naive_rearmed(policy, tier, last.risk, since):
        return "SUPPRESSED_EPISODE"
    if policy.max_per_day and naive_is_capped(policy, [past[place].time for place in alerts], time):
        return "SUPPRESSED_CAP"
    return None


def naive_is_capped(policy: AlertPolicy, alerts: Sequence[int], time: int) -> bool:
    """Whether the 24 hours that began with an alert are still running and have had their alerts."""
    first, many = None, 0
    for alert in alerts:
        if first is None or alert - first >= DAY:
            first, many = alert, 0
        many += 1
    return first is not None and time - first < DAY and many >= policy.max_per_day


def naive_rearmed(policy: AlertPolicy, tier: str, last: float, since: Sequence[float]) -> bool:
    """Whether the re-arm rule lets another alert through after one at the risk ``last``; ``since`` ends with the score."""
    clear = policy.clear if tier == "amber" else policy.red_clear
    assert clear is not None
    if policy.rearm == "timer":
        return True
    if policy.rearm == "first_only":
        return False
    if any(risk < clear for risk in since):
        return True
    return policy.rearm == "escalate" and naive_risen(policy, last, since[-1])


def naive_risen(policy: AlertPolicy, last: float, risk: float) -> bool:
    """Whether the odds have grown by the factor that ``rise`` of the logit means.

    From 0 any higher risk has risen and 1 has risen from any lower one; a risk that is not higher has not.
    """
    if risk <= last:
        return False
    if last == 0:
        return True
    return risk == 1 or risk / (1 - risk) >= math.exp(policy.rise) * last / (1 - last)


def naive_evaluate(
    policy: AlertPolicy,
    lead: tuple[int, int],
    stays: Sequence[tuple[int, int, Sequence[tuple[int, float]]]],
    onsets: Sequence[Sequence[int]],
    lost: Sequence[bool] | None = None,
) -> dict[str, Any]:
    """Counts and ratios of a policy's alerts until the first onset of each stay.

    Args:
        policy: the policy judged.
        lead: ``(lead_min, lead_max)``; an alert is true when it comes this long before the onset, both included.
        stays: (admitted, discharged, [(time, risk), ...]) of each stay.
        onsets: the onsets of each stay.
        lost: whether nobody knows what came after the discharge, of each stay; None for no stay.
    """
    count = dict.fromkeys(("alerts", "true", "false", "late", "detected", "predictable", "onsets", "microseconds"), 0)
    count["indeterminate"] = count["red"] = 0
    held: Counter[str] = Counter()
    leads, by_stay = [], []
    for s, (admitted, discharged, scores) in enumerate(stays):
        onset = min(onsets[s], default=None)
        until = discharged if onset is None else min(discharged, onset)
        count["microseconds"] += max(0, until - admitted)
        true_alerts, alerts_before = [], count["alerts"]
        for time, outcome in naive_decide(policy, scores):
            if onset is not None and time > onset:
                continue
            if not outcome.endswith("FIRED"):
                held[outcome.rpartition("_")[2].lower()] += 1
                continue
            count["alerts"] += 1
            count["red"] += outcome == "RED_FIRED"
            kind = naive_kind(time, onset, lead, discharged if lost is not None and lost[s] else None)
            count[kind] += 1
            if kind == "true":
                true_alerts.append(time)
        by_stay.append(count["alerts"] - alerts_before)
        if onset is not None:
            count["onsets"] += 1
            in_time = [1 for time, risk in scores if lead[0] <= onset - time <= lead[1] and not math.isnan(risk)]
            count["predictable"] += len(in_time) > 0
            if true_alerts:
                count["detected"] += 1
                leads.append((onset - min(true_alerts)) / MICROSECONDS_PER_HOUR)
    return {
        **count,
        "held": dict(held),
        "leads": sorted(leads),
        "by_stay": by_stay,
        **naive_ratios(count, leads, by_stay),
    }


def naive_kind(time: int, onset: int | None, lead: tuple[int, int], ends: int | None) -> str:
    """What an alert was worth; ``ends`` is when a record ended of which nobody knows how it went on."""
    if onset is None:
        return "indeterminate" if ends is not None and time + lead[1] > ends else "false"
    if onset - time > lead[1]:
        return "false"
    return "late" if onset - time < lead[0] else "true"


def naive_ratios(count: dict[str, int], leads: Sequence[float], by_stay: Sequence[int]) -> dict[str, float]:
    """The figures that are made of the counts; NaN where nothing was to count."""

    def ratio(above: float, below: float) -> float:
        return above / below if below else NAN

    days = count["microseconds"] / DAY
    true, false, unknown = count["true"], count["false"], count["indeterminate"]
    leads = sorted(leads)
    middle = len(leads) // 2
    busiest = sorted(by_stay, reverse=True)[: (len(by_stay) + 9) // 10]
    return {
        "recall": ratio(count["detected"], count["predictable"]),
        "recall_of_all": ratio(count["detected"], count["onsets"]),
        "precision": ratio(true, true + false),
        "precision_first_per_event": ratio(count["detected"], count["detected"] + false),
        "precision_if_unknown_false": ratio(true, true + false + unknown),
        "precision_if_unknown_true": ratio(true + unknown, true + false + unknown),
        "needed_to_evaluate": ratio(true + false, true),
        "alarms_per_100_patient_days": ratio(100 * count["alerts"], days),
        "false_alarms_per_100_patient_days": ratio(100 * false, days),
        "alarms_per_bed_shift": ratio(count["alerts"], 2 * days),
        "concentration": ratio(sum(busiest), sum(by_stay)),
        "median_lead": NAN if not leads else (leads[middle] + leads[-middle - 1]) / 2,
    }
