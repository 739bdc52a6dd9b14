"""What windowing takes in: the demographics of some stays and their samples, each bed's together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vitals.spec.settings import Settings
from vitals.windowing.types import Events, Int64


def demographics(settings: Settings, stays: pd.DataFrame, admitted: Int64) -> Events:
    """What is known of stays at admission, as samples at that time; bed = row of ``stays``.

    Args:
        settings: which demographics become channels.
        stays: the table of the stays.
        admitted: when each began, ``(S,)`` microseconds UTC.
    """
    names = settings.demographics
    unknown = np.full(len(stays), np.nan, np.float32)
    known = [stays[name].to_numpy(np.float32) if name in stays else unknown for name in names]
    value = np.stack(known, axis=1) if names else np.empty((len(stays), 0), np.float32)
    bed, column = np.nonzero(~np.isnan(value))
    channel = (column + len(settings.signals)).astype(np.int16)
    return Events(bed.astype(np.int32), admitted[bed], channel, value[bed, column])


def grouped_by_bed(pieces: list[Events], beds: int) -> Events:
    """Join pieces so that each bed's events lie together, demographics (the first piece) before samples.

    Every piece is ordered by bed and the samples come bed after bed, so an event's place is its rank among its own
    kind plus the events of the other kind before it: no sort is needed.

    Args:
        pieces: demographics, then samples.
        beds: number of beds.

    Example:
        >>> one = Events(*(np.array([n]) for n in (0, 5, 0, 70)))
        >>> grouped_by_bed([one, Events(*(np.array([n, n]) for n in (0, 6, 1, 80)))], beds=1).value.tolist()
        [70.0, 80.0, 80.0]
    """
    known = pieces[0]
    before = np.concatenate([[0], np.cumsum(np.bincount(known.bed, minlength=beds))])
    bed_of_samples = np.concatenate([piece.bed for piece in pieces[1:]]) if pieces[1:] else np.empty(0, np.int32)
    samples_before = np.concatenate([[0], np.cumsum(np.bincount(bed_of_samples, minlength=beds))])
    places = [np.arange(len(known)) + samples_before[known.bed]]
    begin = 0
    for piece in pieces[1:]:
        places.append(np.arange(begin, begin + len(piece)) + before[piece.bed + 1])
        begin += len(piece)
    total = len(known) + begin
    out = Events(
        np.empty(total, np.int32), np.empty(total, np.int64), np.empty(total, np.int16), np.empty(total, np.float32)
    )
    for piece, place in zip(pieces, places, strict=True):
        out.bed[place], out.time[place], out.signal[place], out.value[place] = (
            piece.bed, piece.time, piece.signal, piece.value,
        )  # fmt: skip
    return out
