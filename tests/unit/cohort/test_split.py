"""The split: by patient, by seed, and by nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from vitals.cohort.split import PARTS, parts
from vitals.spec.settings import Split

IDS = [f"p{i:06d}" for i in range(20_000)]


def test_shares_are_what_was_asked_for() -> None:
    split = Split(train=0.5, validation=0.2, tuning=0.2, held_out=0.1)
    found = parts(split, IDS)
    for name in PARTS:
        assert abs((found == name).mean() - getattr(split, name)) < 0.015


def test_a_part_depends_on_the_patient_and_the_seed_alone() -> None:
    found = parts(Split(), IDS)
    order = np.random.default_rng(0).permutation(len(IDS))
    assert (parts(Split(), [IDS[i] for i in order]) == found[order]).all()
    assert (parts(Split(), IDS[100:200]) == found[100:200]).all()
    assert (parts(Split(seed=2), IDS) != found).mean() > 0.3


def test_all_stays_of_a_patient_are_in_one_part() -> None:
    subjects = np.repeat(IDS[:500], 3)
    found = parts(Split(), subjects).reshape(500, 3)
    assert (found == found[:, :1]).all()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_may_be_everything_or_nothing(part: str) -> None:
    shares = dict.fromkeys(PARTS, 0.0) | {part: 1.0}
    assert set(parts(Split(**shares), IDS[:1000])) == {part}  # type: ignore[arg-type]


def test_no_patients_no_parts() -> None:
    assert len(parts(Split(), [])) == 0


def test_the_split_of_a_seed_never_changes() -> None:
    """A released model's held-out patients must be held out in the next version too."""
    found = parts(Split(seed=1), ["p000001", "p000002", "p000003", "p000004", "p000005"])
    assert found.tolist() == ["train", "train", "tuning", "train", "held_out"]
