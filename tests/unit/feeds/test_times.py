"""Times are exact integers, and a time without a zone is no time."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.feeds.times import read_time, time_fault, time_text

MIDNIGHT = 1_767_225_600_000_000  # 2026-01-01


@pytest.mark.parametrize(
    ("raw", "time"),
    [
        ("2026-01-01T00:00:00Z", MIDNIGHT),
        ("2026-01-01T00:00:00+00:00", MIDNIGHT),
        ("2026-01-01 01:30:00+01:30", MIDNIGHT),
        ("2025-12-31T18:00:00-06:00", MIDNIGHT),
        ("2026-01-01T00:00:00.000001Z", MIDNIGHT + 1),
        ("2026-01-01T00:00:00.1Z", MIDNIGHT + 100_000),
        ("2026-01-01T02:00:00.000001999+02:00", MIDNIGHT + 1),
        ("1969-12-31T23:59:59.999999Z", -1),
        (MIDNIGHT + 7, MIDNIGHT + 7),
        (0, 0),
    ],
)
def test_reads_to_the_microsecond(raw: str | int, time: int) -> None:
    assert read_time(raw) == time


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (None, "no_time"),
        ("2026-01-01T00:00:00", "no_time_zone"),
        ("2026-01-01", "no_time_zone"),
        ("", "bad_time"),
        ("null", "bad_time"),
        ("2026-02-30T00:00:00Z", "bad_time"),
        ("2026-01-01T00:00:60Z", "bad_time"),
        ("0001-01-01T00:00:00+14:00", "bad_time"),
        ("9999-12-31T23:59:59-14:00", "bad_time"),
        ("2026-01-01T00:00:00Z" + " " * 21, "bad_time"),
        ("2026-01-01T00:00:00." + "0" * 21, "bad_time"),  # would be a time without a zone, but no clock says it so
        (10**30, "bad_time"),
        (-(10**18), "bad_time"),
    ],
)
def test_refuses_and_says_why(raw: str | int | None, why: str) -> None:
    assert read_time(raw) is None
    assert time_fault(raw) == why


@given(st.integers(-30_000_000_000_000_000, 220_000_000_000_000_000))
def test_text_reads_back(time: int) -> None:
    assert read_time(time_text(time)) == time


def test_text_has_a_fraction_only_where_there_is_one() -> None:
    assert time_text(MIDNIGHT) == "2026-01-01T00:00:00Z"
    assert time_text(MIDNIGHT + 10) == "2026-01-01T00:00:00.000010Z"


def test_nothing_is_kept_of_what_is_too_long_to_be_a_time() -> None:
    tracemalloc.start()
    try:
        for n in range(100):
            assert read_time(f"2026-01-01T00:00:00.{n}" + "0" * 100_000) is None
            assert read_time(f"{n}" + "x" * 100_000) is None
            assert read_time(10**4000 + n) is None
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100_000
