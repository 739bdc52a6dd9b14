"""Beds whose clock was led astray begin anew: a wrong time may cost what was known, but never blinds a bed for good."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from vitals.feeds.lines import Alert, Output, Risk
from vitals.spec.settings import Settings
from vitals.ward.sources import TOO_FAR
from vitals.windowing.carry import Carry
from vitals.windowing.types import NEVER, Events


def astray(settings: Settings, carry: Carry, now: int) -> Iterator[tuple[int, int, Events]]:
    """Beds that are ahead of now by more than any clock may be: their samples would be late or history until then.

    Args:
        settings: channels and window.
        carry: the windowing's state.
        now: microseconds UTC.

    Yields:
        The bed, when it is to begin anew (on the grid of the calendar), and the demographics that are known of its patient.
    """
    slabs, step = carry.slabs, int(settings.window.step)
    known = np.maximum(np.maximum(slabs.watermark, slabs.closed), slabs.admitted)
    begin = (now - 1) // step * step
    for bed in np.flatnonzero(known > now + TOO_FAR).tolist():
        yield bed, begin, demographics_of(carry, bed, len(settings.signals), begin)


def demographics_of(carry: Carry, bed: int, signals: int, time: int) -> Events:
    """What was known at the admission to a bed, as samples of another time.

    Args:
        carry: the windowing's state.
        bed: row of the ward.
        signals: columns before the demographics.
        time: of the samples.
    """
    slabs, pool = carry.slabs, carry.pool
    columns = range(signals, slabs.value.shape[1])
    known = {c: float(slabs.value[bed, c]) for c in columns if slabs.sampled[bed, c] != NEVER}
    place = int(slabs.head[bed])
    while place >= 0:
        if pool.signal[place] >= signals:
            known[int(pool.signal[place])] = float(pool.value[place])
        place = int(pool.next[place])
    n = len(known)
    return Events(
        np.full(n, bed, np.int32), np.full(n, time), np.array(list(known), np.int16),
        np.array(list(known.values()), np.float32),
    )  # fmt: skip


def with_lives(lines: Sequence[Output], lives: Mapping[str, int]) -> Sequence[Output]:
    """Give risks and alerts of stays that began anew other ids: the same time may be scored in each life.

    Args:
        lines: of output, changed in place.
        lives: how often each stay began anew, of those that did.

    Example:
        >>> risks = [Risk("p1", "2026-01-01T03:00:00Z", 0.5, id="1f"), Risk("p2", "2026-01-01T03:00:00Z", 0.5, id="2e")]
        >>> [len(risk.id) for risk in with_lives(risks, {"p1": 1})], risks[1].id
        ([16, 2], '2e')
    """
    for line in lines if lives else ():
        if isinstance(line, Risk | Alert) and line.stay in lives and line.id is not None:
            line.id = hashlib.blake2b(f"{line.id}\0{lives[line.stay]}".encode(), digest_size=8).hexdigest()
    return lines
