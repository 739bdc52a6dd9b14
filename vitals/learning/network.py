"""The networks: one contract for every kind, ``forward(value, age, hidden) -> logit, hidden``."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from vitals.errors import SettingsError
from vitals.learning.attention import Attention
from vitals.learning.convolution import Convolutions
from vitals.learning.decay import Decaying
from vitals.learning.dropout import Dropout
from vitals.learning.encoder import Encoder
from vitals.learning.recurrent import Bounded, Recurrent
from vitals.learning.trees import Trees
from vitals.learning.window import Window
from vitals.signals import signal
from vitals.spec.settings import Settings

_FEWEST_STEPS, _MOST_STEPS = 2, 1024  # of a reach


def memory_of(settings: Settings, features: int) -> nn.Module:
    """What the settings' kind of network remembers.

    Every kind has ``size``, the numbers of state a bed needs, H, and
    ``forward(features (N, T, F), state (N, H)) -> (N, T, hidden), (N, H)``: causal, for any number of beds and at least
    one step, however the rows are cut into calls. A new bed's state is zeros.

    Args:
        settings: kind, sizes, look-back and reach.
        features: the encoder's, F.

    Raises:
        SettingsError: a look-back or a reach that the kind cannot have.

    Example:
        >>> settings = Settings.from_tables({"name": "x", "signals": {"spo2": {}}, "window": {"step": "1h"},
        ...                                  "label": {"kind": "sepsis", "horizon": "6h"}, "network": {"kind": "tcn"}})
        >>> memory = memory_of(settings, features=5)
        >>> output, state = memory(torch.ones(2, 7, 5), torch.zeros(2, memory.size))
        >>> output.shape, state.shape
        (torch.Size([2, 7, 128]), torch.Size([2, 7680]))
    """
    shape, dropout, steps = settings.network, settings.training.dropout_input, settings.window.lookback_steps
    if shape.kind == "boosting":
        _refuse_lookback(settings)
        channels, signals = len(settings.channels), len(settings.signals)
        vital = [signal(name).kind == "vital" for name in settings.signals]
        return Window(channels, vital, clock=features - 2 * channels - 3 * signals)
    if shape.kind == "tcn":
        return Convolutions(shape, features, dropout, _reach(settings))
    if shape.kind == "transformer":
        return Attention(shape, features, dropout, _reach(settings))
    inner = Decaying(settings, features) if shape.kind == "grud" else Recurrent(shape, features, dropout)
    return Bounded(inner, features, steps) if steps else inner


def _refuse_lookback(settings: Settings) -> None:
    window = settings.window
    if window.lookback_steps:
        raise SettingsError(
            "[window] lookback", window.lookback.text, f'"stay" with kind "{settings.network.kind}"',
            f'write lookback = "stay" and [network] reach = "{window.lookback.text}"',
        )  # fmt: skip


def _reach(settings: Settings) -> int:
    """Rows within reach, a row itself included."""
    _refuse_lookback(settings)
    window, reach = settings.window, settings.network.reach
    steps = -(-int(reach) // int(window.step))
    if not _FEWEST_STEPS <= steps <= _MOST_STEPS:
        raise SettingsError(
            "[network] reach", f"{reach.text}, {steps} steps of {window.step.text}",
            f"{_FEWEST_STEPS} to {_MOST_STEPS} steps", "change [network] reach or [window] step",
        )  # fmt: skip
    return steps


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

    hidden_size: int
    slope: Tensor
    intercept: Tensor

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        shape, dropout = settings.network, settings.training.dropout_head
        self.encoder = Encoder(settings)
        self.memory = memory_of(settings, self.encoder.features)
        self.head: nn.Module = Trees()
        if shape.kind != "boosting":
            self.head = nn.Sequential(
                Dropout(dropout), nn.Linear(shape.hidden, shape.head), nn.ReLU(), nn.Linear(shape.head, 1)
            )
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("intercept", torch.zeros(()))
        self.hidden_size = cast(int, self.memory.size)

    def forward(self, value: Tensor, age: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Logits before calibration.

        Args:
            value: ``(N, T, C)`` in clinical units, NaN where nothing is known.
            age: ``(N, T, C)`` hours.
            hidden: ``(N, H)``, zeros for a new bed.

        Returns:
            ``(N, T)`` and the state after the last step ``(N, H)``.
        """
        output, hidden = self.remember(value, age, hidden)
        return self.judge(output), hidden

    def remember(self, value: Tensor, age: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """What the memory makes of each row, ``(N, T, hidden)``, and the state after the last step."""
        output, hidden = self.memory(self.encoder(value, age), hidden)
        return output, hidden

    def judge(self, output: Tensor) -> Tensor:
        """The logit of what the memory made of a row, ``(N, T)``."""
        return cast(Tensor, self.head(output).squeeze(-1))

    def risk(self, logit: Tensor) -> Tensor:
        """The calibrated probability of a logit."""
        return torch.sigmoid(self.slope * logit + self.intercept)
