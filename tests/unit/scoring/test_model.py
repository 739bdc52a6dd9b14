"""Opening models: what is refused, and what an opened one says."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest

from tests.small import random_rows, small_model, small_network, small_settings
from vitals.errors import ModelError
from vitals.learning.export import export
from vitals.scoring.model import open_model, read_model
from vitals.scoring.ward_step import score_rows
from vitals.windowing.types import Rows


@pytest.fixture
def folder(tmp_path):
    settings = small_settings()
    content = export(small_network(settings), settings, {"data_digest": "d"})
    (tmp_path / "model.onnx").write_bytes(content)
    (tmp_path / "run.json").write_text(json.dumps({"model_digest": read_model(content).digest}))
    return tmp_path


def test_a_folder_and_its_file_open_alike(folder):
    """Settings, digest and what training said come from the file."""
    model = open_model(folder)
    assert model.settings == small_settings()
    assert list(model.settings.signals) == list(small_settings().signals)
    assert model.about["data_digest"] == "d"
    assert open_model(folder / "model.onnx").digest == model.digest


def test_nothing_there(tmp_path):
    """A path without a model."""
    with pytest.raises(ModelError, match=r"wanted a model folder with model\.onnx"):
        open_model(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "text", "empty"])
def test_a_damaged_file_is_refused(folder, damage):
    """Cut short, one bit changed, overwritten: never a risk."""
    file = folder / "model.onnx"
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[len(content) // 2] ^= 4
    else:
        content = bytearray(b"not a model" if damage == "text" else b"")
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.onnx"):
        open_model(folder)


def test_a_foreign_onnx_file_is_refused(tmp_path):
    """A valid ONNX file that is no model of ours."""
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    tensor = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "g", tensor[:1], tensor[1:])
    file = tmp_path / "other.onnx"
    file.write_bytes(
        onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
        ).SerializeToString()
    )
    with pytest.raises(ModelError, match="without our metadata"):
        open_model(file)


@pytest.mark.parametrize("metadata", ["{", "[]", '{"format": 99}', '{"format": 1, "settings": {"name": "x"}}'])
def test_metadata_that_cannot_be_meant_is_refused(metadata):
    """Our mark, but nothing usable behind it."""
    settings = small_settings()
    model = onnx.load_from_string(export(small_network(settings), settings, {}))
    del model.metadata_props[:]
    model.metadata_props.add(key="vitals.model", value=metadata)
    with pytest.raises(ModelError, match=r"metadata|settings"):
        read_model(model.SerializeToString())


def test_reordered_channels_are_refused():
    """Settings whose signals were put in another order would feed the columns crosswise."""
    settings = small_settings()
    model = onnx.load_from_string(export(small_network(settings), settings, {}))
    about = json.loads(model.metadata_props[0].value)
    about["settings"]["signals"] = dict(sorted(about["settings"]["signals"].items()))
    model.metadata_props[0].value = json.dumps(about)
    with pytest.raises(ModelError, match=r"channels: came .*heart_rate"):
        read_model(model.SerializeToString())


@pytest.mark.parametrize(
    ("kind", "lookback"),
    [
        ("gru", "stay"), ("lstm", "stay"), ("grud", "stay"), ("tcn", "stay"), ("transformer", "stay"), ("boosting", "stay"),
        ("gru", "4h"), ("lstm", "4h"), ("grud", "4h"),
    ],
)  # fmt: skip
def test_rows_are_scored_as_whole_sequences_are(kind, lookback):
    """Any number of rows a bed, any beds: the bits of one call with the whole sequence."""
    _, model = small_model(kind, lookback)
    lengths = [7, 1, 12, 3, 3]
    rows = random_rows(model.settings, lengths)
    hidden = model.initial_hidden(9)
    beds = np.array([8, 0, 3, 5, 7], np.int32)
    placed = Rows(np.repeat(beds, lengths), rows.time, rows.value, rows.age, rows.reason)
    order = np.argsort(placed.bed, kind="stable")
    risk = score_rows(
        model, hidden, Rows(*(getattr(placed, name)[order] for name in ("bed", "time", "value", "age", "reason")))
    )
    for bed, at, n in zip(beds, np.cumsum([0, *lengths]), lengths, strict=False):
        whole, last = model.step(rows.value[None, at : at + n], rows.age[None, at : at + n], model.initial_hidden(1))
        np.testing.assert_array_equal(risk[placed.bed[order] == bed].view(np.uint32), whole[0].view(np.uint32))
        np.testing.assert_array_equal(hidden[bed], last[0])
    assert not hidden[[1, 2, 4, 6]].any()


def test_a_row_with_a_reason_has_no_risk_but_moves_the_state():
    """Missing data never looks like low risk."""
    _, model = small_model()
    rows = random_rows(model.settings, [4])
    rows.reason[1] = 2
    hidden = model.initial_hidden(1)
    risk = score_rows(model, hidden, rows)
    assert np.isnan(risk).tolist() == [False, True, False, False]
    whole, last = model.step(rows.value[None], rows.age[None], model.initial_hidden(1))
    assert risk[3] == whole[0, 3]
    np.testing.assert_array_equal(hidden, last)


def test_no_rows_no_risks():
    """A tick at which nothing is due."""
    _, model = small_model()
    assert len(score_rows(model, model.initial_hidden(3), random_rows(model.settings, []))) == 0
