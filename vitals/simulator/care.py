"""What nurses do: rounds at the rhythm of the patient, and oxygen when the saturation is low.

The rhythm does not know the outcome. On real wards sicker patients are looked at more often, and a model can then read
the staff's worry instead of the patient; here the frequency of measurement tells nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitals.simulator.noise import remember

Float = NDArray[np.float64]

HOURS_BETWEEN_ROUNDS = (1, 2, 4)
SHARE = {"north": (0.15, 0.35, 0.5), "south": (0.3, 0.45, 0.25)}
OXYGEN_LIFT = 4.5  # percentage points of saturation, once it has worked
OXYGEN_MEMORY = 8.0  # minutes


def plan_rounds(rng: np.random.Generator, minutes: int, site: str) -> NDArray[np.int64]:
    """The minutes at which a nurse charts: every 1, 2 or 4 hours, never quite on time, now and then not at all.

    Example:
        >>> rounds = plan_rounds(np.random.default_rng(1), minutes=1440, site="north")
        >>> bool((np.diff(rounds) > 0).all())
        True
    """
    every = 60 * int(rng.choice(HOURS_BETWEEN_ROUNDS, p=SHARE[site]))
    due = np.arange(int(rng.integers(2, 25)), minutes, every)
    held = due + np.rint(rng.normal(0, 0.1 * every, len(due))).astype(np.int64)
    held = held[rng.random(len(held)) > 0.07]
    return np.unique(held[(held >= 0) & (held < minutes)])


def give_oxygen(
    rng: np.random.Generator, spo2_on_air: Float, rounds: NDArray[np.int64], below: float
) -> tuple[NDArray[np.bool_], Float]:
    """Oxygen for a patient whose saturation is low at a round, until it is well again at a later one.

    Args:
        rng: where the chance comes from.
        spo2_on_air: saturation without oxygen, % ``(minutes,)``.
        rounds: the minutes of the rounds.
        below: the saturation under which oxygen is given; it is stopped 2.5 points above.

    Returns:
        Whether the patient is on oxygen, and the saturation with it, ``(minutes,)`` each.

    Example:
        >>> on, spo2 = give_oxygen(np.random.default_rng(1), np.full(60, 88.0), rounds=np.array([10]), below=91.5)
        >>> bool(on[9]), bool(on[10]), float(spo2[59].round(1))
        (False, True, 92.5)
    """
    on = np.zeros(len(spo2_on_air), bool)
    for minute in rounds:
        seen = spo2_on_air[max(0, minute - 10) : minute + 1].mean()
        acts = rng.random() < 0.85
        if acts and seen < below:
            on[minute:] = True
        elif acts and seen > below + 2.5:
            on[minute:] = False
    lift = OXYGEN_LIFT * remember(on * (1 - np.exp(-1 / OXYGEN_MEMORY)), OXYGEN_MEMORY)
    return on, np.minimum(spo2_on_air + lift, 100)
