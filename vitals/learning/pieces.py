"""A batch goes through a network in pieces of time, so that short stays cost nothing after their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from vitals.learning.batches import Batch
from vitals.learning.ensemble import Ensemble
from vitals.learning.network import Network
from vitals.windowing.types import Int64

_SHORTEST, _LONGEST = 6, 48  # steps of a piece
_WASTE = 0.85  # a piece ends where fewer than this share of its stays go on
Step = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def run(network: Network | Ensemble, batch: Batch) -> Tensor:
    """Logits of a batch, ``(N, T)``, 0 beyond the end of a stretch.

    Time is cut into pieces, and only the stretches that reach a piece go through it: what a batch costs is close to its
    rows, not to N times its longest stretch. The network's contract makes that the same as one call with everything.
    """
    return _in_pieces(network, network.hidden_size, batch)


def run_heads(network: Network, batch: Batch, heads: Callable[[Tensor], Tensor]) -> Tensor:
    """What ``heads`` make of the memory's output ``(n, t, hidden)``, for a whole batch: ``(N, T, ...)``, 0 beyond."""

    def step(value: Tensor, age: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        output, hidden = network.remember(value, age, hidden)
        return heads(output), hidden

    return _in_pieces(step, network.hidden_size, batch)


def _in_pieces(step: Step, size: int, batch: Batch) -> Tensor:
    many, steps = batch.target.shape
    hidden, made = torch.zeros(many, size, device=batch.value.device), []
    for begin, end, n in _pieces(batch.length, steps):
        piece = slice(begin, end)
        judged, hidden = step(batch.value[:n, piece], batch.age[:n, piece], hidden[:n])
        made.append(pad(judged, [0, 0] * (judged.dim() - 1) + [0, many - n]))
    return torch.cat(made, 1) if made else batch.target


def _pieces(length: Int64, steps: int) -> Iterator[tuple[int, int, int]]:
    """First step, step after the last, and how many stays reach the first, of each piece; lengths fall."""
    reached = np.searchsorted(-length, -np.arange(1, steps + 1), side="right")
    begin = 0
    while begin < steps:
        end = min(begin + _SHORTEST, steps)
        while end < min(begin + _LONGEST, steps) and reached[end] >= _WASTE * reached[begin]:
            end += 1
        yield begin, end, int(reached[begin])
        begin = end
