"""The models that come with the package: whole, small, what their papers say, made by the shipped settings, found by name."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest

import vitals
from vitals.cli.console import NOTICE
from vitals.errors import ModelError, SettingsError
from vitals.flows.watching import find_policy
from vitals.report.shelf import shelf
from vitals.scoring.model import open_model
from vitals.signals import signal
from vitals.spec import shipped as shipped_module
from vitals.spec.modelfile import FOLDER
from vitals.spec.settings import Settings
from vitals.spec.shipped import find_model, settings_file, shipped_models

ROOT = Path(__file__).parents[2]
MODELS = sorted(file.parent for file in (ROOT / "models").glob("*/model.onnx"))
LARGEST = 2_000_000
every_model = pytest.mark.parametrize("folder", MODELS, ids=lambda folder: folder.name)


def test_there_are_some() -> None:
    assert MODELS
    assert list(shipped_models().values()) == MODELS


@every_model
def test_the_folder_is_whole_and_small(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == FOLDER
    assert (folder / "model.onnx").stat().st_size < LARGEST


@every_model
def test_its_papers_are_of_this_file(folder: Path) -> None:
    """One digest in all of them: the file, the run, the policy, the evaluation, the card."""
    run, metrics, card = (
        json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("run", "metrics", "card")
    )
    model, policy = open_model(folder), find_policy(folder)
    judged = metrics["evaluation"]["held_out"]
    assert policy is not None
    assert {run["model_digest"], policy.model_digest, judged["model_digest"]} == {model.digest}
    assert model.digest in card["provenance"].values()
    assert policy.tuned_on == run["part_digests"]["tuning"]
    assert judged["patients_digest"] == run["part_digests"]["held_out"]
    assert judged["data"]["digest"] == run["data_digest"]
    assert metrics["parity"]["onnx_step_bits"] == 0


@every_model
def test_its_card_says_how_good_it_is_and_what_it_is_not(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text("utf-8"))
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert card["notice"] == NOTICE
    assert NOTICE in (folder / "card.md").read_text("utf-8")
    assert "not a medical device" in (folder / "report.html").read_text("utf-8").lower()
    judged = metrics["evaluation"]["held_out"]
    assert card["evaluation"]["part"] == "held_out"
    assert card["evaluation"]["step_auroc"] == judged["step_auroc"] > 0.5
    assert card["evaluation"]["alerts"]["recall"] == judged["alerts"]["recall"] > 0
    for sentence in card["evaluation"]["in_words"]:
        assert sentence in (folder / "card.md").read_text("utf-8")


@every_model
def test_whole_stays_and_single_steps_give_the_same_bits(folder: Path) -> None:
    model = open_model(folder)
    value, age = random_rows(model.settings, beds=4, steps=30)
    hidden = model.initial_hidden(len(value))
    whole, last = model.step(value, age, hidden)
    for step in range(value.shape[1]):
        risk, hidden = model.step(value[:, step : step + 1], age[:, step : step + 1], hidden)
        np.testing.assert_array_equal(risk[:, 0], whole[:, step])
    np.testing.assert_array_equal(hidden, last)
    assert ((whole > 0) & (whole < 1)).all()
    assert len(np.unique(whole)) > whole.size / 2  # it looks at what it is given


def random_rows(settings: Settings, beds: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Values within the limits of the catalogue, a third of them missing, with ages."""
    random = np.random.default_rng(5)
    low, high = np.array([signal(name).limits for name in settings.channels]).T
    shape = (beds, steps, len(low))
    value = random.uniform(low, high, shape).astype(np.float32)
    age = random.uniform(0, 12, shape).astype(np.float32)
    missing = random.random(shape) < 1 / 3
    value[missing] = age[missing] = np.nan
    return value, age


@every_model
def test_the_settings_in_it_are_the_shipped_ones_of_its_name(folder: Path) -> None:
    """So one command makes it again."""
    assert open_model(folder).settings == Settings.from_toml(settings_file(folder.name))


@every_model
def test_one_documented_command_makes_it_again(folder: Path) -> None:
    target = f"models/{folder.name}"
    plan = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    steps = re.findall(r"bin/vitals (train|tune|evaluate) (\S+) ", plan)
    assert steps == [("train", f"settings/{folder.name}.toml"), ("tune", target), ("evaluate", target)]
    assert f"--out {target}" in plan
    page = (ROOT / "models" / "README.md").read_text("utf-8")
    assert target in page
    assert f"| `{folder.name}` |" in page
    budget = re.search(r"--max-alerts (\d+)/100pd", plan)
    assert budget
    assert f"{budget[1]} alarms per 100 patient-days" in page


def test_the_wheel_carries_them() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    for name in ("models", "settings"):
        assert wheel["force-include"][name] == f"vitals/{name}"
        # where the wheel puts them is the first place that is looked at
        assert shipped_module._TOPS[0] / name == ROOT / "vitals" / name


@every_model
@pytest.mark.parametrize("before", ["", "models/"])
def test_a_name_is_enough_wherever_one_stands(
    folder: Path, before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = before + folder.name
    assert find_model(asked) == folder
    assert vitals.open_model(asked).digest == open_model(folder).digest
    assert find_policy(asked) == find_policy(folder)


def test_what_lies_there_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = MODELS[0].name
    (tmp_path / name).mkdir()
    assert find_model(name) == Path(name)
    with pytest.raises(ModelError, match=r"model\.onnx"):
        open_model(name)


@pytest.mark.parametrize("asked", ["sepsis-none", "elsewhere/{}", "{}/model.onnx"])
def test_another_name_is_answered_with_the_shipped_ones(
    asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="these are shipped: .*" + re.escape(MODELS[-1].name)):
        open_model(asked.format(MODELS[0].name))


def test_without_shipped_models_the_cure_names_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shipped_module, "_TOPS", (tmp_path,))
    assert shipped_models() == {}
    with pytest.raises(ModelError, match=r"check the path$"):
        open_model(MODELS[0].name)


def test_a_policy_is_not_tuned_into_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor into whatever folder one stands in."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=f"copy it first: cp -r {re.escape(str(MODELS[0]))} "):
        vitals.flows.tune(Path(MODELS[0].name), tmp_path / "cohort")
    assert list(tmp_path.iterdir()) == []


def test_the_shelf_says_what_the_cards_say() -> None:
    found = shelf()
    assert list(found) == [folder.name for folder in MODELS]
    for folder in MODELS:
        facts, settings = found[folder.name], open_model(folder).settings
        judged = json.loads((folder / "metrics.json").read_text("utf-8"))["evaluation"]["held_out"]
        assert facts["outcome"] == settings.label.kind
        assert facts["signals"] == len(settings.signals)
        assert facts["bytes"] == (folder / "model.onnx").stat().st_size
        assert facts["step_auroc"] == judged["step_auroc"]
        assert facts["recall"] == judged["alerts"]["recall"]


def test_a_model_that_was_not_judged_is_on_the_shelf_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(MODELS[0], tmp_path / "models" / "new")
    card = tmp_path / "models" / "new" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text("utf-8")) | {"evaluation": None}))
    monkeypatch.setattr(shipped_module, "_TOPS", (tmp_path,))
    assert shelf()["new"]["step_auroc"] is None
