"""Law 5, replay: stop anywhere, save plain arrays, go on in a new process: same bits, no alert lost, none twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from tests.laws.replaying import finish, finish_alerts, save, save_alerts
from tests.laws.running import (
    all_alerts,
    assert_same_bits,
    assert_same_rows,
    decide_on,
    go_on,
    new_carry,
    run,
)
from tests.strategies import Scores, Ward, cut_scores, cut_wards
from vitals.alerting.decide import AlertState, decide
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry


@st.composite
def stopped_wards(draw: st.DrawFn) -> tuple[Ward, list[int], int]:
    """A ward, where its stream is cut, and after how many calls the process stops."""
    ward, cuts = draw(cut_wards())
    return ward, cuts, draw(st.integers(0, len(ward.calls(cuts))))


def check_replay(save: Callable[[Carry], bytes], case: tuple[Ward, list[int], int], other: Executor) -> None:
    """Every call after the stop gives back what it would have given without it."""
    ward, cuts, stop = case
    calls = ward.calls(cuts)
    carry, answers = go_on(advance, ward.settings, new_carry(ward.settings, ward.admitted), calls[:stop])
    answers += other.submit(finish, ward.settings, save(carry), calls[stop:]).result()
    for (rows, dropped), (same_rows, same_dropped) in zip(run(advance, ward, cuts), answers, strict=True):
        assert_same_rows(rows, same_rows)
        for told, same_told in ((dropped, same_dropped), (dropped.repaired, same_dropped.repaired)):
            for field in fields(told):
                if field.name != "repaired":
                    assert_same_bits(getattr(told, field.name), getattr(same_told, field.name), field.name)


def check_alert_replay(
    save: Callable[[AlertState], bytes], case: tuple[Scores, list[list[int]]], other: Executor
) -> None:
    """Before and after the stop together, the same alerts as without it."""
    scores, borders = case
    start, end = [0] * len(scores.beds), [len(rows) for rows in scores.beds]
    stop = borders[0]
    state, before = decide_on(decide, scores, AlertState.empty(len(scores.beds)), [start, stop])
    after = other.submit(finish_alerts, scores, save(state), [stop, *borders[1:], end]).result()
    assert all_alerts(decide, scores) == [early + late for early, late in zip(before, after, strict=True)]


@given(case=stopped_wards())
def test_rows_after_a_restart(case: tuple[Ward, list[int], int], other_process: Executor) -> None:
    check_replay(save, case, other_process)


@given(case=cut_scores())
def test_alerts_after_a_restart(case: tuple[Scores, list[list[int]]], other_process: Executor) -> None:
    check_alert_replay(save_alerts, case, other_process)
