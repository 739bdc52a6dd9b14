"""Training: whole stays, a weighted cross-entropy, a one-cycle schedule, and the weights of the best epoch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, pad
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vitals.errors import DataError
from vitals.learning.batches import Batch, Sequences, batches, crops, lose_channels, whole_stays
from vitals.learning.encoder import Scale
from vitals.learning.network import Network
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Int64

Progress = Callable[[int, int, str], None]
_PIECE = 24  # steps that go through the network at once while training


@dataclass(frozen=True)
class Epoch:
    """One pass: mean loss on the training and on the validation part."""

    number: int
    train_loss: float
    validation_loss: float


def fit(
    settings: Settings, scale: Scale, data: Sequences, parts: dict[str, Int64], progress: Progress | None = None
) -> tuple[Network, list[Epoch]]:
    """Train a network.

    Args:
        settings: the network's shape and how it is trained.
        scale: of the training part.
        data: sequences of all parts.
        parts: stays of ``"train"`` and ``"validation"``.
        progress: told the batches done, those to do, and the losses so far.

    Returns:
        The network with the weights of its best validation epoch, and what each epoch came to.

    Raises:
        DataError: a part without a stay, training rows of one class only, or a training that diverges.
    """
    _refuse_nothing_to_learn(data, parts)
    training = settings.training
    torch.manual_seed(training.seed)
    rng = np.random.default_rng(training.seed)
    network = Network(settings)
    network.encoder.load(scale)
    longest = 0 if training.crop.whole_stay else max(int(training.crop) // int(settings.window.step), 1)
    steps = -(-len(crops(data, parts["train"], longest, rng)[0]) // training.batch_stays)
    optimiser = torch.optim.AdamW(network.parameters(), training.learning_rate, weight_decay=training.weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, training.learning_rate, epochs=training.epochs, steps_per_epoch=steps
    )
    # the mean of the weights of the last batches generalises better than the weights after any one of them
    decay = math.exp(-1 / max(training.average * steps, 1e-9))
    mean = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]
    averaged = cast(Network, mean.module)
    history: list[Epoch] = []
    best = copy.deepcopy(network.state_dict())
    for number in range(1, training.epochs + 1):
        losses = []
        stretches = crops(data, parts["train"], longest, rng)
        for i, batch in enumerate(batches(*stretches, data, training.batch_stays, rng)):
            losses.append(_learn(network, optimiser, lose_channels(batch, training.channel_dropout, rng)))
            cycle.step()
            mean.update_parameters(network)
            if progress:
                progress((number - 1) * steps + i + 1, training.epochs * steps, f"epoch {number}/{training.epochs}")
        if not math.isfinite(losses[-1]):
            raise DataError(
                f"epoch {number}", f"a loss of {losses[-1]}", "a loss that falls", "lower [training] learning_rate"
            )
        history.append(Epoch(number, float(np.mean(losses)), validation_loss(averaged, data, parts["validation"])))
        best_yet = min(history, key=lambda epoch: epoch.validation_loss)
        if best_yet.number == number:
            best = copy.deepcopy(averaged.state_dict())
        if number - best_yet.number >= training.patience:
            break
    network.load_state_dict(best)
    return network.eval(), history


def _refuse_nothing_to_learn(data: Sequences, parts: dict[str, Int64]) -> None:
    for part in ("train", "validation"):
        if not len(parts[part]):
            raise DataError(f"part {part}", "no stay", "at least one", "bring more patients or change [split]")
    used = np.concatenate([data.target[data.start[s] : data.start[s + 1]] for s in parts["train"]])
    if used.min() == used.max():
        raise DataError(
            "part train", f"only rows labelled {used.min():.0f}", "rows before an onset and others",
            "check [label] kind and horizon against the cohort's outcomes",
        )  # fmt: skip


def run(network: Network, batch: Batch) -> Tensor:
    """Logits of a batch, ``(N, T)``, 0 beyond the end of a stretch.

    Time is cut into pieces, and only the stretches that reach a piece go through it: what a batch costs is close to its
    rows, not to N times its longest stretch. The network's contract makes that the same as one call with everything.
    """
    many, steps = batch.target.shape
    hidden, pieces = torch.zeros(many, network.hidden_size), []
    for begin in range(0, steps, _PIECE):
        n = int((batch.length > begin).sum())
        piece = slice(begin, begin + _PIECE)
        logit, hidden = network(batch.value[:n, piece], batch.age[:n, piece], hidden[:n])
        pieces.append(pad(logit, (0, 0, 0, many - n)))
    return torch.cat(pieces, 1) if pieces else batch.target


def _loss(network: Network, batch: Batch) -> tuple[Tensor, Tensor]:
    logit = run(network, batch)
    loss = binary_cross_entropy_with_logits(logit, batch.target, batch.weight, reduction="sum")
    return loss, batch.weight.sum()


def _learn(network: Network, optimiser: torch.optim.Optimizer, batch: Batch) -> float:
    network.train()
    optimiser.zero_grad()
    loss, weight = _loss(network, batch)
    mean = loss / weight.clamp_min(1e-9)
    mean.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return float(mean.detach())


def validation_loss(network: Network, data: Sequences, stays: Int64, size: int = 256) -> float:
    """Mean loss over all rows of these stays."""
    network.eval()
    total = weight = 0.0
    with torch.no_grad():
        for batch in whole_stays(data, stays, size):
            loss, of = _loss(network, batch)
            total, weight = total + float(loss), weight + float(of)
    return total / max(weight, 1e-9)


def logits(network: Network, data: Sequences, stays: Int64, size: int = 256) -> Float32:
    """Logits of all rows of these stays, one stay after the other, ``(sum of lengths,)``."""
    network.eval()
    out: list[Float32] = [np.zeros(0, np.float32)]
    with torch.no_grad():
        for batch in whole_stays(data, stays, size):
            rows = [row[:n] for row, n in zip(run(network, batch).numpy(), batch.length, strict=True)]
            out += [rows[i] for i in np.argsort(batch.order)]
    return np.concatenate(out)
