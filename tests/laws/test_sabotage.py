"""Each law is broken on purpose, in the ways in which such code does break; the law's own checker must notice.

A sabotage wraps the real function and spoils what goes in, what comes out, or what is remembered in between. If one of
these tests fails, a law has gone blind: its checker or its generator no longer reaches the place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.laws.replaying import save, save_alerts
from tests.laws.running import Advance, Decide
from tests.laws.test_bed import check_alert_bed, check_bed, check_reuse
from tests.laws.test_causality import changed_scores, check_alert_causality, check_causality
from tests.laws.test_chunk import check_alert_chunk, check_chunk
from tests.laws.test_late import check_late, check_order, reorderings
from tests.laws.test_oracle import check_alerts, check_evaluation, check_labels, check_oracle, check_utility
from tests.laws.test_replay import check_alert_replay, check_replay, stopped_wards
from tests.laws.test_round_trip import check_policy_round_trip, check_round_trip
from tests.laws.test_split import check_split, check_split_elsewhere, patients
from tests.strategies import (
    any_settings,
    challenge_stays,
    changed_futures,
    cut_scores,
    cut_wards,
    judged_stays,
    labelled_stays,
    policies,
    score_orders,
    successions,
    ward_orders,
    wards,
)
from vitals.alerting import machine
from vitals.alerting.decide import AlertState, Decisions, decide
from vitals.alerting.evaluation import Evaluation, evaluate
from vitals.labelling.labels import label_rows
from vitals.labelling.utility import utility
from vitals.signals import catalogue
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.reader import to_toml
from vitals.spec.settings import Alerting, Label, Settings, Split
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.repair import converted
from vitals.windowing.rules import Limits, rules_of
from vitals.windowing.types import NEVER, Drop, Dropped, Events, Repaired, Rows


def must_catch(check: Callable[[Any, Any], None], broken: Any, cases: st.SearchStrategy[Any]) -> None:
    """The checker raises for the broken function on some case of the law's own generator."""

    @hypothesis_settings(max_examples=3_000, phases=[Phase.generate], report_multiple_bugs=False, print_blob=False)
    @given(cases)
    def attempt(case: Any) -> None:
        check(broken, case)

    with pytest.raises(AssertionError):
        attempt()


def pick(events: Events, keep: Any) -> Events:
    """Some of the samples."""
    return Events(events.bed[keep], events.time[keep], events.signal[keep], events.value[keep])


# ---- windowing: what goes in is spoilt -------------------------------------------------------------------------------


def with_events(change: Callable[[Settings, Carry, Events], Events]) -> Advance:
    """An advance that changes the samples first."""

    def broken(settings: Settings, carry: Carry, events: Events, until: Any) -> tuple[Carry, Rows, Dropped]:
        return advance(settings, carry, change(settings, carry, events), until)

    return broken


def with_settings(change: Callable[[Settings], Settings]) -> Advance:
    """An advance that misreads its settings."""

    def broken(settings: Settings, carry: Carry, events: Events, until: Any) -> tuple[Carry, Rows, Dropped]:
        return advance(change(settings), carry, events, until)

    return broken


def moved(microseconds: int) -> Advance:
    """Steps are [a, b) instead of (a, b], or reach a little into the next one."""
    return with_events(lambda _, __, events: replace(events, time=events.time + microseconds))


