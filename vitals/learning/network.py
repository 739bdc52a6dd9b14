"""The networks: one contract for every kind, ``forward(value, age, hidden) -> logit, hidden``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vitals.learning.encoder import Encoder
from vitals.spec.learning import Network as Shape
from vitals.spec.settings import Settings


class Recurrent(nn.Module):
    """Input layer and GRU or LSTM layers; the whole state is one vector a bed.

    Attributes:
        size: numbers of state a bed needs, H.
    """

    def __init__(self, shape: Shape, features: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(features, shape.embed), nn.ReLU(), nn.Dropout(dropout))
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

    def __init__(self, inner: Recurrent, features: int, steps: int) -> None:
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


class Network(nn.Module):
    """Encoder, memory and head, with the calibration that turns the logit into a risk.

    ``forward`` is causal for any number of beds N and steps T: a row's logit depends on that row and the state alone.

    Attributes:
        hidden_size: numbers of state a bed needs, H.

    Example:
        >>> settings = Settings.from_tables({"name": "x", "signals": {"spo2": {}}, "window": {"step": "1h"},
        ...                                  "label": {"kind": "sepsis", "horizon": "6h"}})
        >>> network = Network(settings).eval()
        >>> logit, hidden = network(torch.ones(2, 5, 1), torch.zeros(2, 5, 1), torch.zeros(2, network.hidden_size))
        >>> logit.shape
        torch.Size([2, 5])
    """

    slope: Tensor
    intercept: Tensor

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        shape, training, steps = settings.network, settings.training, settings.window.lookback_steps
        self.encoder = Encoder(settings)
        recurrent = Recurrent(shape, self.encoder.features, training.dropout_input)
        self.memory = Bounded(recurrent, self.encoder.features, steps) if steps else recurrent
        self.head = nn.Sequential(
            nn.Dropout(training.dropout_head), nn.Linear(shape.hidden, shape.head), nn.ReLU(), nn.Linear(shape.head, 1)
        )
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("intercept", torch.zeros(()))
        self.hidden_size = self.memory.size

    def forward(self, value: Tensor, age: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Logits before calibration.

        Args:
            value: ``(N, T, C)`` in clinical units, NaN where nothing is known.
            age: ``(N, T, C)`` hours.
            hidden: ``(N, H)``, zeros for a new bed.

        Returns:
            ``(N, T)`` and the state after the last step ``(N, H)``.
        """
        output, hidden = self.memory(self.encoder(value, age), hidden)
        return self.head(output).squeeze(-1), hidden

    def risk(self, logit: Tensor) -> Tensor:
        """The calibrated probability of a logit."""
        return torch.sigmoid(self.slope * logit + self.intercept)
