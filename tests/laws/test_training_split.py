"""Law 8, split, in training: what is learnt from a part changes only when the patients of that part change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest

from tests.small import small_settings
from tests.strategies import EPOCHS, HOUR
from vitals.cohort.split import parts
from vitals.cohort.store import write_cohort
from vitals.flows.study import Study
from vitals.flows.training import train
from vitals.spec.settings import Settings

STAYS, ROWS = 60, 12
Train = Callable[..., Any]
Tensors = dict[str, bytes]


def write_ward(folder: Path, settings: Settings, changed_part: str) -> Path:
    """Stays that turn septic with a fast heart; the patients of one part have other values and other onsets."""
    random = np.random.default_rng(5)
    subject = np.array([f"p{number:03d}" for number in range(STAYS)])
    changed = parts(settings.split, subject) == changed_part
    septic = np.arange(STAYS) % 2 == 0
    stay = np.repeat(np.arange(STAYS), ROWS)
    hour = np.tile(np.arange(ROWS), STAYS)
    heart = 80 + 40 * (septic[stay] & (hour > 3)) + random.normal(0, 5, len(stay)) + 9 * changed[stay]
    admitted = np.full(STAYS, EPOCHS[0])
    events = pd.DataFrame(
        {
            "stay_id": subject[stay],
            "time": admitted[stay] + (hour + 1) * HOUR,
            "signal": "heart_rate",
            "value": heart.astype(np.float32),
        }
    )
    stays = pd.DataFrame(
        {
            "stay_id": subject,
            "subject_id": subject,
            "site": "A",
            "admitted": admitted,
            "discharged": admitted + ROWS * HOUR,
            "age": random.uniform(20, 90, STAYS) + changed,
        }
    )
    onset = admitted + (10 - changed) * HOUR
    outcomes = pd.DataFrame({"stay_id": subject[septic], "kind": "sepsis", "onset": onset[septic]})
    write_cohort(folder, events, stays, outcomes, source="tests", licence="CC0")
    return folder


def learnt(train: Train, folder: Path, changed_part: str = "none") -> Tensors:
    """Every number in the model file, by name."""
    settings = small_settings()
    train(settings, [write_ward(folder / "cohort", settings, changed_part)], folder / "model")
    graph = onnx.load(folder / "model" / "model.onnx").graph
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor).tobytes() for tensor in graph.initializer}
    for node in graph.node:
        constants = [field.t.SerializeToString() for field in node.attribute if field.HasField("t")]
        tensors[f"constant {node.output[0]}"] = b"".join(constants)
    return tensors


def differing(one: Tensors, two: Tensors) -> set[str]:
    """Names of the numbers that are not the same."""
    assert one.keys() == two.keys()
    return {name for name in one if one[name] != two[name]}


def check_training_split(train: Train, folder: Path) -> None:
    """The held-out part changes nothing, the tuning part the calibration, the validation part no scale."""
    before = learnt(train, folder / "before")
    assert not differing(before, learnt(train, folder / "held_out", "held_out")), "the held-out part was seen"
    by_tuning = differing(before, learnt(train, folder / "tuning", "tuning"))
    assert by_tuning <= {"network.slope", "network.intercept"}, "the tuning part moved more than the calibration"
    by_validation = differing(before, learnt(train, folder / "validation", "validation"))
    assert not {name for name in by_validation if "encoder" in name}, "the validation part moved the scale"
    by_training = differing(before, learnt(train, folder / "train", "train"))
    assert "network.encoder.mean" in by_training
    assert by_tuning, "the calibration does not see the tuning part"


def test_each_part_moves_only_what_is_learnt_from_it(tmp_path: Path) -> None:
    check_training_split(train, tmp_path)


@pytest.mark.parametrize("leak", ["held_out", "tuning", "validation"])
def test_a_leak_into_the_training_part_is_caught(leak: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The patients of another part are trained on as well."""
    honest = Study.stays_of

    def leaky(self: Study, part: str) -> Any:
        found = honest(self, part)
        return np.union1d(found, honest(self, leak)) if part == "train" else found

    monkeypatch.setattr(Study, "stays_of", leaky)
    with pytest.raises(AssertionError):
        check_training_split(train, tmp_path)
