"""A transformer that looks back over a bounded window; its state is the keys and values of that window's rows."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from vitals.learning.dropout import Dropout
from vitals.spec.learning import Network as Shape

_NEVER = -1e9  # added to a score, it leaves exactly no weight


class _Block(nn.Module):
    """Attention and a layer of twice the width, each added to what comes in after a layer normalisation (pre-norm).

    Where a row is does not matter, only how far back: every head adds a learnt number for each distance to its scores,
    and begins with those of ALiBi (Press et al. 2022, arXiv:2108.12409).
    """

    def __init__(self, width: int, heads: int, reach: int) -> None:
        super().__init__()
        self.heads, self.reach = heads, reach
        self.before_attention, self.before_wide = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width)
        self.answer = nn.Linear(width, width)
        self.wide = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        slope = 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)
        self.distance = nn.Parameter(-slope.unsqueeze(1) * torch.arange(reach - 1, -1, -1.0))

    def forward(self, rows: Tensor, cache: tuple[Tensor, Tensor], real: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Rows and the cache before them in, rows and the next cache out.

        Args:
            rows: ``(N, T, width)``.
            cache: keys and values of the rows before, ``(N, heads, reach - 1, width / heads)`` each.
            real: 0 where a row of the window belongs to the stay, else :data:`_NEVER`, ``(N, T, reach)``.
        """
        steps, width = rows.shape[1], self.answer.in_features
        asked = self.ask(self.before_attention(rows)).reshape(-1, steps, 3 * self.heads, width // self.heads)
        query, key, value = asked.transpose(1, 2).chunk(3, 1)
        key, value = torch.cat([cache[0], key], 2), torch.cat([cache[1], value], 2)
        # Row by row in the file: a call with many rows then does, row for row, what calls with one row do, bit for bit.
        rowwise = torch.jit.script(_row_by_row) if torch.onnx.is_in_onnx_export() else _at_once
        found = rowwise(query * (width // self.heads) ** -0.5, key, value, self.distance, real)
        rows = rows + self.answer(found.reshape(-1, steps, width))
        return rows + self.wide(self.before_wide(rows)), (key[:, :, steps:], value[:, :, steps:])


def _row_by_row(query: Tensor, key: Tensor, value: Tensor, distance: Tensor, real: Tensor) -> Tensor:
    """Attention of ``(N, heads, T, d)`` queries, each to the ``reach`` rows that end with its own; ``(N, T, width)``."""
    reach, width = distance.shape[1], query.shape[1] * query.shape[3]
    found: list[Tensor] = []
    for t in range(query.shape[2]):
        keys, values = key[:, :, t : t + reach], value[:, :, t : t + reach]
        score = torch.matmul(query[:, :, t : t + 1], keys.transpose(2, 3)) + distance.unsqueeze(1)
        weight = torch.softmax(score + real[:, t : t + 1].unsqueeze(1), -1)
        found.append(torch.matmul(weight, values).reshape(-1, 1, width))
    return torch.cat(found, 1)


def _at_once(query: Tensor, key: Tensor, value: Tensor, distance: Tensor, real: Tensor) -> Tensor:
    """The same in one product of all rows with all rows, which trains many times faster."""
    steps, reach = query.shape[2], distance.shape[1]
    rows = torch.arange(key.shape[2], device=key.device)
    place = rows - rows[:steps].unsqueeze(1)  # within the window of each row, (T, S)
    inside = place.clamp(0, reach - 1)
    added = distance[:, inside] + real.gather(2, inside.expand(len(real), -1, -1)).unsqueeze(1)
    added = added.masked_fill((place < 0) | (place >= reach), _NEVER)
    found = scaled_dot_product_attention(query, key, value, attn_mask=added, scale=1.0)
    return found.transpose(1, 2).flatten(2)


class Attention(nn.Module):
    """Input layer and ``layers`` blocks of causal attention, each over a row and the ``reach - 1`` rows before it.

    The state holds, of each block, the keys and values of the rows before, and at its end how many of them are real:
    rows before the stay get no weight.

    Attributes:
        size: numbers of state a bed needs, H.
    """

    def __init__(self, shape: Shape, features: int, dropout: float, reach: int) -> None:
        super().__init__()
        self.heads, self.width, self.before = shape.attention_heads, shape.hidden // shape.attention_heads, reach - 1
        self.embed = nn.Sequential(
            nn.Linear(features, shape.embed), nn.ReLU(), Dropout(dropout), nn.Linear(shape.embed, shape.hidden)
        )
        self.blocks = nn.ModuleList(_Block(shape.hidden, self.heads, reach) for _ in range(shape.layers))
        self.last = nn.LayerNorm(shape.hidden)
        self.size = 2 * shape.layers * self.before * shape.hidden + 1

    def forward(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, T, F)`` and ``(N, H)`` in, ``(N, T, hidden)`` and ``(N, H)`` out."""
        steps, count = features.shape[1], state[:, -1:]
        caches = state[:, :-1].reshape(-1, 2 * len(self.blocks), self.heads, self.before, self.width)
        far = torch.arange(self.before, -1, -1, device=count.device)
        rows_before = count.unsqueeze(2) + torch.arange(steps, device=count.device).unsqueeze(1)
        real = torch.where(far <= rows_before, 0.0, _NEVER)
        output, kept = self.embed(features), []
        for i, block in enumerate(self.blocks):
            output, cache = block(output, (caches[:, 2 * i], caches[:, 2 * i + 1]), real)
            kept += [part.reshape(-1, self.before * self.heads * self.width) for part in cache]
        kept.append(torch.clamp(count + steps, max=float(self.before)))
        return self.last(output), torch.cat(kept, 1)
