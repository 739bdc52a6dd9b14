"""Studies: cohorts joined, and one part taken out with everything that belongs to it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tests.small import small_settings
from tests.unit.flows.wards import HOUR, write_ward
from vitals.cohort.split import PARTS
from vitals.errors import DataError, SettingsError
from vitals.flows.study import Study, open_study, text_digest

EAST = [f"e{i}" for i in (0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 0)]  # patients 0 and 3 have two stays
WEST = [f"w{i}" for i in range(9)]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Two cohorts, 21 stays."""
    home = tmp_path_factory.mktemp("study")
    write_ward(home / "east", EAST, {0: 2, 3: 3, 4: 1, 7: 4, 10: 2})
    write_ward(home / "west", WEST, {0: 1, 2: 2, 5: 3, 8: 2}, seed=2)
    return open_study(small_settings(), [home / "east", home / "west"])


def test_cohorts_are_joined_in_order(study: Study) -> None:
    """Stays are numbered through; onsets and rows follow their stays."""
    assert study.stay_id.tolist() == [f"east-{i}" for i in range(12)] + [f"west-{i}" for i in range(9)]
    assert study.subject_id.tolist() == EAST + WEST
    assert study.stay_id[study.onset_stay].tolist() == [f"east-{i}" for i in (0, 3, 4, 7, 10)] + [
        f"west-{i}" for i in (0, 2, 5, 8)
    ]
    after = (study.onset_time - study.admitted[study.onset_stay]) / HOUR
    assert after.tolist() == [2, 3, 1, 4, 2, 1, 2, 3, 2]
    assert (np.diff(study.rows.bed) >= 0).all()
    rows = np.bincount(study.rows.bed, minlength=len(study.stay_id))
    assert rows.tolist() == ((study.discharged - study.admitted) // HOUR).tolist()
    assert len(study.cohorts) == 2


def test_stays_of_a_patient_share_a_part(study: Study) -> None:
    """No patient is trained on and judged."""
    assert study.part[0] == study.part[11]
    assert study.part[3] == study.part[4]


def test_every_row_belongs_to_one_part(study: Study) -> None:
    """Parts neither overlap nor leave anything out."""
    stays = np.concatenate([study.stays_of(part) for part in PARTS])
    assert sorted(stays.tolist()) == list(range(21))
    assert (sum(study.rows_of(study.stays_of(part)).astype(int) for part in PARTS) == 1).all()


def test_rows_of(study: Study) -> None:
    """Those of the stays named, whatever their order."""
    chosen = study.rows_of(np.array([13, 2]))
    assert set(study.rows.bed[chosen].tolist()) == {2, 13}
    assert chosen.sum() == ((study.discharged - study.admitted) // HOUR)[[2, 13]].sum()
    assert not study.rows_of(np.zeros(0, np.int64)).any()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_numbered_from_zero_again(study: Study, part: str) -> None:
    """Everything that names a stay names the same one as before."""
    taken, stays = study.take(part), study.stays_of(part)
    assert taken.stay_id.tolist() == study.stay_id[stays].tolist()
    assert set(taken.part.tolist()) == {part}
    assert set(taken.rows.bed.tolist()) == set(range(len(stays)))
    for number, stay in enumerate(stays.tolist()):
        old, new = study.rows.bed == stay, taken.rows.bed == number
        for name in ("time", "value", "age", "reason"):
            np.testing.assert_array_equal(getattr(taken.rows, name)[new], getattr(study.rows, name)[old])
        np.testing.assert_array_equal(taken.label[new], study.label[old])
        np.testing.assert_array_equal(taken.usable[new], study.usable[old])
        assert (taken.admitted[number], taken.discharged[number]) == (study.admitted[stay], study.discharged[stay])
    kept = {(study.stay_id[s], t) for s, t in zip(study.onset_stay, study.onset_time, strict=True) if s in stays}
    assert {(taken.stay_id[s], t) for s, t in zip(taken.onset_stay, taken.onset_time, strict=True)} == kept


def test_all_of_it_is_the_study_itself(study: Study) -> None:
    """Nothing is copied."""
    assert study.take("all") is study


def test_parts_that_cannot_be_taken(study: Study, tmp_path: Path) -> None:
    """Misspelt, or without a stay."""
    with pytest.raises(SettingsError, match=r"part: came .tunning.; .* did you mean .tuning."):
        study.take("tunning")
    write_ward(tmp_path / "one", ["alone"], {0: 1})
    small = open_study(small_settings(), [tmp_path / "one"])
    empty = next(part for part in PARTS if part != small.part[0])
    with pytest.raises(DataError, match=f"part {empty}: came no stay"):
        small.take(empty)


def test_a_patient_in_two_cohorts_is_refused(tmp_path: Path) -> None:
    """Even with stays of different names."""
    write_ward(tmp_path / "one", ["p1", "p2"], {0: 1})
    write_ward(tmp_path / "two", ["p3", "p2"], {0: 1})
    with pytest.raises(DataError, match=r"two subject_id: came p2, which is in .*one too; wanted each in one cohort"):
        open_study(small_settings(), [tmp_path / "one", tmp_path / "two"])


def test_a_stay_in_two_cohorts_is_refused(tmp_path: Path) -> None:
    """Even of patients of different names."""
    write_ward(tmp_path / "a" / "ward", ["p1"], {0: 1})
    write_ward(tmp_path / "b" / "ward", ["p2"], {0: 1})
    with pytest.raises(DataError, match="ward stay_id: came ward-0, which is in"):
        open_study(small_settings(), [tmp_path / "a" / "ward", tmp_path / "b" / "ward"])


def test_a_cohort_without_the_outcome_is_refused(tmp_path: Path) -> None:
    """There is nothing to learn."""
    write_ward(tmp_path / "one", ["p1"], {})
    with pytest.raises(DataError, match='outcomes: came no onset of kind "sepsis"'):
        open_study(small_settings(), [tmp_path / "one"])


def test_a_digest_of_texts_knows_where_each_ends() -> None:
    """And their order; numbers are told apart by how they are written."""
    assert text_digest(["ab", "c"]) != text_digest(["a", "bc"]) != text_digest(["abc"])
    assert text_digest(["a", "b"]) != text_digest(["b", "a"])
    assert text_digest([]) != text_digest([""])
    assert text_digest(["é", 7]) == hashlib.sha256(b"\0\0\0\0\0\0\0\2\xc3\xa9\0\0\0\0\0\0\0\0017").hexdigest()
