"""The parity gate: a model file is written only if it says what the network says, whole and step by step."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch

from vitals.errors import ModelError
from vitals.learning.batches import Batch, Sequences, batch_of
from vitals.learning.ensemble import Ensemble
from vitals.learning.network import Network
from vitals.scoring.model import Model
from vitals.windowing.types import Float32, Int64

TOLERANCE = 1e-5


@dataclass(frozen=True)
class Parity:
    """Largest differences between risks, over ``rows`` rows of ``stays`` stays.

    Attributes:
        stays: compared.
        rows: compared.
        torch_onnx: PyTorch over whole stays against ONNX Runtime over whole stays.
        torch_step: PyTorch step by step against ONNX Runtime over whole stays.
        onnx_step_bits: risks whose bits differ between ONNX Runtime over whole stays and step by step.
    """

    stays: int
    rows: int
    torch_onnx: float
    torch_step: float
    onnx_step_bits: int

    @property
    def holds(self) -> bool:
        """Whether the law holds."""
        return max(self.torch_onnx, self.torch_step) <= TOLERANCE and self.onnx_step_bits == 0


def measure_parity(
    network: Network | Ensemble, model: Model, data: Sequences, stays: Int64, block: int = 251
) -> Parity:
    """Compare the four ways of computing a risk.

    Args:
        network: the trained network.
        model: the exported file, opened.
        data: sequences.
        stays: which to compare; they are taken by length, so that little is padded.
        block: stays at a time; an odd number, since an operator that treats the end of an array differently shows only then.
    """
    stays = stays[np.argsort(data.length[stays], kind="stable")]
    whole = step = 0.0
    bits = rows = 0
    for at in range(0, len(stays), block):
        some = stays[at : at + block]
        batch = batch_of(data, data.start[some], data.length[some])
        inside = _inside(batch.length)
        onnx = _onnx_whole(model, batch)[inside]
        whole = max(whole, _largest(_torch_whole(network, batch)[inside], onnx))
        step = max(step, _largest(_torch_step(network, batch)[inside], onnx))
        bits += int((_onnx_step(model, batch)[inside].view(np.uint32) != onnx.view(np.uint32)).sum())
        rows += int(inside.sum())
    return Parity(len(stays), rows, whole, step, bits)


def require_parity(parity: Parity, where: str) -> dict[str, float | int]:
    """The measured differences, or a refusal.

    Raises:
        ModelError: the file does not say what the network says.
    """
    if not parity.holds:
        raise ModelError(
            where, f"{parity}", f"differences up to {TOLERANCE:g} to PyTorch and none between whole and stepwise",
            "nothing was written; report the versions of torch and onnxruntime",
        )  # fmt: skip
    return asdict(parity)


def _largest(one: Float32, other: Float32) -> float:
    """The largest difference; one that is no number counts as infinite, since it would pass every comparison."""
    difference = np.abs(one - other)
    return float(np.where(np.isfinite(difference), difference, np.inf).max(initial=0))


def _inside(length: Int64) -> np.ndarray:
    return np.arange(length.max(initial=0)) < length[:, None]


def _onnx_whole(model: Model, batch: Batch) -> Float32:
    return model.step(batch.value.numpy(), batch.age.numpy(), model.initial_hidden(len(batch.value)))[0]


def _onnx_step(model: Model, batch: Batch) -> Float32:
    hidden, out = model.initial_hidden(len(batch.value)), []
    for t in range(batch.value.shape[1]):
        value, age = batch.value[:, t : t + 1].numpy(), batch.age[:, t : t + 1].numpy()
        risk, hidden = model.step(np.ascontiguousarray(value), np.ascontiguousarray(age), hidden)
        out.append(risk)
    return np.concatenate(out, 1)


def _torch_whole(network: Network | Ensemble, batch: Batch) -> Float32:
    with torch.no_grad():
        logit, _ = network(batch.value, batch.age, torch.zeros(len(batch.value), network.hidden_size))
        risk: Float32 = network.risk(logit).numpy()
    return risk


def _torch_step(network: Network | Ensemble, batch: Batch) -> Float32:
    hidden, out = torch.zeros(len(batch.value), network.hidden_size), []
    with torch.no_grad():
        for t in range(batch.value.shape[1]):
            logit, hidden = network(batch.value[:, t : t + 1], batch.age[:, t : t + 1], hidden)
            out.append(network.risk(logit))
        risk: Float32 = torch.cat(out, 1).numpy()
    return risk
