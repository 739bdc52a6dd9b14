"""Which part of the data a patient belongs to, whatever else is in the data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from vitals.spec.settings import Split

PARTS = ("train", "validation", "tuning", "held_out")
_SPAN = float(1 << 64)


def parts(split: Split, subject_ids: Iterable[str]) -> NDArray[np.str_]:
    """The part of each patient: ``"train"``, ``"validation"``, ``"tuning"`` or ``"held_out"``.

    A patient's part follows from the seed and the patient's own id alone, so all stays of a patient share one part,
    and it stays the same when the data grow, shrink or change order.

    Args:
        split: the seed and the shares.
        subject_ids: one id a stay, ``(n,)``.

    Returns:
        One of :data:`PARTS` for each id, ``(n,)``.

    Example:
        >>> bool(parts(Split(), ["p000001", "p000002"])[1] == parts(Split(), ["p000002"])[0])
        True
    """
    ids = np.asarray(list(map(str, subject_ids)), dtype=np.str_)
    distinct, position = np.unique(ids, return_inverse=True)
    key = str(split.seed).encode()
    digests = (hashlib.blake2b(name.encode(), digest_size=8, key=key).digest() for name in distinct.tolist())
    fraction = np.array([int.from_bytes(digest, "big") / _SPAN for digest in digests])
    bounds = np.cumsum([split.train, split.validation, split.tuning])
    # The sum of the shares may miss 1 by a rounding error; what lies above the last bound is held out all the same.
    part_of = np.searchsorted(bounds, fraction, side="right")
    return np.asarray(np.array(PARTS)[part_of][position])
