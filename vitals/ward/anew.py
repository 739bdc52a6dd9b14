"""Beds whose clock was led astray begin anew: a wrong time may cost what was known, but never blinds a bed for good."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from vitals.feeds.lines import Alert, Output, Risk
from vitals.spec.settings import Settings
from vitals.ward.beds import Beds
from vitals.ward.sources import TOO_FAR
from vitals.ward.tally import Tally
from vitals.windowing.carry import Carry
from vitals.windowing.close import copy_waiting
from vitals.windowing.order import room_for_samples
from vitals.windowing.types import NEVER, Events, Int64


def astray(
    settings: Settings, carry: Carry, beds: Beds, tally: Tally, now: int
) -> Iterator[tuple[Int64, Int64, Events]]:
    """Beds that are ahead of now by more than any clock may be: their samples would be late or history until then.

    Args:
        settings: channels and window.
        carry: the windowing's state.
        beds: who lies where; it is told.
        tally: it is told, too.
        now: microseconds UTC.

    Yields:
        The bed and when it is to begin anew (on the grid of the calendar), ``(1,)`` each, and the demographics that are known of its patient.
    """
    slabs, step = carry.slabs, int(settings.window.step)
    known = np.maximum(np.maximum(slabs.watermark, slabs.closed), slabs.admitted)
    begin = (now - 1) // step * step
    for bed in np.flatnonzero(known > now + TOO_FAR).tolist():
        known_of_patient = demographics_of(carry, bed, len(settings.signals), begin)
        beds.begin_anew(beds.stay[bed])
        tally.note("began_anew", beds.stay[bed], now)
        yield np.array([bed]), np.array([begin]), known_of_patient


def demographics_of(carry: Carry, bed: int, signals: int, time: int) -> Events:
    """What was known at the admission to a bed, as samples of another time.

    Args:
        carry: the windowing's state.
        bed: row of the ward.
        signals: columns before the demographics.
        time: of the samples.
    """
    slabs, waiting = carry.slabs, int(carry.slabs.waiting[bed])
    columns = range(signals, slabs.value.shape[1])
    known = {c: float(slabs.value[bed, c]) for c in columns if slabs.sampled[bed, c] != NEVER}
    open_ = room_for_samples(waiting)
    copy_waiting(carry.pool, slabs.head[bed], waiting, open_)
    known |= {int(c): float(value) for c, value in zip(open_.signal, open_.value, strict=True) if c >= signals}
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
