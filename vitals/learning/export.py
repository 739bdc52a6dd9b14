"""A trained network to the bytes of one ONNX file. Whether it may be written is decided by the parity gate."""

from __future__ import annotations

import io
import json
import warnings
from typing import Any

import onnx
import torch
from torch import Tensor, nn

import vitals
from vitals.learning.ensemble import Ensemble
from vitals.learning.network import Network
from vitals.learning.trees import TREES, Trees
from vitals.spec.modelfile import FORMAT, INPUTS, METADATA, OUTPUTS, channel_table
from vitals.spec.settings import Settings

OPSET = 17


class _Graph(nn.Module):
    """What the file computes: risk, logit and the next state."""

    def __init__(self, network: Network | Ensemble) -> None:
        super().__init__()
        self.network = network

    def forward(self, value: Tensor, age: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logit, hidden = self.network(value, age, hidden)
        return self.network.risk(logit), logit, hidden


def export(network: Network | Ensemble, settings: Settings, about: dict[str, Any]) -> bytes:
    """The network as an ONNX file with dynamic beds and steps, its settings and digests in the metadata.

    The older TorchScript exporter is used on purpose: the newer one has been seen to write a GRU that is silently
    wrong (pytorch/pytorch#189225).

    Args:
        network: trained and calibrated.
        settings: stored whole, so that a scorer needs nothing else.
        about: digests and counts to store beside them; must survive JSON.
    """
    # eval on the wrapper itself: the exporter puts a module back into the mode it came in, dropout and all
    graph = _Graph(network).eval()
    value = torch.zeros(2, 3, len(settings.channels))
    buffer: Any = io.BytesIO()  # the exporter takes one, though its types name paths alone
    trees = any(isinstance(module, Trees) for module in network.modules())
    beds, steps = {0: "beds"}, {0: "beds", 1: "steps"}
    with warnings.catch_warnings():
        # the exporter warns that it is the older one and that the batch must not vary; the gate checks that it may
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph, (value, torch.zeros_like(value), torch.zeros(2, network.hidden_size)), buffer,
            dynamo=False, opset_version=OPSET, input_names=[*INPUTS], output_names=[*OUTPUTS],
            dynamic_axes={"value": steps, "age": steps, "hidden": beds, "risk": steps, "logit": steps, "hidden_out": beds},
            custom_opsets={TREES: 3} if trees else None, autograd_inlining=False,  # trees are one operator, not what PyTorch does for them
        )  # fmt: skip
    model = onnx.load_from_string(buffer.getvalue())
    # in the order of the settings, never sorted: the order of the signals is the order of the columns
    ours = {"format": FORMAT, "settings": settings.to_tables(), "channels": channel_table(settings)}
    unseen = [name for name, seen in zip(settings.channels, network.encoder.seen.tolist(), strict=True) if not seen]
    text = json.dumps({**ours, "unseen": unseen, **about})
    model.metadata_props.add(key=METADATA, value=text)
    model.producer_name, model.producer_version = "vitals", vitals.__version__
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
