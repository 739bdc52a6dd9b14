"""The alert policy: when a risk reaches a nurse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from vitals.errors import SettingsError
from vitals.spec.duration import HOUR, Duration

Rearm = Literal["timer", "below_clear", "escalate", "first_only"]
REARM: tuple[Rearm, ...] = get_args(Rearm)


@dataclass(frozen=True)
class AlertPolicy:
    """One state machine for every bed, offline and live (definitions: ``docs/definitions.md``).

    Attributes:
        threshold: a score is *high* when its risk is at or over this.
        clear: hysteresis; an episode ends when a valid risk falls below this (at most ``threshold``).
        red: a second, more urgent tier from this risk on; no silence or acknowledgement of the first holds it back.
            1 or None is no second tier.
        red_clear: the hysteresis of the second tier; without it ``red``.
        persistence: ``(k, n)``: alert only while k of the last n scores are high; a missing score is not high.
        silence: no new alert of a tier for this long after an alert of it.
        rearm: ``"timer"`` fires again after the silence while still high; ``"below_clear"`` waits for the end of the
            episode as well; ``"escalate"`` does too, unless the risk has risen by ``rise`` since the last alert;
            ``"first_only"`` fires once in a tier, until the patient's next event is over.
        rise: of the logit.
        reset: no alert during an event and for this long after its end.
        max_per_day: alerts of a tier in the 24 hours from the first of them; 0 is no bound.
        max_snooze: the longest time for which an acknowledgement holds back the first tier.
        stale: a technical alert when a bed has had no valid score for this long; 0 is never.
        model_digest: the model this policy was tuned on ("" for a policy written by hand).
        tuned_on: digest of the patients it was tuned on ("" where unknown).
        cadence: the step between the scores it was tuned on ("0us" where unknown).
    """

    threshold: float
    clear: float | None = None
    red: float | None = None
    red_clear: float | None = None
    persistence: tuple[int, ...] = (1, 1)
    silence: Duration = Duration(6 * HOUR)
    rearm: Rearm = "timer"
    rise: float = 0.7
    reset: Duration = Duration(0)
    max_per_day: int = 0
    max_snooze: Duration = Duration(4 * HOUR)
    stale: Duration = Duration(8 * HOUR)
    model_digest: str = ""
    tuned_on: str = ""
    cadence: Duration = Duration(0)

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name, like in (("clear", self.threshold), ("red", 1.0)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, like)
        if self.red_clear is None:
            object.__setattr__(self, "red_clear", self.red)
        for name, risk, low, high in (
            ("threshold", self.threshold, 0.0, 1.0),
            ("clear", self.clear_below, 0.0, self.threshold),
            ("red", self.red_from, self.threshold, 1.0),
            ("red_clear", self.red_clear_below, 0.0, self.red_from),
        ):
            if not low <= risk <= high:
                raise SettingsError(f"policy {name}", repr(risk), f"a risk from {low:g} to {high:g}", f"change {name}")
        self._refuse_bounds()

    def _refuse_bounds(self) -> None:
        if len(self.persistence) != 2 or not 1 <= self.k <= self.n <= 64:
            raise SettingsError(
                "policy persistence", repr(self.persistence), "[k, n] with 1 ≤ k ≤ n ≤ 64", "write [2, 3], for example"
            )
        if not 0 < self.rise <= 20:
            raise SettingsError("policy rise", repr(self.rise), "a rise of the logit above 0", "write 0.7, for example")
        if not 0 <= self.max_per_day <= 1000:
            raise SettingsError("policy max_per_day", repr(self.max_per_day), "0 to 1000", "write 0 for no bound")

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

    @property
    def red_from(self) -> float:
        """The risk from which the second tier is high; 1 where there is none."""
        return 1.0 if self.red is None else self.red

    @property
    def red_clear_below(self) -> float:
        """The risk below which an episode of the second tier ends."""
        return self.red_from if self.red_clear is None else self.red_clear

    @property
    def has_red(self) -> bool:
        """Whether there is a second tier."""
        return self.red_from < 1.0
