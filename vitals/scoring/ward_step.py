"""Rows in, risks out: the one way from rows to risks, offline and live."""

from __future__ import annotations

import numpy as np

from vitals.scoring.model import Model
from vitals.windowing.types import Float32, Int64, Rows

BLOCK = 256
"""Beds in one ONNX Runtime call: large enough to fill the processor, small enough to stay in its cache."""


def score_rows(model: Model, hidden: Float32, rows: Rows) -> Float32:
    """Score rows and move the ward's state on.

    Beds go together, steps one after the other: the j-th rows of all beds that have one are a single call. A row's
    risk therefore never depends on how many rows or beds came with it.

    Args:
        model: the opened model.
        hidden: ``(B, H)`` state of every bed of the ward; updated in place.
        rows: closed steps, ordered by bed and time.

    Returns:
        ``(R,)`` float32: calibrated risks, NaN where ``rows.reason`` says why there is none.
    """
    risk = np.empty(len(rows), np.float32)
    begins = np.ones(len(rows), np.bool_)
    np.not_equal(rows.bed[1:], rows.bed[:-1], out=begins[1:])
    first = np.flatnonzero(begins)
    length = np.append(first[1:], len(rows)) - first
    longest_first = np.argsort(-length, kind="stable")
    for at in range(0, len(first), BLOCK):
        block = longest_first[at : at + BLOCK]
        _score_block(model, hidden, rows, first[block], length[block], risk)
    risk[rows.reason != 0] = np.nan
    return risk


def _score_block(model: Model, hidden: Float32, rows: Rows, first: Int64, length: Int64, risk: Float32) -> None:
    beds = rows.bed[first]
    state = hidden[beds]
    for j in range(int(length[0])):
        # lengths fall, so the beds that still have a row are the first n
        n = int(np.searchsorted(-length, -j, side="left"))
        at = first[:n] + j
        out, state[:n] = model.step(rows.value[at][:, None], rows.age[at][:, None], state[:n])
        risk[at] = out[:, 0]
    hidden[beds] = state
