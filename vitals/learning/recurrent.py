"""What recurrent networks remember: the state of GRU or LSTM layers, through the stay or over a bounded look-back."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from vitals.learning.dropout import Dropout
from vitals.spec.learning import Network as Shape


class Steps(Protocol):
    """Layers that can be begun afresh for every row: what :class:`Bounded` needs of them.

    Attributes:
        hidden: units of the output.
        size: numbers of state a bed needs, H.
    """

    hidden: int
    size: int

    def embed(self, features: Tensor) -> Tensor:
        """What of a row needs no memory, ``(N, T, F)`` to ``(N, T, E)``."""

    def recur(self, embedded: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, T, E)`` and ``(N, H)`` in, ``(N, T, hidden)`` and ``(N, H)`` out."""


class Recurrent(nn.Module):
    """Input layer and GRU or LSTM layers; the whole state is one vector a bed.

    Attributes:
        size: numbers of state a bed needs, H.
    """

    def __init__(self, shape: Shape, features: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(features, shape.embed), nn.ReLU(), Dropout(dropout))
        cell = {"gru": nn.GRU, "lstm": nn.LSTM}[shape.kind]
        self.cell = cell(shape.embed, shape.hidden, num_layers=shape.layers, batch_first=True)
        self.parts = 2 if shape.kind == "lstm" else 1
        self.layers, self.hidden = shape.layers, shape.hidden
        self.size = self.parts * shape.layers * shape.hidden

    def forward(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, T, F)`` and ``(N, H)`` in, ``(N, T, hidden)`` and ``(N, H)`` out."""
        return self.recur(self.embed(features), state)

    def recur(self, embedded: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The recurrent layers alone."""
        # the state is bed first outside and layer first inside
        layered = state.reshape(-1, self.parts * self.layers, self.hidden).transpose(0, 1)
        if self.parts == 1:
            output, last = self.cell(embedded, layered.contiguous())
        else:
            pair = (layered[: self.layers].contiguous(), layered[self.layers :].contiguous())
            output, pair = self.cell(embedded, pair)
            last = torch.cat(pair, 0)
        return output, last.transpose(0, 1).reshape(-1, self.size)


class Bounded(nn.Module):
    """Recurrent layers that begin afresh for every row and see its last ``steps`` rows only.

    The state is the features of the rows before, so a bed whose monitor was restarted heals by itself. Rows before the
    stay are rows of which nothing is known: zeros, as in a new bed's state.
    """

    def __init__(self, inner: Steps, features: int, steps: int) -> None:
        super().__init__()
        self.inner, self.features, self.before = inner, features, steps - 1
        self.size = self.before * features

    def forward(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, T, F)`` and ``(N, H)`` in, ``(N, T, hidden)`` and ``(N, H)`` out."""
        rows = features.shape[1]
        known = torch.cat([state.reshape(-1, self.before, self.features), features], 1)
        embedded = self.inner.embed(known)
        windows = embedded[:, torch.arange(rows).unsqueeze(1) + torch.arange(self.before + 1)]
        flat = windows.reshape(-1, self.before + 1, embedded.shape[-1])
        output, _ = self.inner.recur(flat, torch.zeros_like(flat[:, 0, :1]).expand(-1, self.inner.size))
        return output[:, -1].reshape(-1, rows, self.inner.hidden), known[:, rows:].reshape(-1, self.size)
