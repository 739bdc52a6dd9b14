"""Law 8, split: no patient is in two parts, whatever the data around."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vitals.cohort.split import parts
from vitals.spec.settings import Split

Parts = Callable[[Split, Iterable[str]], Any]
SHARES = (
    (0.7, 0.1, 0.1, 0.1),
    (0.25, 0.25, 0.25, 0.25),
    (0.0, 0.5, 0.0, 0.5),
    (1.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 1.0),
)
NAMES = ("train", "validation", "tuning", "held_out")
# Names that a careless reader would take for one another, or for numbers.
SUBJECTS = st.sampled_from(["1", "01", "1.0", "p000001", "P000001", "p000001 ", "", "ä", "a\u0308", "nan"]) | st.text(
    max_size=5
)


@st.composite
def patients(draw: st.DrawFn) -> tuple[Split, list[str], list[str], list[int]]:
    """A split, the patients of some stays, those of further stays, and an order of the first."""
    split = Split(draw(st.integers(0, 3)), *draw(st.sampled_from(SHARES)))
    pool = draw(st.lists(SUBJECTS, min_size=1, max_size=6, unique=True))
    stays = draw(st.lists(st.sampled_from(pool), max_size=12))
    return (
        split,
        stays,
        draw(st.lists(st.sampled_from(pool) | SUBJECTS, max_size=6)),
        draw(st.permutations(range(len(stays)))),
    )


def check_split(parts: Parts, case: tuple[Split, list[str], list[str], list[int]]) -> None:
    """All stays of a patient are in one part, and stay there when the data grow, shrink or change order."""
    split, stays, more, order = case
    found = list(parts(split, stays))
    assert len(found) == len(stays)
    part_of: dict[str, str] = {}
    for subject, part in zip(stays, found, strict=True):
        assert part in NAMES
        assert part_of.setdefault(subject, part) == part, f"{subject!r} is in two parts"
        assert getattr(split, part) > 0, f"the part {part} was to be empty"
    assert list(parts(split, [stays[place] for place in order])) == [found[place] for place in order]
    assert list(parts(split, more + stays))[len(more) :] == found
    for subject, part in part_of.items():
        assert list(parts(split, [subject])) == [part], f"{subject!r} moved when the others left"


def check_split_elsewhere(parts: Parts, subjects: Sequence[str], other: Executor) -> None:
    """Another process puts every patient into the same part."""
    assert list(parts(Split(), subjects)) == list(other.submit(parts, Split(), subjects).result())


@given(patients())
def test_no_patient_is_in_two_parts(case: tuple[Split, list[str], list[str], list[int]]) -> None:
    check_split(parts, case)


def test_another_process_finds_the_same_split(other_process: Executor) -> None:
    check_split_elsewhere(parts, [f"p{number:06d}" for number in range(200)], other_process)


def test_parts_have_their_shares_and_seeds_differ() -> None:
    subjects = [f"p{number:06d}" for number in range(20_000)]
    found = parts(Split(), subjects)
    for name in NAMES:
        assert abs((found == name).mean() - getattr(Split(), name)) < 0.01
    # Independent splits agree on 0.7² + 3 · 0.1² = 52 % of the patients.
    assert abs(np.mean(found == parts(Split(seed=2), subjects)) - 0.52) < 0.02
