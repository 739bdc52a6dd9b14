"""What a network is taught of a batch: the objective, and beside it tasks whose heads are never exported."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, huber_loss

from vitals.learning.batches import Batch
from vitals.learning.dropout import Dropout
from vitals.learning.network import Network
from vitals.learning.pieces import run, run_heads
from vitals.spec.settings import Settings


class Term(NamedTuple):
    """A part of the loss: ``factor`` times the mean that ``total`` over ``weight`` is.

    Sum and weight stay apart, so that several processes can add up both before they divide.
    """

    total: Tensor
    weight: Tensor
    factor: float


class Tasks(nn.Module):
    """Heads on the memory's output for further horizons and for the next row; it may have none.

    The next row is foretold as the scaled value of every signal measured in it, and as whether it will be measured.

    Attributes:
        horizons: to logits of the further horizons, ``(N, T, K)``.
        next_row: to the values of the next row's signals and the logits of their being measured, ``(N, T, 2S)``.
    """

    horizons: nn.Module | None
    next_row: nn.Linear | None

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        shape, training = settings.network, settings.training
        self.training_settings, self.step_hours = training, settings.window.step.hours
        self.many = len(training.horizons) if training.horizons_weight > 0 else 0
        self.horizons = self.next_row = None
        if self.many:
            self.horizons = nn.Sequential(
                Dropout(training.dropout_head), nn.Linear(shape.hidden, shape.head), nn.ReLU(),
                nn.Linear(shape.head, self.many),
            )  # fmt: skip
        if training.next_row_weight > 0 or training.pretrain_epochs > 0:
            self.next_row = nn.Linear(shape.hidden, 2 * len(settings.signals))

    def terms(self, network: Network, seen: Batch, clean: Batch) -> list[Term]:
        """The parts of the loss of a batch, the objective first.

        Args:
            network: is put into training mode.
            seen: the batch as the network sees it.
            clean: the same before augmentation: what is to be foretold.
        """
        network.train()
        foretells = self.next_row is not None and self.training_settings.next_row_weight > 0
        heads = [head for head in (self.horizons, self.next_row if foretells else None) if head is not None]
        if not heads:
            return [_cross_entropy(run(network, seen), seen.target, seen.weight, 1.0)]

        def judge(output: Tensor) -> Tensor:
            return torch.cat([network.judge(output).unsqueeze(-1), *(head(output) for head in heads)], -1)

        made, many = run_heads(network, seen, judge), self.many
        terms = [_cross_entropy(made[..., 0], seen.target, seen.weight, 1.0)]
        for k in range(many):
            factor = self.training_settings.horizons_weight / many
            terms.append(_cross_entropy(made[..., 1 + k], seen.further[..., k], seen.further_weight[..., k], factor))
        if foretells:
            weight = self.training_settings.next_row_weight
            terms += next_row_terms(network, made[..., 1 + many :], clean, self.step_hours, weight)
        return terms

    def foretell(self, network: Network, seen: Batch, clean: Batch) -> list[Term]:
        """The parts of the loss of foretelling the next row alone; labels are not used."""
        network.train()
        made = run_heads(network, seen, cast(nn.Linear, self.next_row))
        return next_row_terms(network, made, clean, self.step_hours, 1.0)


def next_row_terms(network: Network, made: Tensor, clean: Batch, step: float, factor: float) -> list[Term]:
    """How far the next row's measurements are from what was foretold, and how well it was foretold which there are.

    Args:
        network: its encoder knows the scale of each signal.
        made: foretold values and logits, ``(N, T, 2S)``; those of a stretch's last row are not judged.
        clean: the rows as they were.
        step: hours of a step; a value younger than that was measured in its row's step.
        factor: weight of both parts.
    """
    value, measured = _measurements(network, clean, step)
    signals, rows = value.shape[-1], value.shape[1]
    foretold, logit = made[:, :-1, :signals], made[:, :-1, signals:]
    length = torch.from_numpy(clean.length).to(made.device)
    inside = (torch.arange(1, rows, device=made.device) < length[:, None]).to(made.dtype)[..., None]
    there = (inside * network.encoder.seen[:signals]).expand_as(logit)
    far = huber_loss(foretold, value[:, 1:], reduction="none") * measured[:, 1:]
    return [
        Term(far.sum(), measured[:, 1:].sum(), factor),
        _cross_entropy(logit, measured[:, 1:], there, factor),
    ]


def _measurements(network: Network, batch: Batch, step: float) -> tuple[Tensor, Tensor]:
    """Scaled values and whether each was measured in its row's step, 0 or 1, ``(N, T, S)`` each."""
    encoder = network.encoder
    signals = encoder.signals
    low, high, mean, std, seen = (
        getattr(encoder, name)[:signals] for name in ("low", "high", "mean", "std", "seen")
    )  # fmt: skip
    value, age = batch.value[..., :signals], batch.age[..., :signals]
    measured = ((age < step) & ~torch.isnan(value)).to(value.dtype) * seen
    scaled = (torch.minimum(torch.maximum(value, low), high) - mean) / std
    return torch.where(measured > 0, scaled, torch.zeros_like(scaled)), measured


def _cross_entropy(logit: Tensor, target: Tensor, weight: Tensor, factor: float) -> Term:
    total = binary_cross_entropy_with_logits(logit, target, weight, reduction="sum")
    return Term(total, weight.sum(), factor)
