"""Labels by hand, at their edges, and against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.errors import DataError
from vitals.labelling.labels import NO_ONSET, first_onsets, label_rows
from vitals.spec.duration import Duration
from vitals.spec.settings import Label

HOUR = 3_600_000_000
EXCLUDED = Label("sepsis", horizon=Duration.parse("3h"))
POSITIVE = Label("sepsis", horizon=Duration.parse("3h"), after_onset="positive")


def test_a_row_is_positive_from_the_horizon_to_just_before_the_onset() -> None:
    onset = 10 * HOUR
    times = [7 * HOUR - 1, 7 * HOUR, onset - 1, onset, onset + 1]
    y, usable = label_rows(EXCLUDED, times, [0] * 5, [0], [onset])
    assert y.tolist() == [0, 1, 1, 0, 0]
    assert usable.tolist() == [True, True, True, False, False]
    y, usable = label_rows(POSITIVE, times, [0] * 5, [0], [onset])
    assert y.tolist() == [0, 1, 1, 1, 1]
    assert usable.all()
    assert y.dtype == np.float32
    assert usable.dtype == bool


def test_labels_equal_the_challenge_label_when_the_onset_is_six_hours_after_the_first_positive_row() -> None:
    label = Label("sepsis", horizon=Duration.parse("6h"), after_onset="positive")
    for first_positive in range(12):
        sepsis_label = np.arange(12) >= first_positive
        time = (np.arange(12) + 1) * HOUR
        y, _ = label_rows(label, time, np.zeros(12, int), [0], [time[first_positive] + 6 * HOUR])
        assert (y == sepsis_label).all()


def test_a_horizon_as_long_as_the_stay_does_not_overflow() -> None:
    label = Label("death", horizon=Duration.parse("stay"))
    y, usable = label_rows(label, [-5, 1, 9, 9], [0, 0, 0, 1], [0], [9])
    assert y.tolist() == [1, 1, 0, 0]
    assert usable.tolist() == [True, True, False, True]


def test_no_rows_and_no_onsets() -> None:
    y, usable = label_rows(EXCLUDED, [], [], [], [])
    assert len(y) == len(usable) == 0
    y, usable = label_rows(EXCLUDED, [HOUR], [4], [], [])
    assert y.tolist() == [0]
    assert usable.tolist() == [True]
    assert first_onsets(2, [], []).tolist() == [NO_ONSET, NO_ONSET]


@pytest.mark.parametrize(
    "call",
    [
        lambda: first_onsets(2, [2], [5]),
        lambda: first_onsets(2, [-1], [5]),
        lambda: first_onsets(2, [0, 1], [5]),
        lambda: label_rows(EXCLUDED, [1, 2], [0], [], []),
        lambda: label_rows(EXCLUDED, [1], [-1], [], []),
    ],
)
def test_columns_that_do_not_fit_are_refused(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError):
        call()


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 12)), max_size=30),
    onsets=st.lists(st.tuples(st.integers(0, 4), st.integers(-2, 12)), max_size=5),
    horizon=st.integers(1, 6),
    after=st.sampled_from(["positive", "excluded"]),
)
def test_labels_equal_plain_loops(rows, onsets, horizon, after) -> None:  # type: ignore[no-untyped-def]
    label = Label("sepsis", horizon=Duration(horizon), after_onset=after)
    y, usable = label_rows(
        label, [t for _, t in rows], [s for s, _ in rows], [s for s, _ in onsets], [t for _, t in onsets]
    )
    for i, (stay, t) in enumerate(rows):
        own = [o for s, o in onsets if s == stay]
        over = any(t >= o for o in own)
        coming = not over and any(t < o <= t + horizon for o in own)
        assert y[i] == (coming or (over and after == "positive"))
        assert usable[i] == (not over or after == "positive")