def reduced_at_once(settings: Settings, carry: Carry, events: Events) -> Events:
    """The mean of a step is a running one: the samples of one call become their mean before the step is over."""
    start = carry.slabs.admitted[events.bed]
    step = -((start - events.time) // int(settings.window.step))
    value, keep = events.value.copy(), np.ones(len(events), bool)
    for i in range(len(events)):
        name = settings.channels[events.signal[i]]
        if name not in settings.signals or settings.signals[name].reduce != "mean":
            continue
        same = (events.bed == events.bed[i]) & (events.signal == events.signal[i]) & (step == step[i])
        same &= np.isfinite(events.value)
        if same.sum() > 1:
            value[i] = events.value[same].mean(dtype=np.float32)
            keep[i] = events.time[i] == events.time[same].max()
    return pick(replace(events, value=value), keep)


def merged_late(settings: Settings, carry: Carry, events: Events) -> Events:
    """A sample of a closed step is taken for one of the step that is open."""
    closed = carry.slabs.closed[events.bed]
    return replace(events, time=np.where(closed == NEVER, events.time, np.maximum(events.time, closed + 1)))


def last_arrival_counts(settings: Settings, carry: Carry, events: Events) -> Events:
    """Of two samples at one time the one that came last counts."""
    keys = list(zip(events.bed.tolist(), events.time.tolist(), events.signal.tolist(), strict=True))
    return pick(events, [i for i, key in enumerate(keys) if key not in keys[i + 1 :]])


def shorter_max_age(settings: Settings) -> Settings:
    """A value is forgotten at ``max_age``, not after it."""
    signals = {
        name: replace(channel, max_age=Duration(channel.max_age - 1)) for name, channel in settings.signals.items()
    }
    return replace(settings, signals=signals)


def other_window(**changes: Callable[[int], int]) -> Callable[[Settings], Settings]:
    """Settings with some numbers of their window changed."""

    def change(settings: Settings) -> Settings:
        window = settings.window
        lengths = {name: type(getattr(window, name))(by(getattr(window, name))) for name, by in changes.items()}
        return replace(settings, window=replace(window, **lengths))

    return change


def other_reducer(old: str, new: Any) -> Callable[[Settings], Settings]:
    """One reducer is taken for another."""

    def change(settings: Settings) -> Settings:
        signals = {
            name: replace(channel, reduce=new if channel.reduce == old else channel.reduce)
            for name, channel in settings.signals.items()
        }
        return replace(settings, signals=signals)

    return change


def clock_off_by(microseconds: int) -> Advance:
    """A clock at the end of a step does not close it, or one just before it does."""

    def broken(settings: Settings, carry: Carry, events: Events, until: Any) -> tuple[Carry, Rows, Dropped]:
        clock = np.broadcast_to(NEVER if until is None else until, carry.beds)
        shifted = np.where(clock == NEVER, NEVER, np.maximum(clock, NEVER + 1) + microseconds)
        return advance(settings, carry, events, shifted)

    return broken


def impossible_is_clipped(settings: Settings, carry: Carry, events: Events) -> Events:
    """A value outside its limits is drawn to the limit."""
    limits = np.array([catalogue()[name].limits for name in settings.channels], np.float32)[events.signal]
    clipped = np.clip(events.value, limits[:, 0], limits[:, 1])
    return replace(events, value=np.where(np.isfinite(events.value), clipped, events.value))


def with_limits(change: Callable[[Limits], Limits]) -> Advance:
    """An advance that has other limits or conversions."""

    def broken(settings: Settings, carry: Carry, events: Events, until: Any) -> tuple[Carry, Rows, Dropped]:
        rules = rules_of(settings)
        other = rules._replace(limits=change(rules.limits))
        with mock.patch(f"{advance.__module__}.rules_of", return_value=other):
            return advance(settings, carry, events, until)

    return broken


def in_single_precision(limits: Limits) -> Limits:
    """Conversions have factors of single precision."""
    return limits._replace(factor=limits.factor.astype(np.float32).astype(np.float64))


def first_conversion_only(limits: Limits) -> Limits:
    """A signal is repaired from one other unit only."""
    return limits._replace(factor=limits.factor[:, :1].copy(), offset=limits.offset[:, :1].copy())


def without_the_limit_itself(limits: Limits) -> Limits:
    """The upper limit itself is taken for impossible, also after a conversion."""
    return limits._replace(high=np.nextafter(limits.high, np.float32(-np.inf)))


def told_but_not_repaired(settings: Settings, carry: Carry, events: Events, until: Any) -> tuple[Carry, Rows, Dropped]:
    """A repaired sample is accepted and told, and its raw value goes into the row."""

    def raw(limits: Limits, events: Events, verdict: Any) -> tuple[Any, Repaired]:
        return events.value, converted(limits, events, verdict)[1]

    with mock.patch(f"{advance.__module__}.converted", raw):
        return advance(settings, carry, events, until)


# ---- windowing: what comes out, or is remembered, is spoilt ----------------------------------------------------------


def with_rows(change: Callable[[Carry, Rows], Rows]) -> Advance:
    """An advance that changes the rows afterwards."""

    def broken(settings: Settings, carry: Carry, events: Events, until: Any) -> tuple[Carry, Rows, Dropped]:
        carry, rows, dropped = advance(settings, carry, events, until)
        return carry, change(carry, rows), dropped

    return broken


def filled_from_above(carry: Carry, rows: Rows) -> Rows:
    """A gap is filled from the row above in the table, whoever's it is."""
    value = rows.value.copy()
    for row in range(1, len(value)):
        value[row] = np.where(np.isnan(value[row]), value[row - 1], value[row])
    return replace(rows, value=value)


def filled_from_below(carry: Carry, rows: Rows) -> Rows:
    """A gap is filled from the bed's next row: a value from the future."""
    value = rows.value.copy()
    for row in range(len(value) - 2, -1, -1):
        if rows.bed[row] == rows.bed[row + 1]:
            value[row] = np.where(np.isnan(value[row]), value[row + 1], value[row])
    return replace(rows, value=value)


def centred_on_the_ward(carry: Carry, rows: Rows) -> Rows:
    """Values are scaled by what happens to be in the ward."""
    known = ~np.isnan(rows.value)
    mean = rows.value.sum(axis=0, where=known) / np.maximum(known.sum(axis=0), 1)
    return replace(rows, value=(rows.value - mean).astype(np.float32))


def haunted(carry: Carry, rows: Rows) -> Rows:
    """A bed keeps the last values of whoever lay in it."""
    last = vars(carry).setdefault("last", {})
    value = rows.value.copy()
    for row, bed in enumerate(rows.bed.tolist()):
        before = last.get(bed, value[row])
        value[row] = last[bed] = np.where(np.isnan(value[row]), before, value[row])
    return replace(rows, value=value)


def hours_in_single_precision(carry: Carry, rows: Rows) -> Rows:
    """The age is the difference of two times that were rounded first."""
    end = rows.time[:, None].astype(np.float64) / 3.6e9
    return replace(rows, age=(end.astype(np.float32) - (end - rows.age).astype(np.float32)).astype(np.float32))


def without_reason(carry: Carry, rows: Rows) -> Rows:
    """Every row may have a risk."""
    return replace(rows, reason=np.zeros_like(rows.reason))


def forgets_what_waits(settings: Settings, carry: Carry, events: Events, until: Any) -> tuple[Carry, Rows, Dropped]:
    """Samples of an open step are lost between two calls."""
    carry, rows, dropped = advance(settings, carry, events, until)
    carry.slabs.head[:], carry.slabs.waiting[:] = -1, 0
    return carry, rows, dropped


def silent_about(*reasons: Drop) -> Advance:
    """Some drops are not told."""

    def broken(settings: Settings, carry: Carry, events: Events, until: Any) -> tuple[Carry, Rows, Dropped]:
        carry, rows, told = advance(settings, carry, events, until)
        keep = ~np.isin(told.reason, reasons)
        kept = {name: getattr(told, name)[keep] for name in ("event", "bed", "signal", "time", "reason")}
        return carry, rows, replace(told, **kept)

    return broken


def silent_about_repairs(settings: Settings, carry: Carry, events: Events, until: Any) -> tuple[Carry, Rows, Dropped]:
    """Values are converted in silence."""
    carry, rows, dropped = advance(settings, carry, events, until)
    return carry, rows, replace(dropped, repaired=Repaired.none())


def late_by_the_clock_of_the_call(
    settings: Settings, carry: Carry, events: Events, until: Any
) -> tuple[Carry, Rows, Dropped]:
    """What is late is decided once a call instead of sample by sample: the call is put in order of time first."""
    return advance(settings, carry, pick(events, np.argsort(events.time, kind="stable")), until)


WINDOWING: list[tuple[str, Any, Any, st.SearchStrategy[Any]]] = [
    ("a sample at the end of a step counts in the next", check_oracle, moved(1), cut_wards()),
    ("the next sample leaks into a step", check_causality, moved(-1), changed_futures()),
    ("the future fills gaps", check_causality, with_rows(filled_from_below), changed_futures()),
    ("a running mean", check_chunk, with_events(reduced_at_once), cut_wards()),
    ("a mean in single precision", check_oracle, with_events(reduced_at_once), cut_wards()),
    ("open samples are lost between calls", check_chunk, forgets_what_waits, cut_wards()),
    ("lateness by the call", check_chunk, late_by_the_clock_of_the_call, cut_wards()),
    ("scaled by the call", check_chunk, with_rows(centred_on_the_ward), cut_wards()),
    ("late samples are merged", check_late, with_events(merged_late), wards()),
    ("late samples are not told", check_late, silent_about(Drop.LATE), wards()),
    ("no grace", check_order, with_settings(other_window(grace=lambda _: 0)), reorderings()),
    ("grace ends too early", check_order, with_settings(other_window(grace=lambda g: max(g - 1, 0))), reorderings()),
    ("grace ends too late", check_oracle, with_settings(other_window(grace=lambda g: g + 1)), cut_wards()),
    ("the last arrival counts", check_order, with_events(last_arrival_counts), reorderings()),
    ("beds are mixed", check_bed, with_rows(filled_from_above), ward_orders()),
    ("scaled by the ward", check_bed, with_rows(centred_on_the_ward), ward_orders()),
    ("the bed remembers the former patient", check_reuse, with_rows(haunted), successions()),
    ("max_age is exclusive", check_oracle, with_settings(shorter_max_age), cut_wards()),
    ("max_gap is exclusive", check_oracle, with_settings(other_window(max_gap=lambda gap: gap - 1)), cut_wards()),
    ("warm-up lasts a step longer", check_oracle, with_settings(other_window(warm_up=lambda w: w + 1)), cut_wards()),
    (
        "one signal fewer is enough",
        check_oracle,
        with_settings(other_window(min_observed=lambda n: max(n - 1, 0))),
        cut_wards(),
    ),
    ("rows without a reason", check_oracle, with_rows(without_reason), cut_wards()),
    ("the clock does not close its step", check_oracle, clock_off_by(-1), cut_wards()),
    ("the clock closes the step after it", check_oracle, clock_off_by(1), cut_wards()),
    ("min is max", check_oracle, with_settings(other_reducer("min", "max")), cut_wards()),
    ("last is median", check_oracle, with_settings(other_reducer("last", "median")), cut_wards()),
    ("median is mean", check_oracle, with_settings(other_reducer("median", "mean")), cut_wards()),
    ("impossible values are clipped", check_oracle, with_events(impossible_is_clipped), cut_wards()),
    ("limits are always drawn", check_oracle, with_settings(other_window(limits=lambda _: True)), cut_wards()),
    ("limits are never drawn", check_oracle, with_settings(other_window(limits=lambda _: False)), cut_wards()),
    ("the limit itself is impossible", check_oracle, with_limits(without_the_limit_itself), cut_wards()),
    ("nothing is repaired", check_oracle, with_settings(other_window(repair=lambda _: False)), cut_wards()),
    ("repaired against the settings", check_oracle, with_settings(other_window(repair=lambda _: True)), cut_wards()),
    ("repairs in single precision", check_oracle, with_limits(in_single_precision), cut_wards()),
    ("one of two units is not known", check_oracle, with_limits(first_conversion_only), cut_wards()),
    ("repairs are not told", check_oracle, silent_about_repairs, cut_wards()),
    ("repairs are told, not made", check_oracle, told_but_not_repaired, cut_wards()),
    ("duplicates are not told", check_oracle, silent_about(Drop.DUPLICATE), cut_wards()),
    ("ages lose digits", check_oracle, with_rows(hours_in_single_precision), cut_wards()),
]


@pytest.mark.parametrize(
    ("check", "broken", "cases"), [entry[1:] for entry in WINDOWING], ids=[e[0] for e in WINDOWING]
)
def test_broken_windowing_is_caught(check: Any, broken: Any, cases: st.SearchStrategy[Any]) -> None:
    must_catch(check, broken, cases)


# ---- alerts ----------------------------------------------------------------------------------------------------------


def with_policy(change: Callable[[AlertPolicy], AlertPolicy]) -> Decide:
    """Alerting that misreads its policy."""

    def broken(policy: AlertPolicy, state: AlertState, bed: Any, time: Any, risk: Any) -> tuple[AlertState, Decisions]:
        return decide(change(policy), state, bed, time, risk)

    return broken


def with_risk(change: Callable[[Any], Any]) -> Decide:
    """Alerting that is handed other risks."""

    def broken(policy: AlertPolicy, state: AlertState, bed: Any, time: Any, risk: Any) -> tuple[AlertState, Decisions]:
        return decide(policy, state, bed, time, change(np.asarray(risk)))

    return broken


def forgets(name: str, value: Any) -> Decide:
    """Alerting that remembers one thing less from call to call."""

    def broken(policy: AlertPolicy, state: AlertState, bed: Any, time: Any, risk: Any) -> tuple[AlertState, Decisions]:
        for array in state.ward:
            if name in array.dtype.names:
                array[name] = value
        return decide(policy, state, bed, time, risk)

    return broken


def one_state_for_all(
    policy: AlertPolicy, state: AlertState, bed: Any, time: Any, risk: Any
) -> tuple[AlertState, Decisions]:
    """The ward has one memory instead of one a bed."""
    return decide(policy, state, np.zeros(len(bed), np.int64), time, risk)


def loses_the_last(
    policy: AlertPolicy, state: AlertState, bed: Any, time: Any, risk: Any
) -> tuple[AlertState, Decisions]:
    """A decision on the last row of a call is lost."""
    state, due = decide(policy, state, bed, time, risk)
    keep = due.row < len(bed) - 1
    return state, replace(due, row=due.row[keep], outcome=due.outcome[keep])


def smoothed_ahead(risk: Any) -> Any:
    """A risk is the higher of itself and the one after it."""
    return np.fmax(risk, np.append(risk[1:], risk[-1:]))


ALERTS: list[tuple[str, Any, Any, st.SearchStrategy[Any]]] = [
    ("recent scores are forgotten", check_alert_chunk, forgets("recent", 0), cut_scores()),
    ("the episode is forgotten", check_alert_chunk, forgets("armed", True), cut_scores()),
    ("the silence is forgotten", check_alert_chunk, forgets("silenced_until", NEVER), cut_scores()),
    ("the alerts of the day are forgotten", check_alert_chunk, forgets("today", 0), cut_scores()),
    ("the risk of the last alert is forgotten", check_alert_chunk, forgets("risen_at", np.inf), cut_scores()),
    ("the last valid score is forgotten", check_alert_chunk, forgets("seen", NEVER), cut_scores()),
    ("a notice is forgotten", check_alert_chunk, forgets("stale", False), cut_scores()),
    ("the last alert of a call is lost", check_alert_chunk, loses_the_last, cut_scores()),
    ("one memory for the ward", check_alert_bed, one_state_for_all, score_orders()),
    ("a look ahead", check_alert_causality, with_risk(smoothed_ahead), changed_scores()),
    (
        "the threshold is exclusive",
        check_alerts,
        with_risk(lambda risk: np.nextafter(risk, np.float32(-1))),
        cut_scores(),
    ),
    ("a missing score is high", check_alerts, with_risk(lambda risk: np.nan_to_num(risk, nan=1.0)), cut_scores()),
    ("a missing score re-arms", check_alerts, with_risk(lambda risk: np.nan_to_num(risk, nan=0.0)), cut_scores()),
    (
        "the silence ends exclusively",
        check_alerts,
        with_policy(lambda policy: replace(policy, silence=Duration(policy.silence + 1))),
        cut_scores(),
    ),
    (
        "persistence looks one score too far back",
        check_alerts,
        with_policy(lambda policy: replace(policy, persistence=(policy.k, min(policy.n + 1, 64)))),
        cut_scores(),
    ),
    ("no hysteresis", check_alerts, with_policy(lambda policy: replace(policy, clear=policy.threshold)), cut_scores()),
    ("no second tier", check_alerts, with_policy(lambda policy: replace(policy, red=1.0, red_clear=1.0)), cut_scores()),
    (
        "no hysteresis in the second tier",
        check_alerts,
        with_policy(lambda policy: replace(policy, red_clear=policy.red)),
        cut_scores(),
    ),
    (
        "one alert a day more",
        check_alerts,
        with_policy(lambda policy: replace(policy, max_per_day=policy.max_per_day and policy.max_per_day + 1)),
        cut_scores(),
    ),
    (
        "missing scores are noticed a microsecond late",
        check_alerts,
        with_policy(lambda policy: replace(policy, stale=Duration(policy.stale and policy.stale + 1))),
        cut_scores(),
    ),
    (
        "an escalation is none",
        check_alerts,
        with_policy(lambda policy: replace(policy, rearm="below_clear") if policy.rearm == "escalate" else policy),
        cut_scores(),
    ),
    (
        "first only is below clear",
        check_alerts,
        with_policy(lambda policy: replace(policy, rearm="below_clear") if policy.rearm == "first_only" else policy),
        cut_scores(),
    ),
    ("always by the timer", check_alerts, with_policy(lambda policy: replace(policy, rearm="timer")), cut_scores()),
]


@pytest.mark.parametrize(("check", "broken", "cases"), [entry[1:] for entry in ALERTS], ids=[e[0] for e in ALERTS])
def test_broken_alerting_is_caught(check: Any, broken: Any, cases: st.SearchStrategy[Any]) -> None:
    must_catch(check, broken, cases)


# ---- labels and evaluation -------------------------------------------------------------------------------------------


def evaluate_with(lead_min: int, lead_max: int) -> Callable[..., Evaluation]:
    """An evaluation whose lead times are off by a little."""

    def broken(risks: Any, stays: Any, policy: AlertPolicy, alerting: Alerting) -> Evaluation:
        wrong = (Duration(alerting.lead_min + lead_min), Duration(alerting.lead_max + lead_max))
        return evaluate(risks, stays, policy, Alerting(*wrong))

    return broken


def evaluate_missing_as_valid(risks: Any, stays: Any, policy: AlertPolicy, alerting: Alerting) -> Evaluation:
    """A row without a risk makes an onset predictable."""
    return evaluate(replace(risks, risk=np.nan_to_num(risks.risk, nan=0.0)), stays, policy, alerting)


def evaluate_nobody_lost(risks: Any, stays: Any, policy: AlertPolicy, alerting: Alerting) -> Evaluation:
    """However a record ends, its alerts were false."""
    return evaluate(risks, replace(stays, lost=np.zeros(len(stays), bool)), policy, alerting)


def evaluate_whole_stay(risks: Any, stays: Any, policy: AlertPolicy, alerting: Alerting) -> Evaluation:
    """A patient counts as at risk until discharge, event or no event."""
    seen = evaluate(risks, stays, policy, alerting)
    seen.by_patient[0, -1] += ((stays.discharged - stays.admitted) / 1e6 - stays.seconds_at_risk).sum()
    return seen


def label_with_longer_horizon(label: Label, *columns: Any) -> Any:
    """The horizon reaches a microsecond too far."""
    return label_rows(replace(label, horizon=Duration(label.horizon + 1)), *columns)


def label_onset_as_before(label: Label, time: Any, *columns: Any) -> Any:
    """A row at the onset counts as one before it."""
    return label_rows(label, np.asarray(time) - 1, *columns)


def test_broken_labels_and_counts_are_caught() -> None:
    must_catch(check_labels, label_with_longer_horizon, labelled_stays())
    must_catch(check_labels, label_onset_as_before, labelled_stays())
    must_catch(check_utility, lambda hours, calls: utility(hours + 1, calls), challenge_stays())
    must_catch(check_utility, lambda hours, calls: utility(hours, np.logical_not(calls)), challenge_stays())
    must_catch(check_evaluation, evaluate_with(1, 1), judged_stays())
    must_catch(check_evaluation, evaluate_with(0, 1), judged_stays())
    must_catch(check_evaluation, evaluate_missing_as_valid, judged_stays())
    must_catch(check_evaluation, evaluate_whole_stay, judged_stays())
    must_catch(check_evaluation, evaluate_nobody_lost, judged_stays())


# ---- replay ----------------------------------------------------------------------------------------------------------


def save_without(part: str, name: str, value: Any) -> Callable[[Carry], bytes]:
    """A snapshot in which one array is as in an empty ward."""

    def broken(carry: Carry) -> bytes:
        spoilt = {name: np.full_like(getattr(getattr(carry, part), name), value)}
        return save(replace(carry, **{part: getattr(carry, part)._replace(**spoilt)}))

    return broken


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("slabs", "head", -1),
        ("slabs", "closed", NEVER),
        ("slabs", "watermark", NEVER),
        ("slabs", "value", np.nan),
        ("slabs", "sampled", NEVER),
        ("pool", "value", 50.0),
    ],
)
def test_a_snapshot_that_forgets_rows_is_caught(part: str, name: str, value: Any, other_process: Executor) -> None:
    must_catch(
        lambda broken, case: check_replay(broken, case, other_process), save_without(part, name, value), stopped_wards()
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("recent", 0), ("armed", True), ("silenced_until", NEVER), ("today", 0), ("seen", NEVER), ("stale", False)],
)
def test_a_snapshot_that_forgets_alerts_is_caught(name: str, value: Any, other_process: Executor) -> None:
    def broken(state: AlertState) -> bytes:
        spoilt = AlertState(machine.Ward(*(array.copy() for array in state.ward)))
        for array in spoilt.ward:
            if name in array.dtype.names:
                array[name] = value
        return save_alerts(spoilt)

    must_catch(lambda broken, case: check_alert_replay(broken, case, other_process), broken, cut_scores())


