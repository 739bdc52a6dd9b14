"""GRU-D: a GRU whose inputs and state decay with the time since each signal was measured."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from vitals.learning.dropout import Dropout
from vitals.spec.settings import Settings

_FIRST_DECAY = 0.1  # new input decays lose a tenth of a very old value; new state decays about a tenth of a state


class Decaying(nn.Module):
    """GRU-D (Che et al. 2018, Sci Rep 8:6085) on the encoder's features.

    The longer a signal was not measured, the closer its carried value moves to the training mean (0 after scaling), and
    the more of the state is lost before the next row. Both factors are ``exp(-max(0, W·delta + b))`` and learnt: one of
    each signal for its value, one of all signals for each unit of the state. Where the paper takes hours, ``delta`` is
    the encoder's two ratios ``h / (h + 1)`` and ``h / (h + 12)``, which stay within 0 and 1; a signal of which nothing
    is known is infinitely old, 1. An input layer follows, as in the other kinds. A demographic does not decay.

    Attributes:
        hidden: units of the output.
        size: numbers of state a bed needs, H.
    """

    def __init__(self, settings: Settings, features: int) -> None:
        super().__init__()
        shape, self.signals, self.channels = settings.network, len(settings.signals), len(settings.channels)
        self.hidden, self.layers, self.given = shape.hidden, shape.layers, shape.embed
        self.size = shape.layers * shape.hidden
        self.value_weight = nn.Parameter(torch.rand(2, self.signals) * _FIRST_DECAY)
        self.value_bias = nn.Parameter(torch.zeros(self.signals))
        self.state_decay = nn.Linear(2 * self.signals, self.size)
        nn.init.uniform_(self.state_decay.weight, 0, _FIRST_DECAY / self.signals)
        nn.init.zeros_(self.state_decay.bias)
        self.input = nn.Sequential(
            nn.Linear(features, shape.embed), nn.ReLU(), Dropout(settings.training.dropout_input)
        )
        widths = [shape.embed] + [shape.hidden] * (shape.layers - 1)
        self.gates = nn.ModuleList(nn.Linear(width, 3 * shape.hidden) for width in widths)
        self.recurrent = nn.ModuleList(nn.Linear(shape.hidden, 3 * shape.hidden) for _ in widths)

    def forward(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, T, F)`` and ``(N, H)`` in, ``(N, T, hidden)`` and ``(N, H)`` out."""
        return self.recur(self.embed(features), state)

    def embed(self, features: Tensor) -> Tensor:
        """The input layer's units and the state's decay factors, ``(N, T, embed + H)``."""
        scaled, known, measured, *ages = _parts(features, self.channels, self.signals)
        short, long = (known[..., : self.signals] * age + (1 - known[..., : self.signals]) for age in ages)
        decay = _factor(short * self.value_weight[0] + long * self.value_weight[1] + self.value_bias)
        # a value measured in this very step is taken as it is
        kept = scaled[..., : self.signals] * (measured + (1 - measured) * decay)
        decayed = torch.cat([kept, features[..., self.signals :]], -1)
        return torch.cat([self.input(decayed), _factor(self.state_decay(torch.cat([short, long], -1)))], -1)

    def recur(self, embedded: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The recurrent layers alone."""
        # A loop of a length known only when the file runs must be compiled before it can be exported.
        steps = torch.jit.script(_steps) if torch.onnx.is_in_onnx_export() else _steps
        output, decay = embedded[..., : self.given], embedded[..., self.given :]
        last = []
        for layer, (gates, recurrent) in enumerate(zip(self.gates, self.recurrent, strict=True)):
            part = slice(layer * self.hidden, (layer + 1) * self.hidden)
            weights = cast(Tensor, recurrent.weight), cast(Tensor, recurrent.bias)
            output = steps(gates(output), decay[..., part], state[:, part], *weights)
            last.append(output[:, -1])
        return output, torch.cat(last, -1)


def _parts(features: Tensor, channels: int, signals: int) -> tuple[Tensor, ...]:
    """Scaled values and whether they are known (of every channel); measured, and two ages (of every signal)."""
    ends = [channels, 2 * channels, *(2 * channels + (i + 1) * signals for i in range(3))]
    return tuple(features[..., begin:end] for begin, end in zip([0, *ends], ends, strict=False))


def _factor(exponent: Tensor) -> Tensor:
    return torch.exp(-torch.relu(exponent))


def _steps(given: Tensor, decay: Tensor, state: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """One GRU layer over ``(N, T, 3 hidden)`` of reset, update and candidate inputs; the states, ``(N, T, hidden)``."""
    states: list[Tensor] = []
    for t in range(given.shape[1]):
        held = decay[:, t] * state
        reset_in, update_in, candidate_in = given[:, t].chunk(3, 1)
        reset_of, update_of, candidate_of = linear(held, weight, bias).chunk(3, 1)
        update = torch.sigmoid(update_in + update_of)
        candidate = torch.tanh(candidate_in + torch.sigmoid(reset_in + reset_of) * candidate_of)
        state = candidate + update * (held - candidate)
        states.append(state)
    return torch.stack(states, 1)
