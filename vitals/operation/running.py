"""How a ward is to be run: everything about it that changes no risk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vitals.spec.duration import Duration


def _tell_nobody(_: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class Running:
    """How a ward is to be run.

    Attributes:
        silent: hold back every alert by ``silent``.
        signals: listen to SIGTERM, SIGINT and SIGHUP; for the main thread of a process only.
        max_lag: seconds of lag that are told as ``overloaded``.
        swap_after: how long, in the ward's time, a new model is stepped beside the old one; None takes what it sees.
        metrics: ``HOST:PORT`` to serve metrics and health on.
        metrics_anywhere: allow an address that other machines reach.
        log: whether to keep a structured log.
        log_file: where; None for stderr.
        log_level: the lowest level that is written.
        tell: is told the address of the metrics.

    Example:
        >>> Running(silent=True).signals
        False
    """

    silent: bool = False
    signals: bool = False
    max_lag: float | None = None
    swap_after: Duration | None = None
    metrics: str | None = None
    metrics_anywhere: bool = False
    log: bool = False
    log_file: Path | None = None
    log_level: str = "info"
    tell: Callable[[str], None] = _tell_nobody