# ---- split -----------------------------------------------------------------------------------------------------------

PARTS = np.array(["train", "validation", "tuning", "held_out"])


def parts_by_position(split: Split, subject_ids: Iterable[str]) -> Any:
    """Stays are dealt out, whosever they are."""
    shares = [split.train, split.validation, split.tuning, split.held_out]
    stays = list(subject_ids)
    return np.random.default_rng(split.seed).choice(PARTS, len(stays), p=shares).tolist()


def parts_of_a_shuffle(split: Split, subject_ids: Iterable[str]) -> list[str]:
    """Patients are shuffled and cut: a patient moves when others come or go."""
    stays = list(subject_ids)
    people = sorted(set(stays))
    order = np.random.default_rng(split.seed).permutation(len(people))
    bounds = np.cumsum([split.train, split.validation, split.tuning]) * len(people)
    part = dict(zip(people, PARTS[np.searchsorted(bounds, order, side="right")].tolist(), strict=True))
    return [part[subject] for subject in stays]


def parts_by_builtin_hash(split: Split, subject_ids: Iterable[str]) -> Any:
    """Python's own hash, which differs from process to process."""
    return PARTS[[hash((split.seed, subject)) % 4 for subject in subject_ids]].tolist()


def test_a_broken_split_is_caught(other_process: Executor) -> None:
    must_catch(check_split, parts_by_position, patients())
    must_catch(check_split, parts_of_a_shuffle, patients())
    with pytest.raises(AssertionError):
        check_split_elsewhere(parts_by_builtin_hash, [f"p{number}" for number in range(200)], other_process)


# ---- round trip ------------------------------------------------------------------------------------------------------


def shortened_numbers(tables: dict[str, Any]) -> str:
    """Numbers are written with six digits."""

    def shorten(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.6g}")
        if isinstance(value, dict):
            return {key: shorten(item) for key, item in value.items()}
        return [shorten(item) for item in value] if isinstance(value, list) else value

    return to_toml(shorten(tables))


def sorted_keys(tables: dict[str, Any]) -> str:
    """Signals are sorted by name, and so the columns of the model change places."""
    sections = {key: dict(sorted(value.items())) if isinstance(value, dict) else value for key, value in tables.items()}
    return to_toml(sections)


def lost_section(tables: dict[str, Any]) -> str:
    """One section is left to its defaults."""
    return to_toml({key: value for key, value in tables.items() if key != "training"})


def test_a_broken_round_trip_is_caught() -> None:
    must_catch(check_round_trip, shortened_numbers, any_settings())
    must_catch(check_round_trip, sorted_keys, any_settings())
    must_catch(check_round_trip, lost_section, any_settings())
    must_catch(check_policy_round_trip, lambda tables: to_toml({**tables, "silence": "6h"}), policies())
