"""Training: whole stays, a weighted cross-entropy, a one-cycle schedule, and the weights of the best epoch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vitals.errors import DataError
from vitals.learning.batches import Sequences, whole_stays
from vitals.learning.course import Course, Lessons, refuse_divergence
from vitals.learning.distributed import device, join, leads, rank, share_of_stays, total
from vitals.learning.encoder import Scale
from vitals.learning.ensemble import Ensemble
from vitals.learning.network import Network
from vitals.learning.pieces import run
from vitals.learning.pretrain import pretrain
from vitals.learning.tasks import Tasks
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Int64

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Epoch:
    """One pass of one member of an ensemble: mean loss on the training and on the validation part."""

    number: int
    train_loss: float
    validation_loss: float
    member: int = 1


def fit(
    settings: Settings,
    scale: Scale,
    data: Sequences,
    parts: dict[str, Int64],
    progress: Progress | None = None,
    after_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[Network, list[Epoch]]:
    """Train a network, on the graphics card where there is one, and with the other processes under ``torchrun``.

    Args:
        settings: the network's shape and how it is trained.
        scale: of the training part.
        data: sequences of all parts.
        parts: stays of ``"train"`` and ``"validation"``, and of ``"pretrain"`` where others than the training part may
            be looked at without their labels.
        progress: told the batches done, those to do, and the losses so far.
        after_epoch: called with every epoch; what it raises ends the training.

    Returns:
        The network with the weights of its best validation epoch, or of the last as ``keep`` says, on the processor, and
        what each epoch came to.

    Raises:
        DataError: a part without a stay, or training rows of one class only.
        DivergenceError: the loss is no longer a number.
    """  # fmt: skip
    refuse_nothing_to_learn(data, parts)
    join()
    training, tell = settings.training, progress if progress and leads() else _silent
    network, tasks, rng = _begin(settings, scale)
    if training.pretrain_epochs:
        unlabelled = Lessons(settings, scale, data, parts.get("pretrain", parts["train"]), rng)
        pretrain(network, tasks, unlabelled, training, tell)
    lessons = Lessons(settings, scale, data, parts["train"], rng)
    course = Course([*network.parameters(), *tasks.parameters()], training, training.epochs, lessons.steps)
    # the mean of the weights of the last batches generalises better than the weights after any one of them
    decay = math.exp(-1 / max(training.average * lessons.steps, 1e-9))
    mean = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]
    averaged = cast(Network, mean.module)
    history: list[Epoch] = []
    best = copy.deepcopy(network.state_dict())
    for number in range(1, training.epochs + 1):
        losses = []
        for i, (seen, clean) in enumerate(lessons.epoch()):
            losses.append(course.step(tasks.terms(network, seen, clean)))
            mean.update_parameters(network)
            done = (number - 1) * lessons.steps + i + 1
            tell(done, training.epochs * lessons.steps, f"epoch {number}/{training.epochs}")
        refuse_divergence(f"epoch {number}", losses[-1])
        history.append(Epoch(number, float(np.mean(losses)), validation_loss(averaged, data, parts["validation"])))
        best_yet = min(history, key=lambda epoch: epoch.validation_loss)
        if best_yet.number == number or training.keep == "last":
            best = copy.deepcopy(averaged.state_dict())
        if after_epoch:
            after_epoch(history[-1])
        if training.keep == "best" and number - best_yet.number >= training.patience:
            break
    network.load_state_dict(best)
    return network.eval().cpu(), history


def _begin(settings: Settings, scale: Scale) -> tuple[Network, Tasks, np.random.Generator]:
    """A network and its tasks with weights from the seed, where they will be trained."""
    seed = settings.training.seed
    torch.manual_seed(seed)
    network = Network(settings)
    network.encoder.load(scale)
    tasks = Tasks(settings)
    if rank():
        torch.manual_seed(seed + rank() * 1_000_003)  # the same weights everywhere, but not the same units dropped
    return network.to(device()), tasks.to(device()), np.random.default_rng(seed)


def _silent(done: int, todo: int, text: str) -> None:
    """Progress that nobody asked for."""


def refuse_nothing_to_learn(data: Sequences, parts: dict[str, Int64]) -> None:
    """Refuse what no learner could learn from.

    Raises:
        DataError: a part without a stay, or training rows of one class only.
    """
    for part in ("train", "validation"):
        if not len(parts[part]):
            raise DataError(f"part {part}", "no stay", "at least one", "bring more patients or change [split]")
    used = np.concatenate([data.target[data.start[s] : data.start[s + 1]] for s in parts["train"]])
    if used.min() == used.max():
        raise DataError(
            "part train", f"only rows labelled {used.min():.0f}", "rows before an onset and others",
            "check [label] kind and horizon against the cohort's outcomes",
        )  # fmt: skip


def validation_loss(network: Network | Ensemble, data: Sequences, stays: Int64, size: int = 256) -> float:
    """Mean loss over all rows of these stays, of which each process judges its share."""
    network.eval()
    of, where = [0.0, 0.0], device()
    with torch.no_grad():
        for batch in whole_stays(data, share_of_stays(stays), size):
            batch = batch.to(where)
            loss = binary_cross_entropy_with_logits(run(network, batch), batch.target, batch.weight, reduction="sum")
            of = [of[0] + float(loss), of[1] + float(batch.weight.sum())]
    loss_of_all, weight = total(torch.tensor(of, dtype=torch.float64, device=where)).tolist()
    return float(loss_of_all / max(weight, 1e-9))


def logits(network: Network | Ensemble, data: Sequences, stays: Int64, size: int = 256) -> Float32:
    """Logits of all rows of these stays, one stay after the other, ``(sum of lengths,)``."""
    network.eval()
    out: list[Float32] = [np.zeros(0, np.float32)]
    with torch.no_grad():
        for batch in whole_stays(data, stays, size):
            rows = [row[:n] for row, n in zip(run(network, batch).numpy(), batch.length, strict=True)]
            out += [rows[i] for i in np.argsort(batch.order)]
    return np.concatenate(out)
