"""The alert rule by hand, at its edges, against the oracle, and with its lines bent one at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.naive import naive_decide
from tests.strategies import Scores, cut_scores, scores
from tests.unit.alerting.plain import plain_machine
from vitals.alerting import machine
from vitals.alerting.decide import AlertState, Decisions, Outcome, decide
from vitals.errors import DataError
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy

HOUR = 3_600_000_000
NAN = math.nan
Fold = Callable[..., Any]


def outcomes(policy: AlertPolicy, risks: Sequence[float], times: Sequence[int] | None = None) -> str:
    """One letter a score: . nothing due, F fired, s held back by the silence, e by the episode."""
    when = [HOUR * i for i in range(len(risks))] if times is None else times
    _, due = decide(policy, AlertState.empty(1), [0] * len(risks), when, risks)
    letters = ["."] * len(risks)
    for row, code in zip(due.row, due.outcome, strict=True):
        letters[row] = ".Fse"[code]
    return "".join(letters)


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


def test_outcomes_name_what_held_an_alert_back() -> None:
    assert [code.suppressed_by for code in Outcome] == [None, "silence", "episode"]


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


@st.composite
def short_runs(draw: st.DrawFn) -> Scores:
    """One bed with few kinds of scores, so that persistence, hysteresis and gaps meet often."""
    n = draw(st.integers(1, 3))
    rule = policy(
        clear=0.25,
        persistence=(draw(st.integers(1, n)), n),
        silence=Duration(draw(st.integers(0, 3)) * HOUR),
        rearm=draw(st.sampled_from(["timer", "below_clear"])),
    )
    risks = draw(st.lists(st.sampled_from([0.5, 0.5, 0.25, 0.0, NAN]), min_size=2, max_size=9))
    return Scores(rule, (tuple((HOUR * i, risk) for i, risk in enumerate(risks)),))


def flat(beds: Sequence[Sequence[tuple[int, float]]]) -> tuple[list[int], list[int], list[float]]:
    rows = [(bed, time, risk) for bed, own in enumerate(beds) for time, risk in own]
    return [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]


def named(due: Decisions, bed: Sequence[int], time: Sequence[int]) -> list[tuple[int, int, str]]:
    return [(bed[row], time[row], Outcome(code).name) for row, code in zip(due.row, due.outcome, strict=True)]


@given(scores() | scores(long=True) | short_runs())
def test_decisions_are_those_of_the_oracle(found: Scores) -> None:
    bed, time, risk = flat(found.beds)
    _, due = decide(found.policy, AlertState.empty(len(found.beds)), bed, time, risk)
    wanted = [(b, *decision) for b, own in enumerate(found.beds) for decision in naive_decide(found.policy, own)]
    assert named(due, bed, time) == wanted


@given(cut_scores())
def test_however_time_is_cut_the_decisions_and_the_state_are_the_same(case: tuple[Scores, list[list[int]]]) -> None:
    found, borders = case
    whole, _ = decide(found.policy, AlertState.empty(len(found.beds)), *flat(found.beds))
    state, seen = AlertState.empty(len(found.beds)), []
    starts = [[0] * len(found.beds), *borders]
    ends = [*borders, [len(own) for own in found.beds]]
    for start, end in zip(starts, ends, strict=True):
        part = flat([own[a:b] for own, a, b in zip(found.beds, start, end, strict=True)])
        state, due = decide(found.policy, state, *part)
        seen += named(due, *part[:2])
    bed, time, risk = flat(found.beds)
    _, at_once = decide(found.policy, AlertState.empty(len(found.beds)), bed, time, risk)
    assert sorted(seen) == sorted(named(at_once, bed, time))
    for name in ("recent", "armed", "silenced_until"):
        assert getattr(state, name).tobytes() == getattr(whole, name).tobytes()


@given(scores(), st.randoms(use_true_random=False))
def test_a_bed_does_not_depend_on_the_others_or_their_order(found: Scores, random: Any) -> None:
    order = list(range(len(found.beds)))
    random.shuffle(order)
    bed, time, risk = flat([found.beds[b] for b in order])
    mixed = sorted(range(len(bed)), key=lambda i: time[i])  # all beds through each other, as they come on a ward
    bed, time, risk = [bed[i] for i in mixed], [time[i] for i in mixed], [risk[i] for i in mixed]
    _, due = decide(found.policy, AlertState.empty(len(order)), bed, time, risk)
    for position, b in enumerate(order):
        own = [(t, name) for where, t, name in named(due, bed, time) if where == position]
        assert own == naive_decide(found.policy, found.beds[b])


# ---- sabotage --------------------------------------------------------------------------------------------------------

BENT = {
    "a risk at the threshold is not high": ("risk >= rule.threshold", "risk > rule.threshold"),
    "a risk at clear ends the episode": ("risk < rule.clear", "risk <= rule.clear"),
    "the silence lasts a microsecond longer": ("time < bed.silenced_until", "time <= bed.silenced_until"),
    "one high score more is needed": ("< rule.k", "<= rule.k"),
    "a missing score may alert": ("np.isnan(risk) or ", ""),
    "a missing score ends the episode": ("bed.armed or risk < rule.clear", "bed.armed or not risk >= rule.clear"),
    "a missing score is high": ("risk >= rule.threshold)", "not risk < rule.threshold)"),
    "persistence looks at one score more": ("recent & rule.window", "recent & (rule.window * np.uint64(2) + _ONE)"),
    "the episode outlives the alert": ("return Bed(recent, False,", "return Bed(recent, True,"),
    "the silence starts only once": ("time + rule.silence)", "max(bed.silenced_until, rule.silence))"),
    "the episode is ignored": ("if not (rule.timer or armed)", "if False"),
    "the timer is ignored": ("if not (rule.timer or armed)", "if not armed"),
    "scores are forgotten": ("(bed.recent << _ONE)", "np.uint64(0)"),
    "beds share the silence": ("ward.silenced_until[b])", "ward.silenced_until[0])"),
}


def agrees(fold: Fold, found: Scores) -> bool:
    bed, time, risk = flat(found.beds)
    columns = (np.array(bed, np.int64), np.array(time, np.int64), np.array(risk, np.float64))
    with np.errstate(over="ignore"):
        outcome = fold(machine.rule_of(found.policy), machine.empty_ward(len(found.beds)), *columns)
    rows = np.flatnonzero(outcome)
    due = Decisions(rows, outcome[rows])
    wanted = [(b, *decision) for b, own in enumerate(found.beds) for decision in naive_decide(found.policy, own)]
    return named(due, bed, time) == wanted


@given(scores() | short_runs())
def test_the_plain_machine_agrees_with_the_oracle(found: Scores) -> None:
    assert agrees(plain_machine().fold, found)


@pytest.mark.parametrize("bend", BENT, ids=lambda name: name.replace(" ", "_"))
def test_every_bent_line_is_caught(bend: str) -> None:
    fold = plain_machine(*BENT[bend]).fold

    @settings(phases=[Phase.generate], report_multiple_bugs=False, max_examples=1_000)
    @given(scores() | short_runs())
    def look(found: Scores) -> None:
        assert agrees(fold, found), "caught"

    with pytest.raises(AssertionError, match="caught"):
        look()
