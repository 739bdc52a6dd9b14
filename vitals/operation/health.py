"""Whether a ward is alive, and whether it is ready: two questions with different consequences.

A ward that is not alive is to be restarted; one that is not ready is to be left alone and told to somebody.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

STUCK = 60.0
"""A block that takes longer, in seconds, is stuck; waiting for input is not."""

LEAST_ROOM = 64 << 20
"""Bytes the disk of a durable log must have left."""


class Health:
    """What the loop tells of itself; read by any thread.

    Args:
        model: digest of the model.
        state: folder of a durable ward.
        clock: monotonic seconds.

    Attributes:
        model: digest of the model that scores.
        open: whether the feed is open; it is not once the ward stops.

    Example:
        >>> now = [0.0]
        >>> health = Health("0" * 64, clock=lambda: now[0])
        >>> health.not_ready()
        ['feed_not_open']
        >>> health.open = True
        >>> health.begin()
        >>> now[0] = 61.0
        >>> health.stuck(), health.not_ready()
        (61.0, ['stuck'])
    """

    def __init__(self, model: str, state: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.model, self.open = model, False
        self._state, self._clock = state, clock
        self._busy_since: float | None = None

    def begin(self) -> None:
        """A block is in hand."""
        self._busy_since = self._clock()

    def end(self) -> None:
        """It has been answered."""
        self._busy_since = None

    def stuck(self) -> float | None:
        """Seconds the block in hand has taken, where that is too long; else None."""
        since = self._busy_since
        busy = 0.0 if since is None else self._clock() - since
        return busy if busy > STUCK else None

    def not_ready(self) -> list[str]:
        """Why no input should be sent; nothing where it should."""
        why = [] if self.open else ["feed_not_open"]
        if self.stuck() is not None:
            why.append("stuck")
        return why + self._disk()

    def _disk(self) -> list[str]:
        if self._state is None:
            return []
        try:
            room = shutil.disk_usage(self._state).free
        except OSError:
            return ["state_gone"]
        if not os.access(self._state, os.W_OK):
            return ["state_not_writable"]
        return ["state_disk_full"] if room < LEAST_ROOM else []
