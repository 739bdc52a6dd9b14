"""Whole stays in batches: every labelled hour of a stay is learnt in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vitals.windowing.types import Float32, Int64, Rows


@dataclass(frozen=True)
class Sequences:
    """The rows of many stays, one stay after the other, and what is to be learnt of each row.

    Attributes:
        value: ``(R, C)`` float32.
        age: ``(R, C)`` float32.
        start: first row of each stay, and R at the end, ``(S + 1,)``.
        target: 0 or 1, ``(R,)`` float32.
        weight: what a mistake on the row costs, ``(R,)`` float32; 0 for a row that teaches nothing.
        further: targets of the further horizons, ``(R, K)`` float32; None where there are none.
        further_weight: what a mistake there costs, ``(R, K)`` float32.
    """

    value: Float32
    age: Float32
    start: Int64
    target: Float32
    weight: Float32
    further: Float32 | None = None
    further_weight: Float32 | None = None

    @classmethod
    def of(cls, rows: Rows, stays: int, target: Float32, weight: Float32) -> Sequences:
        """Sequences of rows whose ``bed`` is the stay's number, 0 to ``stays - 1``."""
        start = np.searchsorted(rows.bed, np.arange(stays + 1))
        return cls(rows.value, rows.age, start.astype(np.int64), target, weight)

    @property
    def length(self) -> Int64:
        """Rows of each stay."""
        return np.diff(self.start)


@dataclass(frozen=True)
class Batch:
    """Some stretches side by side, the longest first, shorter ones filled up with rows of weight 0.

    Attributes:
        value: ``(N, T, C)``.
        age: ``(N, T, C)``.
        target: ``(N, T)``.
        weight: ``(N, T)``.
        length: rows of each that are meant, ``(N,)``, falling.
        order: which of the stretches asked for each is, ``(N,)``.
        further: targets of the further horizons, ``(N, T, K)``.
        further_weight: ``(N, T, K)``.
    """

    value: Tensor
    age: Tensor
    target: Tensor
    weight: Tensor
    length: Int64
    order: Int64
    further: Tensor
    further_weight: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch where the network is."""
        value, age, target, weight, further, dear = (
            column.to(device)
            for column in (self.value, self.age, self.target, self.weight, self.further, self.further_weight)
        )
        return Batch(value, age, target, weight, self.length, self.order, further, dear)


def batch_of(data: Sequences, start: Int64, length: Int64) -> Batch:
    """Put stretches of rows side by side (no copy of the whole data, no padding beyond the longest of these).

    Args:
        data: sequences.
        start: first row of each stretch, ``(N,)``.
        length: rows of each, ``(N,)``.
    """
    order = np.argsort(-length, kind="stable")
    start, length = start[order], length[order]
    inside = np.arange(length.max(initial=1)) < length[:, None]
    at = np.where(inside, start[:, None] + np.arange(inside.shape[1]), 0)
    value, age = data.value[at], data.age[at]
    value[~inside] = np.nan
    age[~inside] = np.nan
    weight = np.where(inside, data.weight[at], np.float32(0))
    further = np.zeros((*at.shape, 0), np.float32) if data.further is None else data.further[at]
    dear = further if data.further_weight is None else data.further_weight[at] * inside[..., None]
    columns = [torch.from_numpy(column) for column in (value, age, data.target[at], weight, further, dear)]
    return Batch(columns[0], columns[1], columns[2], columns[3], length, order, columns[4], columns[5])


def whole_stays(data: Sequences, stays: Int64, size: int) -> Iterator[Batch]:
    """Batches of whole stays, in the order given."""
    for at in range(0, len(stays), size):
        some = stays[at : at + size]
        yield batch_of(data, data.start[some], data.length[some])


def crops(data: Sequences, stays: Int64, rows: int, rng: np.random.Generator) -> tuple[Int64, Int64]:
    """Stretches to train on: whole stays, or, of a stay longer than ``rows``, as many random stretches as cover it.

    A stretch begins with an empty memory, as after a monitor was restarted.

    Args:
        data: sequences.
        stays: which to train on, ``(S,)``.
        rows: longest stretch; 0 for whole stays.
        rng: decides where the stretches begin.

    Returns:
        First row and number of rows of each, ``(n,)`` with the same n for the same stays and ``rows``.
    """
    length = data.length[stays]
    if not rows:
        return data.start[stays], length
    many = np.maximum(-(-length // rows), 1)
    start, length = np.repeat(data.start[stays], many), np.repeat(length, many)
    begin = rng.integers(0, np.maximum(length - rows, 0) + 1)
    return start + begin, np.minimum(length, rows)


def batches(start: Int64, length: Int64, data: Sequences, size: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Random batches of stretches, each once: batches sorted by length train markedly worse models."""
    order = rng.permutation(len(start))
    for at in range(0, len(order), size):
        some = order[at : at + size]
        yield batch_of(data, start[some], length[some])
