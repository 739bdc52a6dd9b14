"""A tuned policy goes where it is told, and what it replaces is named before it is gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.flows.wards import write_ward
from vitals.errors import SettingsError
from vitals.flows.tuning import tune_model
from vitals.flows.watching import find_policy
from vitals.spec.shipped import find_model

BUDGET = "200/100pd"


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough patients for a tuning part with onsets."""
    folder = tmp_path_factory.mktemp("tuning") / "ward"
    write_ward(folder, [f"p{i}" for i in range(160)], dict.fromkeys(range(0, 160, 4), 2))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of a shipped model, with the policy it came with."""
    shutil.copytree(find_model("sepsis-vitals"), tmp_path / "model")
    return tmp_path / "model"


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_another_file_leaves_the_model_folder_as_it_is(ward: Path, model: Path, tmp_path: Path) -> None:
    before = held(model)
    told = tune_model(model, ward, BUDGET, out=tmp_path / "night.toml")
    assert held(model) == before
    assert told["files"] == [str(tmp_path / "night.toml")]
    assert told["replaced"] is None
    written = find_policy(model, tmp_path / "night.toml")
    assert written is not None
    assert written.threshold == told["policy"]["threshold"]


def test_the_policy_that_is_replaced_is_given_back_whole(ward: Path, model: Path) -> None:
    old = find_policy(model)
    assert old is not None
    told = tune_model(model, ward, BUDGET)
    assert told["replaced"]["threshold"] == old.threshold
    assert told["replaced"]["tuned_on"] == old.tuned_on != told["policy"]["tuned_on"]
    new = find_policy(model)
    assert new is not None
    assert new.tuned_on == told["policy"]["tuned_on"]
    assert tune_model(model, ward, BUDGET)["replaced"]["tuned_on"] == new.tuned_on


def test_a_shipped_model_can_be_tuned_by_its_name_into_a_file(ward: Path, tmp_path: Path) -> None:
    told = tune_model(Path("sepsis-vitals"), ward, BUDGET, out=tmp_path / "ours.toml")
    assert (tmp_path / "ours.toml").is_file()
    assert told["policy"]["model_digest"] != ""
    with pytest.raises(SettingsError, match="or another file with --out"):
        tune_model(Path("sepsis-vitals"), ward, BUDGET)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("notes.toml", "x = 1\n", "a file that is no policy"),
        ("empty.toml", "", "a file that is no policy"),
        ("policy.json", "{}", "a name that ends in .toml"),
    ],
)
def test_nothing_else_is_overwritten(model: Path, tmp_path: Path, name: str, text: str, said: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(SettingsError, match=said):
        tune_model(model, tmp_path / "no such cohort", BUDGET, out=file)  # refused before a cohort is opened
    assert file.read_text() == text
