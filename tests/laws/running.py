"""Run a ward through a function under test, and compare what came out bit by bit."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.naive import Call, Sample
from tests.strategies import Scores, Ward
from vitals.alerting.decide import AlertState, Decisions, Notice, Outcome
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Settings
from vitals.windowing.carry import Carry
from vitals.windowing.types import NEVER, Drop, Dropped, Events, Rows

Advance = Callable[..., tuple[Carry, Rows, Dropped]]
Decide = Callable[..., tuple[AlertState, Decisions]]
Answers = list[tuple[Rows, Dropped]]
DropKey = tuple[int, int, int, str]
Alerts = list[tuple[int, str]]
ROW_FIELDS = ("time", "value", "age", "reason")

# ---- windowing -------------------------------------------------------------------------------------------------------


def events_of(samples: Sequence[Sample]) -> Events:
    """Samples as columns."""
    return Events(
        bed=np.array([sample.bed for sample in samples], np.int32),
        time=np.array([sample.time for sample in samples], np.int64),
        signal=np.array([sample.signal for sample in samples], np.int16),
        value=np.array([sample.value for sample in samples], np.float32),
    )


def until_of(clock: Sequence[int | None], plain: bool) -> Any:
    """A clock as ``until``: an array, or in plain cases also None or one number for the ward."""
    if plain and all(now is None for now in clock):
        return None
    if plain and len(set(clock)) == 1:
        return clock[0]
    return np.array([NEVER if now is None else now for now in clock], np.int64)


def admit(carry: Carry, admitted: Sequence[int | None]) -> None:
    """Let these stays begin; None leaves a bed as it is."""
    beds = [bed for bed, start in enumerate(admitted) if start is not None]
    starts = [start for start in admitted if start is not None]
    carry.admit(np.array(beds, np.int32), np.array(starts, np.int64))


def new_carry(settings: Settings, admitted: Sequence[int | None]) -> Carry:
    """A ward into whose beds these stays have just been admitted."""
    carry = Carry.empty(settings, len(admitted))
    admit(carry, admitted)
    return carry


def go_on(
    advance: Advance, settings: Settings, carry: Carry, calls: Sequence[Call], plain: bool = True
) -> tuple[Carry, Answers]:
    """Hand the calls over one by one; what each gave back."""
    answers = []
    for call in calls:
        carry, rows, dropped = advance(settings, carry, events_of(call.samples), until_of(call.clock, plain))
        answers.append((rows, dropped))
    return carry, answers


def run(advance: Advance, ward: Ward, cuts: Sequence[int] = (), plain: bool = True) -> Answers:
    """The whole stream through a fresh ward."""
    return go_on(advance, ward.settings, new_carry(ward.settings, ward.admitted), ward.calls(cuts), plain)[1]


def join(answers: Answers) -> tuple[Rows, list[DropKey]]:
    """The rows of all calls, by bed, each bed's in the order in which they came; and all drops and repairs, sorted."""
    parts = [rows for rows, _ in answers]
    bed = np.concatenate([rows.bed for rows in parts])
    order = np.argsort(bed, kind="stable")
    rows = Rows(bed[order], *(np.concatenate([getattr(part, name) for part in parts])[order] for name in ROW_FIELDS))
    same_bed = np.diff(rows.bed) == 0
    assert (np.diff(rows.time)[same_bed] > 0).all(), "a step was closed twice, or out of order"
    return rows, sorted(key for _, dropped in answers for key in (*drop_keys(dropped), *repair_keys(dropped)))


def drop_keys(dropped: Dropped) -> list[DropKey]:
    """(bed, signal, time, reason) of every dropped sample, in order."""
    columns = (dropped.bed.tolist(), dropped.signal.tolist(), dropped.time.tolist(), dropped.reason.tolist())
    return [(bed, signal, time, Drop(reason).name) for bed, signal, time, reason in zip(*columns, strict=True)]


def repair_keys(dropped: Dropped) -> list[DropKey]:
    """(bed, signal, time, what it was taken for) of every repaired sample, in order."""
    repaired = dropped.repaired
    columns = (repaired.bed.tolist(), repaired.signal.tolist(), repaired.time.tolist(), repaired.value.tolist())
    return [(bed, signal, time, f"REPAIRED to {value}") for bed, signal, time, value in zip(*columns, strict=True)]


