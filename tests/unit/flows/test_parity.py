"""The parity gate: it lets a faithful file through and nothing else."""

from __future__ import annotations

import copy
import math
from dataclasses import asdict, replace

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from tests.small import random_rows, small_model, small_network, small_settings
from vitals.errors import ModelError
from vitals.flows.parity import TOLERANCE, Parity, measure_parity, require_parity
from vitals.learning.batches import Sequences
from vitals.learning.export import export
from vitals.learning.network import Network
from vitals.scoring.model import Model, read_model

LENGTHS = [7, 1, 12, 3, 0, 3, 9]
STAYS = np.arange(len(LENGTHS))


def _data() -> Sequences:
    rows = random_rows(small_settings(), LENGTHS)
    none = np.zeros(len(rows), np.float32)
    return Sequences.of(rows, len(LENGTHS), none, none)


def _refused(network: Network, model: Model) -> Parity:
    """What was measured, once it has been made sure that the gate refuses it."""
    measured = measure_parity(network, model, _data(), STAYS, block=3)
    with pytest.raises(ModelError, match=r"^out/model\.onnx: came Parity.*nothing was written"):
        require_parity(measured, "out/model.onnx")
    return measured


@pytest.mark.parametrize(
    ("kind", "lookback"),
    [
        ("gru", "stay"), ("lstm", "stay"), ("grud", "stay"), ("tcn", "stay"), ("transformer", "stay"), ("boosting", "stay"),
        ("gru", "4h"), ("lstm", "4h"), ("grud", "4h"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("block", [1, 3, 251])
def test_a_faithful_file_passes(kind: str, lookback: str, block: int) -> None:
    """Whatever the network and however many stays go together; every row is compared."""
    network, model = small_model(kind, lookback)
    measured = measure_parity(network, model, _data(), STAYS, block)
    figures = require_parity(measured, "model.onnx")
    assert figures == asdict(measured)
    assert (measured.stays, measured.rows) == (len(LENGTHS), sum(LENGTHS))
    assert measured.onnx_step_bits == 0
    assert max(measured.torch_onnx, measured.torch_step) <= TOLERANCE


def test_only_the_stays_asked_for_are_compared() -> None:
    """Twelve rows and three."""
    network, model = small_model()
    measured = measure_parity(network, model, _data(), np.array([2, 3]))
    assert (measured.stays, measured.rows) == (2, 15)


@pytest.mark.parametrize("name", ["head.1.weight", "head.3.bias", "memory.cell.weight_hh_l0", "slope", "encoder.mean"])
def test_one_changed_number_is_refused(name: str) -> None:
    """In any part of the network: head, memory, calibration, scaling."""
    network, model = small_model()
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.state_dict()[name].view(-1)[0] += 1
    measured = _refused(other, model)
    assert measured.torch_onnx > TOLERANCE
    assert measured.torch_step > TOLERANCE
    assert measured.onnx_step_bits == 0  # the file agrees with itself


def _with_nan(network: Network) -> Network:
    broken = copy.deepcopy(network)
    with torch.no_grad():
        broken.head[-1].bias.fill_(math.nan)
    return broken


@pytest.mark.parametrize("where", ["torch", "file", "both"])
def test_a_risk_that_is_no_number_is_refused(where: str) -> None:
    """NaN passes every comparison, so it counts as infinitely far away, also from another NaN."""
    network = small_network(small_settings())
    in_torch = _with_nan(network) if where in ("torch", "both") else network
    in_file = _with_nan(network) if where in ("file", "both") else network
    measured = _refused(in_torch, read_model(export(in_file, small_settings(), {})))
    assert measured.torch_onnx == measured.torch_step == math.inf


def test_a_nan_in_one_weight_of_the_file_is_refused() -> None:
    """Put into the file itself, as a damaged disk or an exporter's bug would."""
    network = small_network(small_settings())
    file = onnx.load_from_string(export(network, small_settings(), {}))
    name = next(tensor.name for tensor in file.graph.initializer if tensor.name.endswith("head.3.bias"))
    place = [tensor.name for tensor in file.graph.initializer].index(name)
    nan = numpy_helper.from_array(np.full(1, np.nan, np.float32), name)
    file.graph.initializer[place].CopyFrom(nan)
    assert _refused(network, read_model(file.SerializeToString())).torch_onnx == math.inf


def test_a_nan_in_some_rows_alone_is_refused() -> None:
    """One row of one stay is enough."""
    network, model = small_model()

    class Session:
        def run(self, names, inputs):
            outputs = model.session.run(names, inputs)
            outputs[0][0, -1] = np.nan
            return outputs

    broken = replace(model, session=Session())
    assert _refused(network, broken).torch_onnx == math.inf


def test_swapped_channels_are_refused() -> None:
    """A file that reads the first two columns crosswise."""
    network = small_network(small_settings())
    file = onnx.load_from_string(export(network, small_settings(), {}))
    for node in file.graph.node:
        for i, name in enumerate(node.input):
            if name == "value":
                node.input[i] = "crosswise"
    order = numpy_helper.from_array(np.array([1, 0, 2, 3, 4], np.int64), "order")
    file.graph.initializer.append(order)
    file.graph.node.insert(0, helper.make_node("Gather", ["value", "order"], ["crosswise"], axis=2))
    onnx.checker.check_model(file)
    assert _refused(network, read_model(file.SerializeToString())).torch_onnx > TOLERANCE


def test_a_file_that_forgets_is_refused() -> None:
    """Right over whole stays, but it gives back the state it was given: step by step it would know one row only."""
    network = small_network(small_settings())
    file = onnx.load_from_string(export(network, small_settings(), {}))
    for node in file.graph.node:
        for i, name in enumerate(node.output):
            if name == "hidden_out":
                node.output[i] = "forgotten"
    file.graph.node.append(helper.make_node("Identity", ["hidden"], ["hidden_out"]))
    measured = _refused(network, read_model(file.SerializeToString()))
    assert measured.torch_onnx <= TOLERANCE
    assert measured.onnx_step_bits > 0


@pytest.mark.parametrize(
    ("figures", "holds"),
    [
        ((0.0, 0.0, 0), True),
        ((TOLERANCE, TOLERANCE, 0), True),
        ((2 * TOLERANCE, 0.0, 0), False),
        ((0.0, 2 * TOLERANCE, 0), False),
        ((0.0, 0.0, 1), False),
        ((math.inf, 0.0, 0), False),
        ((0.0, math.inf, 0), False),
    ],
)
def test_the_law(figures: tuple[float, float, int], holds: bool) -> None:
    """Each figure alone can break it."""
    assert Parity(1, 1, *figures).holds is holds
