"""Everything left out is counted once in the total and once in a report, and reports do not flood."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from vitals.feeds.times import time_text
from vitals.ward.tally import AFTERWARDS, EVERY, Tally


def test_a_new_reason_is_told_at_once_and_a_repeated_one_once_an_hour() -> None:
    tally = Tally()
    for time in range(0, 3 * EVERY, EVERY // 100):
        tally.note("late", "p1", time)
    assert [line.count for line in tally.news()] == [1, 100, 100]
    tally.forget_all(None)
    assert [line.count for line in tally.news()] == [99]


def test_one_date_far_ahead_silences_nobody() -> None:
    tally = Tally()
    century = 100 * 365 * 24 * EVERY
    times = [century, *range(0, 2 * EVERY, EVERY // 10), century + 1, 2 * EVERY, century + EVERY, EVERY]
    for time in times:
        tally.note("late", "p1", time)
    told = [(line.time, line.count) for line in tally.news()]
    wanted = [(century, 1), (0, 1), (EVERY, 10), (2 * EVERY, 11), (century + EVERY, 1)]
    assert told == [(time_text(time), count) for time, count in wanted]


def test_what_runs_backwards_is_told_once_an_hour_too() -> None:
    tally = Tally()
    for time in range(3 * EVERY, 0, -EVERY // 100):
        tally.note("late", "p1", time)
    assert [line.count for line in tally.news()] == [1, 100, 100]


def test_stays_and_reasons_are_told_apart() -> None:
    tally = Tally()
    for stay, reason in [("p1", "late"), ("p2", "late"), ("p1", "impossible"), (None, "not_json")]:
        tally.note(reason, stay, 0)
    assert [(line.stay, line.reason) for line in tally.news()] == [
        ("p1", "late"), ("p2", "late"), ("p1", "impossible"), (None, "not_json"),
    ]  # fmt: skip


def test_a_report_names_the_first_line_it_counts() -> None:
    tally = Tally()
    for number in (3, 5, 8):
        tally.note("not_json", None, None, number)
    tally.forget_all(None)
    assert [(line.line, line.count) for line in tally.news()] == [(3, 1), (5, 2)]


def test_a_discharge_tells_the_rest_but_not_what_came_after_it() -> None:
    tally = Tally()
    for reason in ("late", "late", AFTERWARDS, AFTERWARDS):
        tally.note(reason, "p1", 0)
    tally.news()
    tally.leave("p1", 9)
    assert [(line.reason, line.count) for line in tally.news()] == [("late", 1)]
    tally.forget("p1", 9)
    assert [(line.reason, line.count) for line in tally.news()] == [(AFTERWARDS, 1)]


NOTES = st.tuples(st.sampled_from(["late", "impossible"]), st.sampled_from(["p1", None]), st.integers(0, 5 * EVERY))


@given(st.lists(NOTES, max_size=40))
def test_reports_add_up_to_the_total(notes: list[tuple[str, str | None, int]]) -> None:
    tally = Tally()
    for reason, stay, time in notes:
        tally.note(reason, stay, time)
    tally.forget_all(None)
    told: Counter[str] = Counter()
    for line in tally.news():
        assert line.count
        told[line.reason] += line.count
    assert told == tally.total == Counter(reason for reason, _, _ in notes)
