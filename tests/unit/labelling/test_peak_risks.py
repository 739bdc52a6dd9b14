"""The peak of a stay: before its onset, or of the whole of it."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from vitals.labelling.labels import NO_ONSET
from vitals.labelling.ranking import auroc, peak_risks


def test_by_hand() -> None:
    """The highest risk at or after the onset does not count; a stay without a risk before it has no peak."""
    stay, time = [0, 0, 0, 1, 1, 2], [1, 2, 3, 1, 2, 5]
    peaks = peak_risks(stay, time, [0.2, 0.4, 0.9, 0.3, math.nan, 0.7], [3, NO_ONSET, 5])
    assert peaks[:2].tolist() == [0.4, 0.3]
    assert math.isnan(peaks[2])


def test_an_oracle_that_speaks_after_the_onset_ranks_nobody() -> None:
    stay = [0, 0, 1, 1, 2, 2, 3, 3]
    onset = [2, 2, NO_ONSET, NO_ONSET]
    peaks = peak_risks(stay, [1, 2] * 4, [0.1, 1.0, 0.1, 1.0, 0.1, 0.1, 0.1, 0.1], onset)
    assert auroc([1, 1, 0, 0], peaks) == 0.5


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9)), max_size=40))
def test_is_the_maximum(rows: list[tuple[int, int, int]]) -> None:
    onset = [4, 8, NO_ONSET, 0]
    found = peak_risks([s for s, _, _ in rows], [t for _, t, _ in rows], [r / 9 for _, _, r in rows], onset)
    for number in range(4):
        mine = [r / 9 for s, t, r in rows if s == number and t < onset[number]]
        assert (found[number] == max(mine)) if mine else math.isnan(found[number])
