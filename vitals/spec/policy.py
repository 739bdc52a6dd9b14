"""The alert policy: when a risk reaches a nurse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vitals.errors import SettingsError
from vitals.spec.duration import Duration


@dataclass(frozen=True)
class AlertPolicy:
    """One state machine for every bed, offline and live (definitions: ``docs/definitions.md``).

    Attributes:
        threshold: a score is *high* when its risk is at or over this.
        clear: hysteresis; an episode ends when a valid risk falls below this (at most ``threshold``).
        persistence: ``(k, n)``: alert only while k of the last n scores are high; a missing score is not high.
        silence: no new alert for this long after an alert.
        rearm: ``"timer"`` fires again after the silence while still high; ``"below_clear"`` waits for the end of the
            episode as well.
        model_digest: the model this policy was tuned on ("" for a policy written by hand).
        tuned_on: digest of the patients it was tuned on ("" where unknown).
    """

    threshold: float
    clear: float | None = None
    persistence: tuple[int, ...] = (1, 1)
    silence: Duration = Duration(6 * 3_600_000_000)
    rearm: Literal["timer", "below_clear"] = "timer"
    model_digest: str = ""
    tuned_on: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.clear is None:
            object.__setattr__(self, "clear", self.threshold)
        if not 0.0 <= self.threshold <= 1.0:
            raise SettingsError("policy threshold", repr(self.threshold), "a risk from 0 to 1", "change the threshold")
        if not 0.0 <= self.clear_below <= self.threshold:
            raise SettingsError(
                "policy clear", repr(self.clear), f"a risk from 0 to the threshold {self.threshold}", "lower clear"
            )
        if len(self.persistence) != 2 or not 1 <= self.k <= self.n <= 64:
            raise SettingsError(
                "policy persistence", repr(self.persistence), "[k, n] with 1 ≤ k ≤ n ≤ 64", "write [2, 3], for example"
            )

    @property
    def k(self) -> int:
        """How many of the last ``n`` scores must be high."""
        return self.persistence[0]

    @property
    def n(self) -> int:
        """How many of the latest scores persistence looks at."""
        return self.persistence[1]

    @property
    def clear_below(self) -> float:
        """The risk below which an episode ends."""
        return self.threshold if self.clear is None else self.clear
