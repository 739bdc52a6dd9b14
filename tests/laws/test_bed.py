"""Law 2, bed: what a bed gives does not depend on the beds beside it, on their order, or on who lay there before."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from tests.laws.running import (
    Advance,
    Decide,
    admit,
    all_alerts,
    assert_same_rows,
    go_on,
    join,
    new_carry,
    run,
    some_rows,
    with_policy,
)
from tests.naive import Call, Sample
from tests.strategies import HOUR, Scores, Ward, score_orders, successions, ward_orders
from vitals.alerting.decide import AlertState, decide
from vitals.spec.settings import Settings
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry


def reordered(ward: Ward, order: list[int]) -> Ward:
    """The ward with bed ``order[i]`` as bed i, and no others."""
    place = {bed: position for position, bed in enumerate(order)}
    kept = ward.only([sample.bed in place for sample in ward.samples])
    return Ward(
        ward.settings,
        tuple(ward.admitted[bed] for bed in order),
        tuple(sample._replace(bed=place[sample.bed]) for sample in kept.samples),
        tuple((at, tuple(clock[bed] for bed in order)) for at, clock in kept.clocks),
    )


def check_bed(advance: Advance, case: tuple[Ward, list[int]]) -> None:
    """Each bed of the rearranged ward, which grew from a single bed, gives what it gave before."""
    ward, order = case
    rows, drops = join(run(advance, ward))
    other = reordered(ward, order)
    carry = Carry.empty(ward.settings, 1)
    carry.grow(len(order))
    admit(carry, other.admitted)
    moved_rows, moved_drops = join(go_on(advance, ward.settings, carry, padded(other.calls(), carry.beds))[1])
    for position, bed in enumerate(order):
        before, after = some_rows(rows, rows.bed == bed), some_rows(moved_rows, moved_rows.bed == position)
        after.bed[:] = bed
        assert_same_rows(before, after)
        assert [key[1:] for key in drops if key[0] == bed] == [key[1:] for key in moved_drops if key[0] == position]
    assert set(moved_rows.bed.tolist()) <= set(range(len(order)))


def padded(calls: list[Call], beds: int) -> list[Call]:
    """The calls for a ward of this many beds; the clocks of the further ones say nothing."""
    return [Call(call.samples, call.clock + (None,) * (beds - len(call.clock))) for call in calls]


def check_reuse(advance: Advance, case: tuple[Ward, Ward]) -> None:
    """A stay in a bed that was used before, released or not, gives what it gives in a fresh ward."""
    first, second = case
    beds = max(len(first.admitted), len(second.admitted))
    admitted = second.admitted + (None,) * (beds - len(second.admitted))
    carry = new_carry(first.settings, first.admitted + (None,) * (beds - len(first.admitted)))
    carry, _ = go_on(advance, first.settings, carry, padded(first.calls(), beds))
    carry.release(np.array([bed for bed in range(beds) if admitted[bed] is None or bed % 2], np.int32))
    admit(carry, admitted)
    rows, drops = join(go_on(advance, second.settings, carry, padded(second.calls(), beds))[1])
    fresh_rows, fresh_drops = join(run(advance, second))
    assert_same_rows(rows, fresh_rows)
    assert drops == fresh_drops


def check_alert_bed(decide: Decide, case: tuple[Scores, list[int]]) -> None:
    """Each bed's alerts stay its own."""
    scores, order = case
    alerts = all_alerts(decide, scores)
    moved = all_alerts(decide, with_policy(scores.policy, [scores.beds[bed] for bed in order]))
    assert moved == [alerts[bed] for bed in order]


@given(ward_orders())
def test_rows_do_not_depend_on_other_beds(case: tuple[Ward, list[int]]) -> None:
    check_bed(advance, case)


@given(successions())
def test_rows_do_not_depend_on_who_lay_there_before(case: tuple[Ward, Ward]) -> None:
    check_reuse(advance, case)


@given(score_orders())
def test_alerts_do_not_depend_on_other_beds(case: tuple[Scores, list[int]]) -> None:
    check_alert_bed(decide, case)


@given(score_orders())
def test_alerts_do_not_depend_on_who_lay_there_before(case: tuple[Scores, list[int]]) -> None:
    """The second patient of a bed starts with no silence, no episode and no recent scores."""
    scores, _ = case
    state = AlertState.empty(1)
    for rows in scores.beds:
        state.admit([0])
        risk = np.array([risk for _, risk in rows], np.float32)
        state, due = decide(scores.policy, state, [0] * len(rows), [time for time, _ in rows], risk)
        _, fresh = decide(scores.policy, AlertState.empty(1), [0] * len(rows), [time for time, _ in rows], risk)
        assert due.row.tolist() == fresh.row.tolist()
        assert due.outcome.tolist() == fresh.outcome.tolist()


def test_the_ward_grows_while_samples_wait() -> None:
    """A bed that is added in mid-stream, with samples of open steps waiting in the others, changes nothing there."""
    settings = Settings.from_tables(
        {
            "name": "x",
            "signals": {"heart_rate": {"reduce": "mean"}},
            "window": {"step": "1h"},
            "label": {"kind": "sepsis", "horizon": "6h"},
        }
    )
    carry = new_carry(settings, (0,))
    first, second = Call((Sample(0, 5, 0, 80.0),), (None,)), Call((Sample(0, 7, 0, 90.0),), (HOUR,))
    carry, _ = go_on(advance, settings, carry, [first])
    carry.grow(5)
    carry.admit(np.array([4]), np.array([0]))
    _, answers = go_on(advance, settings, carry, padded([second], carry.beds))
    rows, _ = join(answers)
    assert rows.bed.tolist() == [0]
    assert rows.value.ravel().tolist() == [85.0]
