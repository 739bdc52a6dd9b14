"""Rows in clinical units to features: clipping, scaling and missing values, inside the graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Rows

_CLIP = (0.1, 99.9)  # percentiles of the training part
_AGE_SCALES = (1.0, 12.0)  # hours
_CLOCK_SCALES = (12.0, 48.0)  # hours
_FEWEST = 20  # a channel with fewer values in training is treated as never known


@dataclass(frozen=True)
class Scale:
    """What the training part says of each channel.

    Attributes:
        low: 0.1st percentile, ``(C,)``.
        high: 99.9th percentile, ``(C,)``.
        mean: of the clipped values, ``(C,)``.
        std: of the clipped values, ``(C,)``.
        seen: 1 where training saw the channel, else 0, ``(C,)``.
    """

    low: Float32
    high: Float32
    mean: Float32
    std: Float32
    seen: Float32


def fit_scale(rows: Rows, step_hours: float) -> Scale:
    """Limits, mean and spread of the values measured in the training part (a value carried forward counts once).

    Args:
        rows: the training part's rows.
        step_hours: length of a step; a value younger than that was measured in its row's step.
    """
    channels = rows.value.shape[1]
    low, mean, seen = (np.zeros(channels, np.float32) for _ in range(3))
    high, std = np.zeros(channels, np.float32), np.ones(channels, np.float32)
    first = np.r_[True, rows.bed[1:] != rows.bed[:-1]] if len(rows) else np.zeros(0, bool)
    for c in range(channels):
        fresh = (rows.age[:, c] < step_hours) | (first & np.isfinite(rows.value[:, c]))
        values = rows.value[fresh, c].astype(np.float64)
        if len(values) < _FEWEST:
            continue
        low[c], high[c] = np.percentile(values, _CLIP)
        clipped = np.clip(values, low[c], high[c])
        mean[c], seen[c] = clipped.mean(), 1
        std[c] = clipped.std() if clipped.std() > 1e-6 else 1
    return Scale(low, high, mean, std, seen)


class Encoder(nn.Module):
    """Turns ``value`` and ``age`` into features; a row of which nothing is known becomes zeros.

    Of every channel: the scaled value and whether it is known; of every signal also whether it was measured in this
    step, and its age on a scale of an hour and of half a day; with ``clock``, at the end, the time since admission. A
    channel that training never saw is never known, so what a monitor adds later cannot reach untrained weights.

    Attributes:
        channels: number of channels, C.
        signals: how many of them are signals; the rest are demographics.
        features: number of features, F: scaled and known, C each, then measured and two ages, ``signals`` each.
    """

    low: Tensor
    high: Tensor
    mean: Tensor
    std: Tensor
    seen: Tensor

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.channels, self.signals = len(settings.channels), len(settings.signals)
        self.step_hours, self.clock = settings.window.step.hours, settings.network.clock
        self.features = 2 * self.channels + 3 * self.signals + len(_CLOCK_SCALES) * self.clock
        for name in ("low", "high", "mean", "std", "seen"):
            self.register_buffer(name, torch.ones(self.channels))

    def load(self, scale: Scale) -> None:
        """Take over what the training part says."""
        for name in ("low", "high", "mean", "std", "seen"):
            getattr(self, name).copy_(torch.from_numpy(getattr(scale, name)))

    def forward(self, value: Tensor, age: Tensor) -> Tensor:
        """``(N, T, C)`` each, NaN where nothing is known, to ``(N, T, F)`` without NaN."""
        unknown = torch.isnan(value) | (self.seen == 0)
        nothing = torch.zeros_like(value)
        clipped = torch.minimum(torch.maximum(torch.where(unknown, nothing, value), self.low), self.high)
        scaled = torch.where(unknown, nothing, (clipped - self.mean) / self.std)
        known = torch.where(unknown, nothing, torch.ones_like(value))
        hours = torch.where(unknown, nothing, age)[..., : self.signals]
        known_signal = known[..., : self.signals]
        measured = known_signal * (hours < self.step_hours).to(value.dtype)
        # Ratios, not a logarithm: ONNX Runtime computes Log differently at the end of an array than within it, so a
        # bed's bits would depend on how many beds are scored with it. Addition and division are exact everywhere.
        ages = [known_signal * (hours / (hours + scale)) for scale in _AGE_SCALES]
        clock = self._clock(age) if self.clock else []
        return torch.cat([scaled, known, measured, *ages, *clock], -1)

    def _clock(self, age: Tensor) -> list[Tensor]:
        """The time since admission, as ratios: demographics are samples of that moment, so it is their age."""
        demographic = age[..., self.signals :]
        hours = torch.where(torch.isnan(demographic), torch.zeros_like(demographic), demographic).amax(-1, keepdim=True)
        return [hours / (hours + scale) for scale in _CLOCK_SCALES]
