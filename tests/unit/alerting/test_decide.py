"""The alert rule by hand, at its edges, against the oracle, and with its lines bent one at a time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.naive import Said, naive_decide, naive_notices
from tests.strategies import Scores, cut_scores, heard_scores, sayings, scores
from tests.unit.alerting.plain import plain_machine
from vitals.alerting import machine
from vitals.alerting.decide import AlertState, Decisions, Notice, Outcome, decide
from vitals.errors import DataError
from vitals.spec.duration import Duration
from vitals.spec.policy import REARM, AlertPolicy

HOUR = 3_600_000_000
NAN = math.nan


def outcomes(policy: AlertPolicy, risks: Sequence[float], times: Sequence[int] | None = None) -> str:
    """One letter a score: . nothing due, F fired, s held back by the silence, e by the episode, a by an acknowledgement, c
    by the day's bound, v by an event; R fired in the second tier, and S, E, C, V for what held that back.
    """
    when = [HOUR * i for i in range(len(risks))] if times is None else times
    _, due = decide(policy, AlertState.empty(1), [0] * len(risks), when, risks)
    return letters(len(risks), due)


LETTERS = {1: "F", 2: "s", 3: "e", 4: "a", 5: "c", 6: "v", 9: "R", 10: "S", 11: "E", 13: "C", 14: "V"}


def letters(scores: int, due: Decisions) -> str:
    line = ["."] * scores
    for row, code in zip(due.row, due.outcome, strict=True):
        line[row] = LETTERS[code]
    return "".join(line)


def policy(**change: Any) -> AlertPolicy:
    plain = {"threshold": 0.5, "silence": Duration.parse("2h")}
    return AlertPolicy(**(plain | change))


def test_fires_again_when_the_silence_is_over_while_the_risk_stays_high() -> None:
    assert outcomes(policy(), [0.1, 0.6, 0.6, 0.6, 0.6, 0.1, 0.6]) == ".FsFs.F"


def test_waits_for_the_end_of_the_episode_when_told_to() -> None:
    below = policy(rearm="below_clear", clear=0.3)
    assert outcomes(below, [0.6, 0.6, 0.6, 0.4, 0.6, 0.2, 0.6]) == "Fse.e.F"


def test_the_end_of_an_episode_does_not_cut_the_silence_short() -> None:
    below = policy(rearm="below_clear", silence=Duration.parse("3h"))
    assert outcomes(below, [0.6, 0.1, 0.6, 0.6]) == "F.sF"


def test_k_of_n_counts_the_latest_scores_and_a_missing_one_is_not_high() -> None:
    two_of_three = policy(persistence=(2, 3), silence=Duration(0))
    assert outcomes(two_of_three, [0.6, 0.1, 0.6, 0.1, 0.1, 0.6]) == "..F..."
    assert outcomes(two_of_three, [0.6, NAN, 0.6]) == "..F"
    assert outcomes(two_of_three, [0.6, NAN, NAN, 0.6]) == "...."


def test_a_missing_score_decides_nothing() -> None:
    below = policy(rearm="below_clear", silence=Duration(0))
    assert outcomes(below, [0.6, NAN, 0.6]) == "F.e"  # it does not end the episode
    assert outcomes(policy(persistence=(1, 2), silence=Duration(0)), [0.6, NAN]) == "F."  # nor does it alert


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.5, 1.0])
def test_a_risk_at_the_threshold_is_high_and_one_just_below_is_not(threshold: float) -> None:
    at = policy(threshold=threshold)
    assert outcomes(at, [threshold]) == "F"
    assert outcomes(at, [np.nextafter(threshold, -1)]) == "."


def test_a_float32_risk_below_a_float64_threshold_is_below_it() -> None:
    assert float(np.float32(0.35)) < 0.35
    _, due = decide(policy(threshold=0.35), AlertState.empty(1), [0], [0], np.array([0.35], np.float32))
    assert len(due) == 0
    _, due = decide(
        policy(threshold=float(np.float32(0.35))), AlertState.empty(1), [0], [0], np.array([0.35], np.float32)
    )
    assert due.fired.tolist() == [0]


def test_a_risk_at_clear_does_not_end_the_episode_and_one_just_below_does() -> None:
    below = policy(rearm="below_clear", clear=0.3, silence=Duration(0))
    assert outcomes(below, [0.6, 0.3, 0.6]) == "F.e"
    assert outcomes(below, [0.6, np.nextafter(0.3, 0), 0.6]) == "F.F"


def test_the_silence_ends_at_its_last_microsecond() -> None:
    ends = 2 * HOUR
    assert outcomes(policy(), [0.6, 0.6, 0.6], [0, ends - 1, ends]) == "FsF"


def test_silence_for_the_whole_stay_alerts_once() -> None:
    late = 1_546_300_800_000_000
    assert outcomes(policy(silence=Duration.parse("stay")), [0.6, 0.6], [late, late + 10**15]) == "Fs"


def test_sixty_four_of_sixty_four() -> None:
    longest = policy(persistence=(64, 64), silence=Duration(0))
    assert outcomes(longest, [0.6] * 65) == "." * 63 + "FF"
    assert outcomes(longest, [0.6] * 63 + [0.1] + [0.6] * 64) == "." * 127 + "F"


def test_a_red_alert_breaks_through_the_silence_and_counts_as_an_amber_one() -> None:
    two = policy(red=0.8, silence=Duration.parse("3h"))
    assert outcomes(two, [0.6, 0.9, 0.9, 0.6, 0.6, 0.6]) == "FRSsFs"  # amber is silent until three hours after red


def test_where_red_is_due_it_alone_decides() -> None:
    two = policy(red=0.8, silence=Duration.parse("2h"))
    assert outcomes(two, [0.9, 0.6, 0.9, 0.6]) == "RsRs"
    assert outcomes(policy(red=0.8, silence=Duration(0), rearm="first_only"), [0.9, 0.9, 0.6]) == "REe"


def test_the_tiers_have_their_own_episodes() -> None:
    two = policy(clear=0.3, red=0.8, red_clear=0.7, rearm="below_clear", silence=Duration(0))
    assert outcomes(two, [0.6, 0.9, 0.75, 0.9, 0.6, 0.9, 0.2, 0.6]) == "FReEeR.F"


@pytest.mark.parametrize("red", [0.8, 0.5])
def test_a_risk_at_red_is_red_and_one_at_its_clear_ends_nothing(red: float) -> None:
    two = policy(red=red, red_clear=0.5, rearm="below_clear", silence=Duration(0))
    assert outcomes(two, [red, np.nextafter(red, 0)])[0] == "R"
    assert outcomes(two, [np.nextafter(red, 0)]) == ("F" if red > 0.5 else ".")
    assert outcomes(two, [red, 0.5, red])[2] == "E"
    assert outcomes(two, [red, np.nextafter(0.5, 0), red]) == "R.R"


def test_a_red_threshold_of_one_is_no_second_tier() -> None:
    assert outcomes(policy(red=1.0), [1.0, 1.0]) == "Fs"


def test_an_escalation_needs_the_rise_since_the_last_alert() -> None:
    """At 0.5 the logit is 0; a rise of 0.7 is reached at 0.668."""
    up = policy(rearm="escalate", clear=0.3, silence=Duration(0), rise=0.7)
    assert outcomes(up, [0.5, 0.66, 0.67, 0.7, 0.9, 0.9]) == "FeFeFe"
    assert outcomes(up, [0.5, 0.2, 0.5]) == "F.F"  # the end of an episode re-arms too
    assert outcomes(policy(rearm="escalate"), [0.5, 0.9, 0.9]) == "FsF"  # no escalation breaks the silence
    assert outcomes(up, [1.0, 1.0]) == "Fe"  # nothing is above certainty


def test_an_escalation_from_0_is_any_higher_risk_and_from_1_there_is_none() -> None:
    """The logit of 0 and of 1 is infinite: by itself it would always rise from 0, and never to or from 1."""
    up = policy(threshold=0.0, rearm="escalate", silence=Duration(0), rise=20.0)
    assert outcomes(up, [0.0, 0.0, 0.0]) == "Fee"
    assert outcomes(up, [0.0, 5e-324, 5e-324]) == "FFe"
    assert outcomes(up, [0.5, 1.0, 1.0]) == "FFe"
    assert outcomes(up, [np.nextafter(1.0, 0.0), 1.0]) == "FF"
    assert outcomes(up, [1.0, 0.0, 1.0]) == "Fee"
    assert outcomes(dataclasses.replace(up, rise=1e-18), [0.3, 0.3]) == "Fe"  # a rise too small to be seen is still one
    assert outcomes(dataclasses.replace(up, rise=1e-18), [0.3, np.nextafter(0.3, 1.0)]) == "FF"


def test_first_only_alerts_once_in_a_tier() -> None:
    once = policy(rearm="first_only", red=0.8, silence=Duration(0))
    assert outcomes(once, [0.6, 0.1, 0.6, 0.9, 0.1, 0.9]) == "F.eR.E"


def test_a_day_s_bound_counts_from_the_first_alert_of_the_day() -> None:
    two_a_day = policy(max_per_day=2, silence=Duration(0))
    hours = [0, 1, 2, 23, 24, 25, 26, 48]
    assert outcomes(two_a_day, [0.6] * 8, [HOUR * h for h in hours]) == "FFccFFcF"
    assert outcomes(two_a_day, [0.6] * 4, [0, 1, 24 * HOUR - 1, 24 * HOUR]) == "FFcF"
    long = [HOUR * h for h in (0, 30, 31, 53, 54)]  # the second day begins with the alert at 30
    assert outcomes(two_a_day, [0.6] * 5, long) == "FFFcF"


def test_the_tiers_are_bounded_apart_and_red_alerts_fill_the_bound_of_amber() -> None:
    bounded = policy(red=0.8, max_per_day=2, silence=Duration(0))
    assert outcomes(bounded, [0.6, 0.9, 0.6, 0.9, 0.9, 0.6]) == "FRcRCc"


# ---- what is said of a patient ---------------------------------------------------------------------------------------


def with_words(policy: AlertPolicy, risks: Sequence[float], *words: Said) -> str:
    """Like ``outcomes``, with words between the scores, which come on the hour."""
    line, notices = heard(policy, [(HOUR * i, risk) for i, risk in enumerate(risks)], words)
    assert not notices
    return "".join(line)


def heard(
    policy: AlertPolicy, rows: Sequence[tuple[int, float]], words: Sequence[Said]
) -> tuple[list[str], list[tuple[int, str]]]:
    """One letter a score, and the notices of one bed."""
    state, line, notices = AlertState.empty(1), [], []
    for place, (time, risk) in enumerate(rows):
        say(policy, state, 0, [word for word in words if word.after == place])
        state, due = decide(policy, state, [0], [time], [risk])
        line.append(letters(1, due))
        notices += [(time, Notice(code).name) for code in due.notice]
    return line, notices


def say(policy: AlertPolicy, state: AlertState, bed: int, words: Sequence[Said]) -> None:
    for word in words:
        if word.kind == "acknowledge":
            state.acknowledge(policy, bed, word.time, word.until)
        elif word.kind == "event":
            state.event_begins(bed, word.time)
        else:
            state.event_ends(policy, bed, word.time)


def test_an_acknowledgement_holds_back_the_first_tier_only_and_ends_inclusively() -> None:
    rule = policy(red=0.8, silence=Duration(0))
    seen = Said(1, "acknowledge", HOUR, 3 * HOUR)
    assert with_words(rule, [0.6, 0.6, 0.9, 0.6, 0.6], seen) == "FaRFF"


def test_an_acknowledgement_counts_from_its_own_time() -> None:
    """A score that was taken before it and is judged after it alerts."""
    rule = policy(silence=Duration(0))
    assert with_words(rule, [0.6, 0.6, 0.6], Said(0, "acknowledge", HOUR, 2 * HOUR)) == "FaF"


def test_an_acknowledgement_is_bounded_and_may_be_renewed() -> None:
    rule, late = policy(silence=Duration(0), max_snooze=Duration.parse("2h")), 99 * HOUR
    assert with_words(rule, [0.6] * 6, Said(1, "acknowledge", HOUR, late)) == "FaaFFF"
    renewed = (Said(1, "acknowledge", HOUR, late), Said(2, "acknowledge", 2 * HOUR, late))
    assert with_words(rule, [0.6] * 6, *renewed) == "FaaaFF"
    shorter = (Said(1, "acknowledge", HOUR, late), Said(2, "acknowledge", 2 * HOUR, 2 * HOUR + 1))
    assert with_words(rule, [0.6] * 6, *shorter) == "FaaFFF"  # a shorter one takes nothing back
    state = AlertState.empty(1)
    assert state.acknowledge(rule, 0, HOUR, late) == 3 * HOUR
    assert state.acknowledge(rule, 0, 2 * HOUR, 2 * HOUR + 1) == 3 * HOUR
    assert state.acknowledge(rule, 0, 9 * HOUR, 10 * HOUR) == 10 * HOUR


def test_nothing_alerts_in_an_event_and_for_a_while_after_it() -> None:
    rule = policy(silence=Duration.parse("9h"), reset=Duration.parse("1h"), rearm="first_only")
    words = (Said(2, "event", HOUR, 0), Said(4, "event_end", 3 * HOUR, 0))
    assert with_words(rule, [0.6, 0.6, 0.6, 0.6, 0.6, 0.6], *words) == "FsvvFs"  # and then it is as for a new patient


def test_an_event_s_bounds() -> None:
    """A score at its beginning is before it; one at the end of the reset is after it."""
    rule = policy(silence=Duration(0), reset=Duration.parse("1h"))
    assert with_words(rule, [0.6] * 4, Said(0, "event", HOUR, 0), Said(0, "event_end", 2 * HOUR, 0)) == "FFvF"
    longer = dataclasses.replace(rule, reset=Duration(HOUR + 1))
    assert with_words(longer, [0.6] * 5, Said(0, "event", HOUR, 0), Said(0, "event_end", 2 * HOUR, 0)) == "FFvvF"


def test_an_event_that_comes_back_within_the_reset_goes_on() -> None:
    rule = policy(silence=Duration(0), reset=Duration.parse("4h"))
    words = (Said(1, "event", HOUR, 0), Said(3, "event_end", 2 * HOUR, 0), Said(4, "event", 4 * HOUR - 1, 0))
    assert with_words(rule, [0.6] * 6, *words) == "FFvvvv"
    at_a_score = (Said(1, "event", HOUR, 0), Said(3, "event_end", 2 * HOUR, 0), Said(4, "event", 4 * HOUR, 0))
    assert with_words(rule, [0.6] * 6, *at_a_score) == "FFvvvv"


def test_an_event_forgets_scores_the_day_s_bound_and_what_was_acknowledged_before_its_end() -> None:
    rule = policy(persistence=(2, 2), max_per_day=1, silence=Duration(0))
    words = (Said(3, "event", 2 * HOUR, 0), Said(4, "event_end", 3 * HOUR, 0))
    assert with_words(rule, [0.6] * 6, *words) == ".Fcv.F"
    rule = policy(silence=Duration(0))
    before = (Said(0, "acknowledge", 0, 9 * HOUR), Said(1, "event", 0, 0), Said(2, "event_end", 2 * HOUR - 1, 0))
    assert with_words(rule, [0.6] * 4, *before) == "avFF"


def test_what_is_acknowledged_after_an_event_holds() -> None:
    rule = policy(silence=Duration(0))
    words = (Said(0, "event", 0, 0), Said(2, "event_end", HOUR, 0), Said(2, "acknowledge", HOUR + 1, 3 * HOUR))
    assert with_words(rule, [0.6] * 5, *words) == "FvaFF"


def test_an_event_is_not_forgotten_because_the_next_begins_before_any_score() -> None:
    rule = policy(silence=Duration.parse("9h"))
    first = (Said(1, "event", 1, 0), Said(1, "event_end", 2, 0))
    assert with_words(rule, [0.6, 0.6, 0.6], *first, Said(1, "event", HOUR + 1, 0)) == "FFv"


def test_the_end_of_an_event_that_never_began_is_nothing() -> None:
    assert with_words(policy(reset=Duration.parse("9h")), [0.6, 0.6, 0.6], Said(1, "event_end", 0, 0)) == "FsF"


# ---- missing scores --------------------------------------------------------------------------------------------------


def notices(policy: AlertPolicy, risks: Sequence[float], *words: Said) -> list[tuple[int, str]]:
    return [
        (time // HOUR, what) for time, what in heard(policy, [(HOUR * i, r) for i, r in enumerate(risks)], words)[1]
    ]


def test_missing_scores_are_noticed_once_and_so_is_the_next_valid_one() -> None:
    rule = policy(stale=Duration.parse("2h"))
    assert notices(rule, [0.1, NAN, NAN, NAN, NAN, 0.1, 0.1, NAN, NAN]) == [(2, "STALE"), (5, "FRESH"), (8, "STALE")]
    assert notices(rule, [NAN, NAN, NAN, NAN]) == [(2, "STALE")]  # from the first score on, where none was valid
    assert notices(policy(stale=Duration(0)), [0.1] + [NAN] * 99) == []
    assert notices(policy(), [0.1] + [NAN] * 8) == [(8, "STALE")]


def test_an_event_begins_the_wait_for_a_score_anew() -> None:
    rule = policy(stale=Duration.parse("2h"))
    words = (Said(3, "event", 2 * HOUR, 0), Said(5, "event_end", 4 * HOUR, 0))
    assert notices(rule, [0.1, NAN, NAN, NAN, NAN, NAN, NAN, NAN], *words) == [(2, "STALE"), (7, "STALE")]


def test_outcomes_name_what_held_an_alert_back() -> None:
    assert {code.name: (code.tier, code.suppressed_by) for code in Outcome} == {
        "FIRED": ("amber", None),
        "SUPPRESSED_SILENCE": ("amber", "silence"),
        "SUPPRESSED_EPISODE": ("amber", "episode"),
        "SUPPRESSED_ACKNOWLEDGED": ("amber", "acknowledged"),
        "SUPPRESSED_CAP": ("amber", "cap"),
        "SUPPRESSED_EVENT": ("amber", "event"),
        "RED_FIRED": ("red", None),
        "RED_SUPPRESSED_SILENCE": ("red", "silence"),
        "RED_SUPPRESSED_EPISODE": ("red", "episode"),
        "RED_SUPPRESSED_CAP": ("red", "cap"),
        "RED_SUPPRESSED_EVENT": ("red", "event"),
    }


def test_a_new_patient_starts_afresh_and_the_others_keep_their_state() -> None:
    state = AlertState.empty(2)
    state, _ = decide(policy(persistence=(2, 2)), state, [0, 1], [0, 0], [0.9, 0.9])
    state.admit([1])
    state.admit([4])  # and there is room for more beds
    assert len(state) >= 5
    state, due = decide(policy(persistence=(2, 2)), state, [0, 1, 4], [HOUR] * 3, [0.9] * 3)
    assert due.row.tolist() == [0]
    state.grow(3)  # never takes beds away
    assert len(state) >= 5


def test_no_scores_decide_nothing() -> None:
    _, due = decide(policy(), AlertState.empty(0), [], [], [])
    assert len(due) == 0
    assert len(due.fired) == 0


@pytest.mark.parametrize(("bed", "time"), [([2], [0]), ([-1], [0]), ([0, 1], [0]), ([[0]], [[0]])])
def test_scores_that_do_not_fit_the_ward_are_refused(bed: Any, time: Any) -> None:
    with pytest.raises(DataError):
        decide(policy(), AlertState.empty(2), bed, time, np.zeros(np.shape(time)))


# ---- laws ------------------------------------------------------------------------------------------------------------

Case = tuple[Scores, list[list[Said]]]


@st.composite
def short_runs(draw: st.DrawFn) -> Case:
    """One bed with few kinds of scores, so that tiers, persistence, hysteresis, bounds and words meet often."""
    n = draw(st.integers(1, 3))
    rule = policy(
        clear=0.25,
        red=draw(st.sampled_from([1.0, 0.75, 0.75])),
        red_clear=draw(st.sampled_from([0.75, 0.5])),
        persistence=(draw(st.integers(1, n)), n),
        silence=Duration(draw(st.sampled_from([0, 0, HOUR, 2 * HOUR]))),
        rearm=draw(st.sampled_from(REARM)),
        rise=draw(st.sampled_from([0.7, 2.0])),
        reset=Duration(draw(st.integers(0, 2)) * HOUR),
        max_per_day=draw(st.sampled_from([0, 0, 1, 2])),
        max_snooze=Duration(draw(st.integers(1, 3)) * HOUR),
        stale=Duration(draw(st.integers(0, 3)) * HOUR),
    )
    risks = draw(st.lists(st.sampled_from([0.5, 0.5, 0.75, 0.75, 0.9, 0.25, 0.0, NAN]), min_size=2, max_size=12))
    gap = draw(st.sampled_from([HOUR, HOUR, 8 * HOUR]))
    found = Scores(rule, (tuple((gap * i, risk) for i, risk in enumerate(risks)),))
    return found, draw(sayings(found)) if draw(st.booleans()) else [[]]


@st.composite
def at_the_bounds(draw: st.DrawFn) -> Case:
    """One bed whose risks are often exactly 0 or 1, where the logit is infinite, under a policy that escalates."""
    rule = policy(
        threshold=0.0,
        red=draw(st.sampled_from([1.0, 0.0, 0.5])),
        red_clear=0.0,
        silence=Duration(draw(st.sampled_from([0, 0, 2 * HOUR]))),
        rearm="escalate",
        rise=draw(st.sampled_from([1e-18, 0.7, 20.0])),
    )
    marks = [0.0, 0.0, 0.0, 1.0, 1.0, 5e-324, 1e-323, 0.5, 0.7, np.nextafter(1.0, 0.0), NAN]
    risks = draw(st.lists(st.sampled_from(marks), min_size=2, max_size=8))
    return Scores(rule, (tuple((HOUR * i, float(risk)) for i, risk in enumerate(risks)),)), [[]]


@st.composite
def around_an_event(draw: st.DrawFn) -> Case:
    """A bed with an event that ends, high scores on both sides of it, and an acknowledgement somewhere."""
    rule = policy(
        red=draw(st.sampled_from([1.0, 0.8])),
        persistence=draw(st.sampled_from([(1, 1), (1, 1), (2, 2)])),
        silence=Duration(0),
        rearm=draw(st.sampled_from(["timer", "timer", "first_only"])),
        reset=Duration(draw(st.integers(0, 1)) * HOUR),
        max_per_day=draw(st.sampled_from([0, 0, 1, 2])),
        max_snooze=Duration(9 * HOUR),
        stale=Duration(draw(st.sampled_from([0, 2])) * HOUR),
    )
    rows = tuple((HOUR * i, draw(st.sampled_from([0.6, 0.6, 0.9, NAN]))) for i in range(8))
    begins, seen = draw(st.integers(0, 3)), draw(st.integers(0, 6))
    over = begins + draw(st.integers(1, 2))
    half = st.sampled_from([0, HOUR // 2])
    words = [
        Said(begins + 1, "event", begins * HOUR + draw(half)),
        Said(over + 1, "event_end", over * HOUR + draw(half)),
        Said(seen + 1, "acknowledge", seen * HOUR + draw(half), draw(st.integers(1, 9)) * HOUR),
    ]
    return Scores(rule, (rows,)), [sorted(words, key=lambda word: word.after)]


def flat(beds: Sequence[Sequence[tuple[int, float]]]) -> tuple[list[int], list[int], list[float]]:
    rows = [(bed, time, risk) for bed, own in enumerate(beds) for time, risk in own]
    return [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]


def named(due: Decisions, bed: Sequence[int], time: Sequence[int]) -> list[tuple[int, int, str]]:
    """(bed, time, what) of every decision and notice."""
    decisions = [(row, Outcome(code).name) for row, code in zip(due.row, due.outcome, strict=True)]
    noticed = [(row, Notice(code).name) for row, code in zip(due.noticed, due.notice, strict=True)]
    return [(bed[row], time[row], name) for row, name in decisions + noticed]


def wanted(found: Scores, said: Sequence[Sequence[Said]] | None = None) -> list[tuple[int, int, str]]:
    """What the oracle says of every bed, in order."""
    words = said or [[] for _ in found.beds]
    return sorted(
        (b, *said)
        for b, own in enumerate(found.beds)
        for said in naive_decide(found.policy, own, words[b]) + naive_notices(found.policy, own, words[b])
    )


@given(scores() | scores(long=True) | short_runs().map(lambda case: case[0]))
def test_decisions_are_those_of_the_oracle(found: Scores) -> None:
    bed, time, risk = flat(found.beds)
    _, due = decide(found.policy, AlertState.empty(len(found.beds)), bed, time, risk)
    assert sorted(named(due, bed, time)) == wanted(found)


def in_parts(case: Case, decide: Callable[..., Any], state: Any) -> list[tuple[int, int, str]]:
    """Decisions and notices where the words of each bed fall between its scores; bed after bed."""
    found, said = case
    seen = []
    for b, own in enumerate(found.beds):
        borders = sorted({0, len(own), *(word.after for word in said[b])})
        for start, end in zip(borders, [*borders[1:], len(own)], strict=True):
            say(found.policy, state, b, [word for word in said[b] if word.after == start])
            times, risks = [t for t, _ in own[start:end]], [r for _, r in own[start:end]]
            state, due = decide(found.policy, state, [b] * len(times), times, risks)
            seen += named(due, [b] * len(times), times)
    return sorted(seen)


@given(heard_scores() | short_runs() | around_an_event() | at_the_bounds())
def test_decisions_are_those_of_the_oracle_whatever_is_said_between(case: Case) -> None:
    assert in_parts(case, decide, AlertState.empty(len(case[0].beds))) == wanted(*case)


@given(cut_scores())
def test_however_time_is_cut_the_decisions_and_the_state_are_the_same(case: tuple[Scores, list[list[int]]]) -> None:
    found, borders = case
    state, seen = AlertState.empty(len(found.beds)), []
    starts = [[0] * len(found.beds), *borders]
    ends = [*borders, [len(own) for own in found.beds]]
    for start, end in zip(starts, ends, strict=True):
        part = flat([own[a:b] for own, a, b in zip(found.beds, start, end, strict=True)])
        state, due = decide(found.policy, state, *part)
        seen += named(due, *part[:2])
    bed, time, risk = flat(found.beds)
    whole, at_once = decide(found.policy, AlertState.empty(len(found.beds)), bed, time, risk)
    assert sorted(seen) == sorted(named(at_once, bed, time))
    for part, of_whole in zip(state.ward, whole.ward, strict=True):
        for name in part.dtype.names:
            assert part[name].tobytes() == of_whole[name].tobytes(), name


@given(scores(), st.randoms(use_true_random=False))
def test_a_bed_does_not_depend_on_the_others_or_their_order(found: Scores, random: Any) -> None:
    order = list(range(len(found.beds)))
    random.shuffle(order)
    bed, time, risk = flat([found.beds[b] for b in order])
    mixed = sorted(range(len(bed)), key=lambda i: time[i])  # all beds through each other, as they come on a ward
    bed, time, risk = [bed[i] for i in mixed], [time[i] for i in mixed], [risk[i] for i in mixed]
    _, due = decide(found.policy, AlertState.empty(len(order)), bed, time, risk)
    moved = Scores(found.policy, tuple(found.beds[b] for b in order))
    assert sorted(named(due, bed, time)) == wanted(moved)


# ---- sabotage --------------------------------------------------------------------------------------------------------

BENT = {
    "a risk at the threshold is not high": ("risk >= rule.high[tier]", "risk > rule.high[tier]"),
    "a missing score is high": ("risk >= rule.high[tier]", "not risk < rule.high[tier]"),
    "red is due from the amber threshold on": ("risk >= rule.high[tier]", "risk >= rule.high[0]"),
    "a risk at clear ends the episode": ("risk < rule.clear[tier]", "risk <= rule.clear[tier]"),
    "a missing score ends the episode": ("risk < rule.clear[tier]", "not risk >= rule.clear[tier]"),
    "red is cleared by the amber clear": ("risk < rule.clear[tier]", "risk < rule.clear[0]"),
    "first only alerts again": ("and rule.rearm != FIRST_ONLY", ""),
    "a missing score may alert": ("not np.isnan(risk) and ones", "ones"),
    "one high score more is needed": (">= rule.k", "> rule.k"),
    "persistence looks at one score more": ("& rule.window", "& (rule.window * np.uint64(2) + _ONE)"),
    "scores are forgotten": ("(one.recent << _ONE)", "np.uint64(0)"),
    "the silence lasts a microsecond longer": ("time < one.silenced_until", "time <= one.silenced_until"),
    "the silence is forgotten": ("if time < one.silenced_until", "if False"),
    "red may be acknowledged": ("tier == FIRST_TIER and time", "time"),
    "an acknowledgement ends late": ("time < bed.snoozed_until", "time <= bed.snoozed_until"),
    "an escalation is never seen": ("rule.rearm == ESCALATE and", "False and"),
    "a rise always re-arms": ("rule.rearm == ESCALATE and", ""),
    "the episode is ignored": ("if not (one.armed or", "if not (True or"),
    "the timer is ignored": ("or rule.rearm == TIMER)", ")"),
    "the bound of a day is ignored": ("if 0 < rule.most <=", "if 0 > rule.most <="),
    "one alert a day too many": ("0 < rule.most <= one", "0 < rule.most < one"),
    "a day has a microsecond more": ("time - one.day < _DAY", "time - one.day <= _DAY"),
    "a day never ends": ("and time - one.day < _DAY", ""),
    "a day begins with every alert": ("one.today == 0 or time - one.day >= _DAY", "True"),
    "a day is counted from its last alert": ("one.today += 1", "one.today += 1; one.day = time"),
    "the episode outlives the alert": ("one.armed = False", "pass"),
    "the silence starts only once": ("= time + rule.silence", "= max(one.silenced_until, rule.silence)"),
    "the rise is one of the risk": ("odds = rise * risk / (1.0 - risk)", "odds = rise * risk"),
    "the rise is from the first alert": ("one.risen_at = risen", "one.risen_at = one.risen_at or risen"),
    "a risk of zero rises above itself": ("max(odds / (1.0 + odds), np.nextafter(risk, 2.0))", "odds / (1.0 + odds)"),
    "certainty rises": ("        return np.inf", "        return 0.0"),
    "an event begins a microsecond early": ("if time <= bed.event_from", "if time < bed.event_from"),
    "the reset lasts a microsecond longer": ("if time >= bed.event_until", "if time > bed.event_until"),
    "an event keeps the silence": ("one.silenced_until = NEVER", "pass"),
    "an event keeps the bound of the day": ("one.silenced_until = NEVER\n    one.today = 0", "one.silenced_until = NEVER"),
    "an event keeps the scores": ("one.recent = np.uint64(0)", "pass"),
    "an event keeps the episode": ("one.recent = np.uint64(0)\n    one.armed = True", "one.recent = np.uint64(0)"),
    "an event keeps what was acknowledged": ("if bed.snoozed_from < bed.event_until", "if False"),
    "an event takes back what is acknowledged later": ("if bed.snoozed_from < bed.event_until", "if True"),
    "an event keeps the wait for a score": ("bed.seen = NEVER\n    bed.stale = False", "pass"),
    "an event keeps the second tier": ("_forget(red)", "pass"),
    "every score after an event begins anew": ("bed.event_from = np.iinfo(np.int64).max", "pass"),
    "scores in an event may alert": ("    if time > bed.event_from:\n        return IN_EVENT\n", ""),
    "an event forgets the scores before it": ("    if time >= bed.event_until:", "    _forget(amber)\n    if time >= bed.event_until:"),
    "missing scores are noticed a microsecond late": ("0 < rule.stale <= time", "0 < rule.stale < time"),
    "missing scores are noticed again and again": ("and not bed.stale", ""),
    "missing scores count from the first": ("if bed.seen == NEVER:", "if bed.seen != -1:"),
    "a score that is back is not noticed": ("return FRESH if back", "return QUIET if back"),
    "every valid score is news": ("return FRESH if back", "return FRESH if True"),
    "a score that is back leaves the notice standing": ("bed.seen = time\n        bed.stale = False", "bed.seen = time"),
    "red is judged as amber": ("outcome = _judge(rule, red, bed, SECOND_TIER", "outcome = _judge(rule, amber, bed, FIRST_TIER"),
    "a red alert does not silence amber": ("            _alerted(rule, amber, time, risk)\n        return", "        return"),
    "red is forgotten": ("_alerted(rule, red, time, risk)", "pass"),
    "amber decides where red is due": ("return outcome + RED, notice", "pass"),
    "red is told as amber": ("return outcome + RED", "return outcome"),
    "amber is told as red": ("return outcome, notice", "return outcome + RED * (outcome > 0), notice"),
    "amber alerts are forgotten": ("    if outcome == FIRED:\n        _alerted", "    if False:\n        _alerted"),
    "red forgets the scores of amber": ("due = _observe(rule, amber, FIRST_TIER, risk)\n", "due = risk < rule.high[1] and _observe(rule, amber, FIRST_TIER, risk)\n"),
    "beds share their tiers": ("tiers[b, 0]", "tiers[0, 0]"),
    "beds share what was said": ("beds[b]", "beds[0]"),
}  # fmt: skip


class Bent:
    """``decide`` on a machine in plain Python."""

    def __init__(self, old: str = "", new: str = "") -> None:
        self.machine = plain_machine(old, new)

    def fold(self, rule: Any, ward: Any, *columns: Any) -> Any:
        with np.errstate(over="ignore"):  # Python needs records for names
            records = self.machine.Ward(*(array.view(np.recarray) for array in ward))
            return self.machine.fold(rule, records, *columns)

    def decide(self, *args: Any) -> tuple[AlertState, Decisions]:
        with (
            mock.patch.object(machine, "fold", self.fold),
            mock.patch.object(machine, "rule_of", self.machine.rule_of),
        ):
            return decide(*args)

    def agrees(self, case: Case) -> bool:
        try:
            return in_parts(case, self.decide, AlertState.empty(len(case[0].beds))) == wanted(*case)
        except ValueError:  # an outcome that there is none of
            return False


cases = heard_scores() | short_runs() | short_runs() | around_an_event() | at_the_bounds()


@given(cases)
def test_the_plain_machine_agrees_with_the_oracle(case: Case) -> None:
    assert Bent().agrees(case)


@pytest.mark.parametrize("bend", BENT, ids=lambda name: name.replace(" ", "_"))
def test_every_bent_line_is_caught(bend: str) -> None:
    bent = Bent(*BENT[bend])

    @settings(phases=[Phase.generate], report_multiple_bugs=False, max_examples=3_000)
    @given(cases)
    def look(case: Case) -> None:
        assert bent.agrees(case), "caught"

    with pytest.raises(AssertionError, match="caught"):
        look()
