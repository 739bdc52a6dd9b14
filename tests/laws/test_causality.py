"""Law 3, causality: nothing after a prediction time moves anything at or before it. This is the leakage test."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.laws.running import Advance, Decide, all_alerts, assert_same_rows, join, run, some_rows, with_policy
from tests.strategies import Scores, Ward, changed_futures, risks, scores
from vitals.alerting.decide import decide
from vitals.windowing.advance import advance


def check_causality(advance: Advance, case: tuple[Ward, int, Ward]) -> None:
    """Two wards that are alike up to a time have the same rows up to that time."""
    ward, now, other = case
    rows, other_rows = join(run(advance, ward))[0], join(run(advance, other))[0]
    assert_same_rows(some_rows(rows, rows.time <= now), some_rows(other_rows, other_rows.time <= now))


@st.composite
def changed_scores(draw: st.DrawFn) -> tuple[Scores, int, Scores]:
    """Scores, a time, and the same scores with others after that time."""
    found = draw(scores())
    times = [time for rows in found.beds for time, _ in rows]
    now = draw(st.sampled_from(times)) + draw(st.sampled_from([-1, 0])) if times else 0
    risk = risks(found.policy)
    others = [[(time, score if time <= now else draw(risk)) for time, score in rows] for rows in found.beds]
    return found, now, with_policy(found.policy, others)


def check_alert_causality(decide: Decide, case: tuple[Scores, int, Scores]) -> None:
    """Scores that are alike up to a time have the same alerts up to that time."""
    found, now, other = case
    for alerts, others in zip(all_alerts(decide, found), all_alerts(decide, other), strict=True):
        assert [alert for alert in alerts if alert[0] <= now] == [alert for alert in others if alert[0] <= now]


@given(changed_futures())
def test_rows_do_not_depend_on_the_future(case: tuple[Ward, int, Ward]) -> None:
    check_causality(advance, case)


@given(changed_scores())
def test_alerts_do_not_depend_on_the_future(case: tuple[Scores, int, Scores]) -> None:
    check_alert_causality(decide, case)
