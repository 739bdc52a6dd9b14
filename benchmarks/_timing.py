"""Time alternatives side by side: one thread, one round after another, processor seconds.

Seconds are those the process spent computing, not those that passed, so a busy neighbour changes little; only their
ratios within one run mean anything. Import this module first: thread pools read the environment when they are loaded.
"""

from __future__ import annotations

import os

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[_pool] = "1"

import gc  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from time import process_time  # noqa: E402

import numpy as np  # noqa: E402


@dataclass(frozen=True)
class Spread:
    """Median, lowest and highest of some rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: np.ndarray) -> Spread:
        return cls(float(np.median(values)), float(values.min()), float(values.max()))

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


def race(alternatives: dict[str, Callable[[], object]], rounds: int) -> dict[str, np.ndarray]:
    """Processor seconds of every alternative in every round, ``(rounds,)`` each; a first round is not counted."""
    for run in alternatives.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    for _ in range(rounds):
        for name, run in alternatives.items():
            gc.collect()
            began = process_time()
            result = run()
            seconds[name].append(process_time() - began)
            del result  # given back outside the measured time
    return {name: np.array(values) for name, values in seconds.items()}


def copy_bandwidth(megabytes: int) -> tuple[Callable[[], object], float]:
    """A plain copy between two arrays that exist already, and the bytes it moves (read and written)."""
    source = np.ones(megabytes * 250_000, np.float32)
    target = np.zeros_like(source)
    return (lambda: np.copyto(target, source)), 2.0 * source.nbytes


def matrix_product(size: int) -> tuple[Callable[[], object], float]:
    """A large single-precision matrix product, and its floating-point operations."""
    left, right = np.ones((2, size, size), np.float32)
    out = np.empty((size, size), np.float32)
    return (lambda: np.matmul(left, right, out=out)), 2.0 * size**3
