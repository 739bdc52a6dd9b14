"""Training on several devices or hosts: ``torchrun`` starts the same program many times, and they learn as one.

Every process draws the same batches and keeps its share of each. Sums of losses, weights and gradients are added up
over all of them, so that a step is the step which one process alone would have taken. PyTorch's own
``DistributedDataParallel`` divides gradients by the number of processes, which is another loss where shares weigh
differently; a sum of gradients, each divided by the weight of the whole batch, is the same loss.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as processes

from vitals.learning.batches import Batch
from vitals.windowing.types import Int64


def count() -> int:
    """How many processes learn together; 1 without ``torchrun``."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this one is, from 0."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def leads() -> bool:
    """Whether this process is the one that reports and writes files.

    Example:
        >>> leads()
        True
    """
    return rank() == 0


def device() -> torch.device:
    """The graphics card of this process where there is one, otherwise the processor."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # sums in one order, so that a seed gives one file
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def join() -> None:
    """Meet the other processes, if there are any and it has not been done."""
    if count() == 1 or processes.is_initialized():
        return
    where = device()
    if where.type == "cuda":
        torch.cuda.set_device(where)
    processes.init_process_group("nccl" if where.type == "cuda" else "gloo")
    atexit.register(processes.destroy_process_group)


def total(values: Tensor) -> Tensor:
    """The sum over all processes, the same bits in each; ``values`` itself where there is one."""
    if count() == 1:
        return values
    values = values.clone()
    processes.all_reduce(values)
    return values


def add_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Make every gradient the sum over all processes, in one message."""
    if count() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    summed = total(torch.cat([gradient.flatten() for gradient in gradients]))
    sizes = [gradient.numel() for gradient in gradients]
    for gradient, part in zip(gradients, torch.split(summed, sizes), strict=True):
        gradient.copy_(part.view_as(gradient))


def share_of_stays(stays: Int64) -> Int64:
    """The stays that this process judges."""
    return stays[rank() :: count()]


def share(batch: Batch) -> Batch:
    """This process's part of a batch; of one with fewer stretches than processes, some get a row that weighs nothing."""
    return batch if count() == 1 else part_of(batch, rank(), count())


def part_of(batch: Batch, number: int, parts: int) -> Batch:
    """Every so-manieth stretch: as the longest stand first, all parts are about as long.

    Args:
        batch: at least one stretch.
        number: which part, from 0.
        parts: how many there are.
    """
    chosen = np.arange(len(batch.length))[number::parts]
    if len(chosen):
        return _take(batch, chosen, batch.length[chosen])
    # an empty batch has no gradient to add up; a stretch of one row has no next row, and here no weight
    lone = _take(batch, np.zeros(1, np.int64), np.ones(1, np.int64))
    return replace(lone, weight=lone.weight * 0, further_weight=lone.further_weight * 0)


def _take(batch: Batch, chosen: Int64, length: Int64) -> Batch:
    names = ("value", "age", "target", "weight", "further", "further_weight")
    columns = {name: getattr(batch, name)[torch.from_numpy(chosen), : length.max()] for name in names}
    return replace(batch, length=length, order=batch.order[chosen], **columns)
