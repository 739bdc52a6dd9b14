"""What happens to rows at the bedside, made to happen while training: lost probes, errors, late charts, late starts.

Everything acts on signals, never on demographics, and looks at rows before a row, never at rows after it. Draws come
from the generator that is passed; a chance of 0 draws nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vitals.learning.batches import Batch
from vitals.learning.encoder import Scale
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Int64


@dataclass(frozen=True)
class Augmentation:
    """How rows are changed while a network is fitted; validation and export see them as they are.

    Attributes:
        settings: chances and sizes under ``[training]``.
        spread: standard deviation of each signal in clinical units, ``(S,)``; 0 for one that training never saw.
    """

    settings: Settings
    spread: Float32

    @classmethod
    def of(cls, settings: Settings, scale: Scale) -> Augmentation:
        """The augmentation of these settings, with spreads of the training part."""
        return cls(settings, (scale.std * scale.seen)[: len(settings.signals)])

    def __call__(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """A batch as it might have been charted: first with errors, then late, then without some signals."""
        training, step = self.settings.training, self.settings.window.step.hours
        if training.noise > 0:
            batch = misread(batch, training.noise * self.spread, step, rng)
        if training.time_shift > 0:
            batch = chart_late(batch, training.time_shift, len(self.spread), rng)
        if training.channel_dropout > 0:
            batch = lose_signals(batch, training.channel_dropout, len(self.spread), rng)
        return batch


def misread(batch: Batch, sizes: Float32, step: float, rng: np.random.Generator) -> Batch:
    """Add a normal error to every measurement; while a value is carried forward it keeps the error it was made with.

    Args:
        batch: rows in clinical units.
        sizes: standard deviation of the error of each signal, ``(S,)``.
        step: hours of a step; a value younger than that was measured in its row's step.
        rng: draws the errors.
    """
    signals, age = len(sizes), batch.age[..., : len(sizes)].numpy()
    drawn = rng.standard_normal(age.shape, np.float32)
    # the row in which the value of each row was measured: the latest one with a fresh value, or else the first row
    fresh = np.where(age < step, np.arange(age.shape[1], dtype=np.int64)[:, None], 0)
    made = np.maximum.accumulate(fresh, axis=1)
    error = np.take_along_axis(drawn, made, axis=1) * sizes
    value = batch.value.clone()
    value[..., :signals] += torch.from_numpy(error)  # what is unknown is NaN and stays so
    return replace(batch, value=value)


def chart_late(batch: Batch, chance: float, signals: int, rng: np.random.Generator) -> Batch:
    """Let signals of a stay come one step late throughout, each with this chance.

    A row then knows of the signal what the row before knew, as fresh as it was there: what is charted late is stamped
    late too. The first row knows nothing.

    Args:
        batch: rows in clinical units.
        chance: for each signal of each stay.
        signals: how many channels are signals; those after them are demographics.
        rng: decides which signals are late.
    """
    late = torch.from_numpy(rng.random((batch.value.shape[0], 1, signals)) < chance)
    value, age = (_a_row_later(column[..., :signals]) for column in (batch.value, batch.age))
    return _with_signals(batch, late, value, age)


def lose_signals(batch: Batch, chance: float, signals: int, rng: np.random.Generator) -> Batch:
    """Take a signal away from a stay altogether, each with this chance: a lost probe is normal at the bedside.

    Args:
        batch: rows in clinical units.
        chance: for each signal of each stay.
        signals: how many channels are signals; those after them are demographics.
        rng: decides which are lost.
    """
    beds, _, channels = batch.value.shape
    lost = torch.from_numpy(rng.random((beds, 1, channels)) < chance)[..., :signals]
    nothing = torch.full_like(batch.value[..., :signals], torch.nan)
    return _with_signals(batch, lost, nothing, nothing)


def start_later(start: Int64, length: Int64, chance: float, rng: np.random.Generator) -> tuple[Int64, Int64]:
    """Let stretches begin at a random row of theirs, each with this chance; at least their last row remains.

    Args:
        start: first row of each stretch, ``(n,)``.
        length: rows of each, ``(n,)``.
        chance: for each stretch.
        rng: decides which, and where they begin.

    Example:
        >>> start, length = start_later(np.array([0, 9]), np.array([9, 1]), 1.0, np.random.default_rng(1))
        >>> (start + length).tolist(), int(start[1])
        ([9, 10], 9)
    """
    if chance <= 0:
        return start, length
    skipped = np.where(rng.random(len(start)) < chance, rng.integers(0, np.maximum(length, 1)), 0)
    return start + skipped, length - skipped


def _a_row_later(column: Tensor) -> Tensor:
    """``(N, T, S)``: each row holds the one before, the first is unknown."""
    unknown = torch.full_like(column[:, :1], torch.nan)
    return torch.cat([unknown, column[:, :-1]], 1)


def _with_signals(batch: Batch, where: Tensor, value: Tensor, age: Tensor) -> Batch:
    """The batch with other signals where ``where`` says so, ``(N, 1, S)``, and the demographics it had."""
    signals = where.shape[-1]
    new = []
    for column, other in ((batch.value, value), (batch.age, age)):
        changed = torch.where(where, other, column[..., :signals])
        new.append(torch.cat([changed, column[..., signals:]], -1))
    return replace(batch, value=new[0], age=new[1])