def drop_places(answers: Answers, calls: Sequence[Call]) -> list[tuple[int, str]]:
    """(place in the whole stream, reason) of every sample that was dropped in the call in which it came, sorted."""
    places, before = [], 0
    for (_, dropped), call in zip(answers, calls, strict=True):
        for event, reason in zip(dropped.event.tolist(), dropped.reason.tolist(), strict=True):
            if event >= 0:
                places.append((before + event, Drop(reason).name))
        before += len(call.samples)
    return sorted(places)


def some_rows(rows: Rows, keep: Any) -> Rows:
    """The rows that a mask or an index picks."""
    return Rows(rows.bed[keep], *(getattr(rows, name)[keep] for name in ROW_FIELDS))


# ---- alerts ----------------------------------------------------------------------------------------------------------


def columns_of(
    scores: Scores, begin: Sequence[int], end: Sequence[int]
) -> tuple[list[int], list[int], np.ndarray[Any, np.dtype[np.float32]]]:
    """Bed, time and risk of a slice of each bed's rows, ordered by bed and time."""
    rows = [(bed, *row) for bed, found in enumerate(scores.beds) for row in found[begin[bed] : end[bed]]]
    return [row[0] for row in rows], [row[1] for row in rows], np.array([row[2] for row in rows], np.float32)


def decide_on(
    decide: Decide, scores: Scores, state: AlertState, borders: Sequence[Sequence[int]]
) -> tuple[AlertState, list[Alerts]]:
    """Hand over the rows between each border and the next; (time, what) of every decision and notice, by bed."""
    found: list[Alerts] = [[] for _ in scores.beds]
    for begin, end in itertools.pairwise(borders):
        bed, time, risk = columns_of(scores, begin, end)
        state, due = decide(scores.policy, state, bed, time, risk)
        assert (np.diff(due.row) > 0).all(), "one decision a row, in the order of the rows"
        for row, name in told(due):
            found[bed[row]].append((time[row], name))
    return state, found


def told(due: Decisions) -> list[tuple[int, str]]:
    """(row, what) of every decision and notice, in the order of the rows."""
    decisions = [(row, Outcome(code).name) for row, code in zip(due.row.tolist(), due.outcome.tolist(), strict=True)]
    notices = [(row, Notice(code).name) for row, code in zip(due.noticed.tolist(), due.notice.tolist(), strict=True)]
    return sorted(decisions + notices, key=lambda one: one[0])


def all_alerts(decide: Decide, scores: Scores, borders: Sequence[Sequence[int]] = ()) -> list[Alerts]:
    """Every decision and notice of a fresh ward, by bed."""
    start, end = [0] * len(scores.beds), [len(rows) for rows in scores.beds]
    return decide_on(decide, scores, AlertState.empty(len(scores.beds)), [start, *borders, end])[1]


def with_policy(policy: AlertPolicy, beds: Sequence[Sequence[tuple[int, float]]]) -> Scores:
    """Scores from plain lists."""
    return Scores(policy, tuple(tuple(rows) for rows in beds))


# ---- comparing -------------------------------------------------------------------------------------------------------


def assert_same_bits(left: Any, right: Any, what: str) -> None:
    """Equal type, shape and bits; only the payload of a NaN is free."""
    left, right = np.asarray(left), np.asarray(right)
    assert left.dtype == right.dtype, f"{what}: {left.dtype} and {right.dtype}"
    assert left.shape == right.shape, f"{what}: {left.shape} and {right.shape}"
    if left.dtype.kind == "f":
        unknown = np.isnan(left)
        assert np.array_equal(unknown, np.isnan(right)), f"{what}: {left} and {right}"
        bits = {4: np.uint32, 8: np.uint64}[left.dtype.itemsize]
        zero = left.dtype.type(0)
        left = np.ascontiguousarray(np.where(unknown, zero, left)).view(bits)
        right = np.ascontiguousarray(np.where(unknown, zero, right)).view(bits)
    assert np.array_equal(left, right), f"{what}: {left} and {right}"


def assert_same_rows(left: Rows, right: Rows) -> None:
    """Equal beds, times, values, ages and reasons, bit by bit."""
    for name in ("bed", *ROW_FIELDS):
        assert_same_bits(getattr(left, name), getattr(right, name), f"rows.{name}")
