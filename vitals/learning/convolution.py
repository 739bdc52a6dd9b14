"""A temporal convolutional network: dilated causal convolutions whose state is the rows they still need."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vitals.learning.dropout import Dropout
from vitals.spec.learning import Network as Shape

_TAPS = 3  # rows that one convolution takes in


class _Causal(nn.Module):
    """A convolution over a row and rows before it, ``dilation`` rows apart.

    It is written as one matrix product over the rows side by side: ONNX Runtime gives a product the same bits however
    many rows go through it, which its convolutions do not promise.
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation, self.before = dilation, (_TAPS - 1) * dilation
        self.mix = nn.Linear(_TAPS * width, width)

    def forward(self, rows: Tensor, buffer: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, T, W)`` and the rows before them ``(N, before, W)`` in; ``(N, T, W)`` and the next buffer out."""
        steps = rows.shape[1]
        known = torch.cat([buffer, rows], 1)
        taps = [known[:, tap * self.dilation : tap * self.dilation + steps] for tap in range(_TAPS)]
        return self.mix(torch.cat(taps, -1)), known[:, steps:]


class Convolutions(nn.Module):
    """Residual blocks of two causal convolutions each (Bai et al. 2018, arXiv:1803.01271), dilated 1, 2, 4, ...

    There are as many blocks as a sight of at least ``reach`` rows needs. A layer normalisation before each block takes
    the place of the paper's weight normalisation. Rows before the stay are zeros in every buffer, as in a new bed's state.

    Attributes:
        reach: rows that a row is told from, itself included.
        size: numbers of state a bed needs, H.
    """

    def __init__(self, shape: Shape, features: int, dropout: float, reach: int) -> None:
        super().__init__()
        self.hidden, self.reach = shape.hidden, 1
        dilations: list[int] = []
        while self.reach < reach or not dilations:
            dilations.append(2 ** len(dilations))
            self.reach += 2 * (_TAPS - 1) * dilations[-1]
        self.embed = nn.Sequential(
            nn.Linear(features, shape.embed), nn.ReLU(), Dropout(dropout), nn.Linear(shape.embed, shape.hidden)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(shape.hidden) for _ in dilations)
        self.first = nn.ModuleList(_Causal(shape.hidden, dilation) for dilation in dilations)
        self.second = nn.ModuleList(_Causal(shape.hidden, dilation) for dilation in dilations)
        self.last = nn.LayerNorm(shape.hidden)
        self.buffers_of_block = [(_TAPS - 1) * dilation for dilation in dilations for _ in range(2)]
        self.size = sum(self.buffers_of_block) * shape.hidden

    def forward(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, T, F)`` and ``(N, H)`` in, ``(N, T, hidden)`` and ``(N, H)`` out."""
        sizes = [before * self.hidden for before in self.buffers_of_block]
        buffers = [part.reshape(-1, part.shape[1] // self.hidden, self.hidden) for part in torch.split(state, sizes, 1)]
        output, kept = self.embed(features), []
        for i, (norm, first, second) in enumerate(zip(self.norms, self.first, self.second, strict=True)):
            middle, one = first(norm(output), buffers[2 * i])
            added, two = second(torch.relu(middle), buffers[2 * i + 1])
            output = output + added
            kept += [one, two]
        return self.last(output), torch.cat([part.reshape(-1, size) for part, size in zip(kept, sizes, strict=True)], 1)
