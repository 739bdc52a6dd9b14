"""What the last hours were like: lowest, highest, mean and change of every signal, for a reader without a memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

LONG, MIDDLE, SHORT = 24, 12, 6
"""Rows of the windows, a row itself included."""
_BACK = (1, 6, 12)  # rows against which a change is taken
_FAR = 1e3  # standard deviations: beyond every value
UNKNOWN = -_FAR
"""What stands for what is not known."""


class Window(nn.Module):
    """Summaries of the last 24 rows; the state is what the 23 rows before were.

    Of every signal, in standard deviations of the training part: the value, lowest and highest of 24 rows, the age, and
    in how many of 12 rows it was measured. Of a vital also lowest and highest of 6 rows, the means of 24 and of 6, and
    the changes against 1, 6 and 12 rows ago. Then the share of all signals measured in 12 rows, and the demographics.
    What is unknown lies far below every value, where one split of a tree finds it. Rows before the stay are rows of
    which nothing is known, so in its first hours a stay can be told from an older one: a hint of the clock is left.

    Args:
        channels: number of channels, C.
        vital: whether each signal is a vital; a lab comes a few times a day, so short windows would hold one value.
        clock: numbers at the end of the encoder's features that tell the time since admission.

    Attributes:
        size: numbers of state a bed needs, H.
        summary_size: numbers of a row's summary, S'.
    """

    vitals: Tensor

    def __init__(self, channels: int, vital: Sequence[bool], clock: int = 0) -> None:
        super().__init__()
        self.channels, self.signals, many = channels, len(vital), sum(vital)
        self.size = (LONG - 1) * 3 * self.signals
        self.summary_size = channels + 4 * self.signals + (4 + len(_BACK)) * many + 1 + clock
        self.register_buffer("vitals", torch.tensor(vital).nonzero().flatten(), persistent=False)

    def forward(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's ``(N, T, F)`` and ``(N, H)`` in, the summary ``(N, T, S')`` and ``(N, H)`` out."""
        channels, signals, steps = self.channels, self.signals, features.shape[1]
        everything = features[..., channels : 2 * channels] > 0
        parts = [_or_far(features[..., :channels], everything)]
        at = 2 * channels + 2 * signals
        parts += [features[..., at : at + signals], features[..., at + signals :]]  # age on the longer scale, and clock
        kept = [features[..., at : at + signals] for at in (0, channels, 2 * channels)]
        rows = torch.cat([state.reshape(-1, LONG - 1, 3 * signals), torch.cat(kept, -1)], 1)
        value, known, measured = torch.split(rows, signals, -1)
        counts = _total(measured[:, LONG - MIDDLE :], MIDDLE) / MIDDLE
        parts += [*_range(value, known), counts, _across(counts)]
        value, known = value.index_select(-1, self.vitals), known.index_select(-1, self.vitals)
        late, seen = value[:, LONG - SHORT :], known[:, LONG - SHORT :]
        parts += [*_range(late, seen, SHORT), _mean(value, known, LONG), _mean(late, seen, SHORT)]
        for back in _BACK:
            then = slice(LONG - 1 - back, LONG - 1 - back + steps)
            change = value[:, LONG - 1 :] - value[:, then]
            parts.append(_or_far(change, known[:, LONG - 1 :] * known[:, then] > 0))
        return torch.cat(parts, -1), rows[:, steps:].reshape(-1, self.size)


def _across(counts: Tensor) -> Tensor:
    """The mean over the signals, added up in one order: a sum along rows would depend on the number of rows."""
    total = counts[..., :1]
    for s in range(1, counts.shape[-1]):
        total = total + counts[..., s : s + 1]
    return total / counts.shape[-1]


def _or_far(number: Tensor, known: Tensor) -> Tensor:
    return torch.where(known, number, -_FAR * torch.ones_like(number))


def _mean(value: Tensor, known: Tensor, width: int) -> Tensor:
    """The mean of the known values of each row and the ``width - 1`` before it."""
    many = _total(known, width)
    return _or_far(_total(value, width) / many.clamp_min(1.0), many > 0)


def _range(value: Tensor, known: Tensor, width: int = LONG) -> list[Tensor]:
    """Lowest and highest known value of each row and the ``width - 1`` before it."""
    far, there = _FAR * torch.ones_like(value), known > 0
    low = _slide(torch.where(there, value, far), width, torch.minimum)
    high = _slide(torch.where(there, value, -far), width, torch.maximum)
    return [_or_far(low, low < _FAR), high]


def _slide(rows: Tensor, width: int, pick: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """``pick`` over each row and the ``width - 1`` before it, ``(N, L, S)`` to ``(N, L - width + 1, S)``."""
    reach = 1
    while 2 * reach <= width:
        rows, reach = pick(rows[:, reach:], rows[:, :-reach]), 2 * reach
    rest = width - reach
    return pick(rows[:, rest:], rows[:, :-rest]) if rest else rows


def _total(rows: Tensor, width: int) -> Tensor:
    """The sum over each row and the ``width - 1`` before it, in one order whatever the number of rows."""
    steps, reach, total, done = rows.shape[1] - width + 1, 1, None, 0
    while done < width:
        if width & reach:
            part = rows[:, done : done + steps]
            total, done = part if total is None else total + part, done + reach
        rows, reach = rows[:, reach:] + rows[:, :-reach], 2 * reach
    assert total is not None
    return total
