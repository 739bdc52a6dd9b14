"""The network behind an ONNX file: training keeps no PyTorch weights, so they are read back from the graph."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from vitals.learning.export import export
from vitals.learning.network import Network
from vitals.learning.recurrent import Bounded
from vitals.scoring.model import Model

# Where PyTorch's gates (GRU: r z n, LSTM: i f g o) stand among those of ONNX (z r h; i o f c).
GATES = {"GRU": [1, 0, 2], "LSTM": [0, 2, 3, 1]}
SCALES = {"Max": "low", "Min": "high", "Sub": "mean", "Div": "std", "Or": "seen"}

Constants = dict[str, list[list[np.ndarray]]]


def network_of(content: bytes, model: Model) -> Network:
    """Build the network of ``model``'s settings and fill it with the weights in ``content``, its file."""
    given = _constants(content)
    network = Network(model.settings).eval()
    recurrent = network.memory.inner if isinstance(network.memory, Bounded) else network.memory
    weights = [matrix for (matrix,) in given["MatMul"]]
    added = [value for (value,) in given["Add"]]
    biases, (intercept,) = [value for value in added if value.ndim], [value for value in added if not value.ndim]
    linears = [recurrent.embed[0], network.head[1], network.head[3]]
    with torch.no_grad():
        for linear, weight, bias in zip(linears, weights, biases, strict=True):
            _fill(linear.weight, weight.T)
            _fill(linear.bias, bias)
        for op, gates in GATES.items():
            for layer, (inputs, states, both) in enumerate(given[op]):
                _fill_layer(recurrent.cell, layer, gates, (inputs[0], states[0], *np.split(both[0], 2)))
        for op, name in SCALES.items():
            ((value,),) = given[op]
            _fill(getattr(network.encoder, name), ~value if op == "Or" else value)
        ((slope,),) = given["Mul"]
        _fill(network.slope, slope)
        _fill(network.intercept, intercept)
    return network


def same_graph(network: Network, model: Model, content: bytes) -> bool:
    """Whether exporting the network again gives the same graph, weights and all: then it is the one that was trained.

    The metadata is not compared: a setting that a later version adds appears there, and changes no risk.
    """
    graphs = [onnx.load_from_string(file).graph for file in (content, export(network, model.settings, {}))]
    first, again = (graph.SerializeToString(deterministic=True) for graph in graphs)
    return bool(first == again)


def _constants(content: bytes) -> Constants:
    """The stored tensors that each kind of operator reads, in the order of the graph."""
    graph = onnx.load_from_string(content).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    given: Constants = defaultdict(list)
    for node in graph.node:
        if tensors := [stored[name] for name in node.input if name in stored]:
            given[node.op_type].append(tensors)
    return given


def _fill_layer(cell: torch.nn.Module, layer: int, gates: list[int], tensors: tuple[np.ndarray, ...]) -> None:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    for name, tensor in zip(names, tensors, strict=True):
        parts = np.split(tensor, len(gates))
        _fill(getattr(cell, f"{name}_l{layer}"), np.concatenate([parts[gate] for gate in gates]))


def _fill(target: torch.Tensor, value: np.ndarray) -> None:
    if tuple(value.shape) != tuple(target.shape):
        raise ValueError(f"a tensor of shape {value.shape} where {tuple(target.shape)} belongs")
    target.copy_(torch.from_numpy(np.array(value, np.float32)))
