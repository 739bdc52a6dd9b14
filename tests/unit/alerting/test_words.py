"""A word at time t acts on scores from t on and on no others, in whatever order words and scores come."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.naive import Said, naive_decide, naive_notices
from vitals.alerting.decide import AlertState, Notice, Outcome, decide
from vitals.alerting.words import OPEN, Words
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy

HOUR = 3_600_000_000
ROWS = 12

Rows = list[tuple[int, float]]


def rule(**change: Any) -> AlertPolicy:
    plain = {"threshold": 0.5, "silence": Duration(0), "max_snooze": Duration(6 * HOUR)}
    return AlertPolicy(**(plain | change))


@st.composite
def histories(draw: st.DrawFn) -> tuple[AlertPolicy, Rows, list[Said]]:
    """A policy, the scores of a bed, and words that can be true, in order of time; events one after the other."""
    policy = rule(
        red=draw(st.sampled_from([1.0, 0.8])),
        persistence=draw(st.sampled_from([(1, 1), (2, 2)])),
        rearm=draw(st.sampled_from(["timer", "first_only"])),
        reset=Duration(draw(st.integers(0, 2)) * HOUR),
        stale=Duration(2 * HOUR),
    )
    rows = [(HOUR * i, draw(st.sampled_from([0.6, 0.6, 0.9, 0.1, math.nan]))) for i in range(ROWS)]
    times = st.integers(-1, 2 * ROWS).map(lambda half: half * HOUR // 2)
    words = [
        Said(0, "acknowledge", time, time + draw(st.integers(0, 8)) * HOUR)
        for time in draw(st.lists(times, max_size=4))
    ]
    bounds = sorted(draw(st.lists(times, max_size=5)))
    words += [Said(0, "event_end" if i % 2 else "event", time) for i, time in enumerate(bounds)]
    return policy, rows, sorted(words, key=lambda word: word.time)


def say(policy: AlertPolicy, state: AlertState, word: Said) -> str | None:
    if word.kind == "acknowledge":
        state.acknowledge(policy, 0, word.time, word.until)
        return None
    return state.event_begins(0, word.time) if word.kind == "event" else state.event_ends(policy, 0, word.time)


def followed(policy: AlertPolicy, rows: Rows, words: Sequence[Said], cuts: Sequence[int]) -> list[tuple[int, str]]:
    """What a bed says; ``after`` of a word tells how many scores were decided before it was said."""
    state, seen = AlertState.empty(1), []
    borders = sorted({0, len(rows), *cuts, *(word.after for word in words)})
    for start, end in zip(borders, [*borders[1:], len(rows)], strict=True):
        for word in words:
            if word.after == start:
                assert say(policy, state, word) is None
        times, risks = [time for time, _ in rows[start:end]], [risk for _, risk in rows[start:end]]
        state, due = decide(policy, state, [0] * len(times), times, risks)
        seen += [(times[row], Outcome(code).name) for row, code in zip(due.row, due.outcome, strict=True)]
        seen += [(times[row], Notice(code).name) for row, code in zip(due.noticed, due.notice, strict=True)]
    return sorted(seen)


def plainly(policy: AlertPolicy, rows: Rows, words: Sequence[Said]) -> list[tuple[int, str]]:
    """The oracle, with every word said when all scores before it have been decided, and none after it."""
    placed = [word._replace(after=sum(time < word.time for time, _ in rows)) for word in words]
    return sorted(naive_decide(policy, rows, placed) + naive_notices(policy, rows, placed))


@given(histories(), st.data())
def test_words_that_come_before_their_scores_are_decided_act_as_if_said_in_their_place(
    case: tuple[AlertPolicy, Rows, list[Said]], data: st.DataObject
) -> None:
    """Whatever the order: words about events keep theirs, since the end of one that has not begun is refused."""
    policy, rows, words = case
    wanted = plainly(policy, rows, words)
    mixed = data.draw(st.permutations(words))
    events = iter([word for word in words if word.kind != "acknowledge"])
    mixed = [word if word.kind == "acknowledge" else next(events) for word in mixed]
    said, latest = [], 0
    for word in mixed:
        place = sum(time < word.time for time, _ in rows)
        after = data.draw(st.integers(0, place))
        latest = max(latest, after) if word.kind != "acknowledge" else latest
        said.append(word._replace(after=after if word.kind == "acknowledge" else min(latest, place)))
    cuts = data.draw(st.lists(st.integers(0, ROWS), max_size=3))
    assert followed(policy, rows, sorted(said, key=lambda word: word.after), cuts) == wanted


@given(histories(), st.data())
def test_an_acknowledgement_holds_back_exactly_the_amber_alerts_between_its_ends(
    case: tuple[AlertPolicy, Rows, list[Said]], data: st.DataObject
) -> None:
    """Without events: a score is covered where any word said before it was decided covers it, late words included."""
    policy, rows, words = case
    policy = rule(max_snooze=policy.max_snooze)
    words = [word._replace(after=data.draw(st.integers(0, ROWS))) for word in words if word.kind == "acknowledge"]
    found = dict(followed(policy, rows, words, []))
    for place, (time, risk) in enumerate(rows):
        ends = [min(word.until, word.time + policy.max_snooze) for word in words if word.after <= place]
        begins = [word.time for word in words if word.after <= place]
        covered = any(begin <= time < end for begin, end in zip(begins, ends, strict=True))
        due = "SUPPRESSED_ACKNOWLEDGED" if covered else "FIRED"
        assert found.get(time) == (due if risk >= 0.5 else None)


def test_a_second_acknowledgement_leaves_the_first_to_the_scores_before_it() -> None:
    words = [Said(1, "acknowledge", HOUR, 3 * HOUR), Said(1, "acknowledge", 4 * HOUR, 6 * HOUR)]
    held = [name for _, name in followed(rule(), [(HOUR * i, 0.6) for i in range(7)], words, [])]
    a, fired = "SUPPRESSED_ACKNOWLEDGED", "FIRED"
    assert held == [fired, a, a, fired, a, a, fired]


def test_a_late_acknowledgement_takes_nothing_back() -> None:
    words = [Said(0, "acknowledge", 2 * HOUR, 5 * HOUR), Said(3, "acknowledge", HOUR, 2 * HOUR)]
    held = [name for _, name in followed(rule(), [(HOUR * i, 0.6) for i in range(6)], words, [])]
    assert held == ["FIRED"] * 2 + ["SUPPRESSED_ACKNOWLEDGED"] * 3 + ["FIRED"]


def test_what_is_acknowledged_after_an_event_outlives_what_was_before_it() -> None:
    words = [
        Said(1, "acknowledge", 0, 9 * HOUR), Said(1, "event", HOUR), Said(1, "event_end", HOUR + 2),
        Said(1, "acknowledge", HOUR + 3, 4 * HOUR),
    ]  # fmt: skip
    long = rule(max_snooze=Duration(9 * HOUR))
    held = [name for _, name in followed(long, [(HOUR * i, 0.6) for i in range(6)], words, [])]
    assert held[:2] == ["FIRED", "SUPPRESSED_ACKNOWLEDGED"]
    assert held[2:] == ["SUPPRESSED_ACKNOWLEDGED"] * 2 + ["FIRED"] * 2


def test_the_next_event_leaves_an_acknowledgement_to_the_score_at_its_beginning() -> None:
    words = [
        Said(0, "event", 0), Said(1, "event_end", 1), Said(1, "acknowledge", 2, 9 * HOUR), Said(1, "event", HOUR),
    ]  # fmt: skip
    held = [name for _, name in followed(rule(), [(HOUR * i, 0.6) for i in range(3)], words, [])]
    assert held == ["FIRED", "SUPPRESSED_ACKNOWLEDGED", "SUPPRESSED_EVENT"]


def test_the_end_of_an_acknowledgement_is_told_with_those_that_wait() -> None:
    state, long = AlertState.empty(2), rule(max_snooze=Duration(9 * HOUR))
    assert state.acknowledge(long, 1, 5 * HOUR, 9 * HOUR) == 9 * HOUR
    assert state.acknowledge(long, 1, 2 * HOUR, 4 * HOUR) == 4 * HOUR
    assert state.acknowledge(long, 1, 3 * HOUR, 3 * HOUR + 1) == 4 * HOUR  # a shorter one takes nothing back
    assert state.acknowledge(long, 0, 3 * HOUR, 3 * HOUR + 1) == 3 * HOUR + 1


def test_words_about_events_that_cannot_be_true_are_refused_and_change_nothing() -> None:
    state = AlertState.empty(1)
    assert state.event_ends(rule(), 0, HOUR) == "no_event_is_open"
    assert state.event_begins(0, HOUR) is None
    assert state.event_begins(0, 2 * HOUR) == "event_is_open"
    assert state.event_ends(rule(), 0, HOUR - 1) == "ends_before_it_begins"
    assert state.event_ends(rule(), 0, HOUR) is None
    assert state.event_ends(rule(), 0, HOUR) == "no_event_is_open"
    assert state.event_begins(0, HOUR - 1) == "begins_before_the_last_ended"
    assert state.event_begins(0, HOUR) is None
    assert [word.kind for word in state.words.waiting[0]] == ["event", "event_end", "event"]
    assert state.words.event == {0: (HOUR, OPEN)}


def test_a_word_waits_no_longer_than_to_its_first_score_or_the_next_patient() -> None:
    state = AlertState.empty(3)
    for bed in (0, 1):
        state.acknowledge(rule(), bed, HOUR, 2 * HOUR)
        state.event_begins(bed, 3 * HOUR)
    state, _ = decide(rule(), state, [0, 1, 2], [HOUR - 1, HOUR, 9 * HOUR], [0.6] * 3)
    assert {bed: len(words) for bed, words in state.words.waiting.items()} == {0: 2, 1: 1}
    state, _ = decide(rule(), state, [0, 1], [3 * HOUR, 3 * HOUR], [0.6] * 2)
    assert state.words.waiting == {}
    assert state.event_begins(0, 4 * HOUR) == "event_is_open"
    state.admit([0])
    assert state.event_begins(0, 4 * HOUR) is None
    state.admit([0])
    assert state.words.waiting == {}


def test_a_copied_state_goes_on_with_the_words_that_wait() -> None:
    state = AlertState.empty(1)
    state.acknowledge(rule(), 0, HOUR, 3 * HOUR)
    copied = AlertState(*copy.deepcopy((state.ward, state.words)))
    _, due = decide(rule(), state, [0, 0], [0, HOUR], [0.6, 0.6])
    assert due.outcome.tolist() == [Outcome.FIRED, Outcome.SUPPRESSED_ACKNOWLEDGED]
    assert state.words.waiting == {}
    _, again = decide(rule(), copied, [0, 0], [0, HOUR], [0.6, 0.6])
    assert again.outcome.tolist() == due.outcome.tolist()


def test_one_call_over_a_ward_gives_every_bed_its_own_words() -> None:
    """All words said at once, before any score, and the scores of all beds through each other."""
    rows = [(bed, HOUR * i) for i in range(6) for bed in range(3)]
    state = AlertState.empty(3)
    state.acknowledge(rule(), 0, HOUR, 3 * HOUR)
    state.event_begins(2, 3 * HOUR)
    _, due = decide(rule(), state, [bed for bed, _ in rows], [time for _, time in rows], [0.6] * len(rows))
    codes = np.array(due.outcome).reshape(6, 3).T
    assert codes.tolist() == [[1, 4, 4, 1, 1, 1], [1] * 6, [1, 1, 1, 1, 6, 6]]


@pytest.mark.parametrize("kind", ["event", "event_end"])
def test_words_know_nothing_of_other_beds(kind: str) -> None:
    words = Words()
    wanted = words.event_fault(1, kind, 5)
    state = AlertState.empty(2)
    state.event_begins(0, 1)
    assert state.words.event_fault(1, kind, 5) == wanted
