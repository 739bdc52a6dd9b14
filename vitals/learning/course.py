"""The course of a training: which batches come, what each step changes, and how the learning rate rises and falls."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from vitals.errors import DataError
from vitals.learning.augment import Augmentation, start_later
from vitals.learning.batches import Batch, Sequences, batches, crops
from vitals.learning.distributed import add_gradients, device, share, total
from vitals.learning.encoder import Scale
from vitals.learning.tasks import Term
from vitals.spec.learning import Training
from vitals.spec.settings import Settings
from vitals.windowing.types import Int64


class DivergenceError(DataError):
    """A loss that is no longer a number."""


def refuse_divergence(where: str, loss: float) -> None:
    """Stop a training that has gone astray.

    Raises:
        DivergenceError: the loss is not finite.
    """
    if not math.isfinite(loss):
        raise DivergenceError(where, f"a loss of {loss}", "a loss that falls", "lower [training] learning_rate")


class Lessons:
    """The batches of one epoch after another: stretches cut anew, in a new order, augmented anew.

    Several processes draw the same and each keeps its share.

    Attributes:
        steps: batches of an epoch.
    """

    def __init__(
        self, settings: Settings, scale: Scale, data: Sequences, stays: Int64, rng: np.random.Generator
    ) -> None:
        training = settings.training
        self._training, self._data, self._stays, self._rng = training, data, stays, rng
        self._longest = 0 if training.crop.whole_stay else max(int(training.crop) // int(settings.window.step), 1)
        self._augment = Augmentation.of(settings, scale)
        self._device = device()
        self.steps = -(-len(crops(data, stays, self._longest, rng)[0]) // training.batch_stays)

    def epoch(self) -> Iterator[tuple[Batch, Batch]]:
        """Each batch as the network sees it, and as it was."""
        training, rng = self._training, self._rng
        start, length = crops(self._data, self._stays, self._longest, rng)
        start, length = start_later(start, length, training.history_start, rng)
        for clean in batches(start, length, self._data, training.batch_stays, rng):
            seen = self._augment(clean, rng)
            yield share(seen).to(self._device), share(clean).to(self._device)


class Course:
    """AdamW under a one-cycle schedule, for a number of epochs that is known from the start."""

    def __init__(self, parameters: Sequence[nn.Parameter], training: Training, epochs: int, steps: int) -> None:
        self._parameters = list(parameters)
        self._optimiser = torch.optim.AdamW(
            self._parameters, training.learning_rate, weight_decay=training.weight_decay
        )  # fmt: skip
        self._cycle = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, training.learning_rate, epochs=epochs, steps_per_epoch=steps
        )

    def step(self, terms: Sequence[Term]) -> float:
        """Change the weights once, and give the mean that the first of the terms is, over all processes."""
        self._optimiser.zero_grad()
        weights = total(torch.stack([term.weight for term in terms])).clamp_min(1e-9)
        means = [term.total / weight for term, weight in zip(terms, weights, strict=True)]
        torch.stack([term.factor * mean for term, mean in zip(terms, means, strict=True)]).sum().backward()  # type: ignore[no-untyped-call]
        add_gradients(self._parameters)
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimiser.step()
        self._cycle.step()
        return float(total(means[0].detach()))
