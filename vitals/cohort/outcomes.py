"""Outcomes of a cohort as arrays: when each began, when it was over and when clinicians recognised it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from vitals.cohort.tables import OUTCOME_TIMES, microseconds
from vitals.errors import DataError
from vitals.labelling.labels import NO_ONSET
from vitals.windowing.types import Int64


class OutcomeTimes(NamedTuple):
    """Outcomes of one kind, in the order of the table: by stay, and within a stay by onset.

    Attributes:
        stay: position of each one's stay in the table of stays, ``(n,)`` int64.
        onset: when it began, ``(n,)`` int64 microseconds UTC.
        end: when it was over, ``(n,)``; ``NO_ONSET`` where nobody knows.
        recognised: when clinicians first saw or treated it, ``(n,)``; ``NO_ONSET`` where nobody wrote it down.
    """

    stay: Int64
    onset: Int64
    end: Int64
    recognised: Int64


def outcome_times(stays: pd.DataFrame, outcomes: pd.DataFrame, kind: str, where: str = "outcomes") -> OutcomeTimes:
    """Every outcome of one kind.

    Args:
        stays: the table of stays.
        outcomes: ``stay_id, kind, onset`` and, where known, ``end`` and ``recognised``.
        kind: which outcomes.
        where: the table, to name in an error.

    Raises:
        DataError: an outcome of a stay that is not there, or a column that holds no times.

    Example:
        >>> stays = pd.DataFrame({"stay_id": ["a", "b"]})
        >>> outcomes = pd.DataFrame({"stay_id": ["b"], "kind": ["sepsis"], "onset": [50], "end": [80]})
        >>> times = outcome_times(stays, outcomes, "sepsis")
        >>> times.stay.tolist(), times.onset.tolist(), times.end.tolist(), times.recognised.tolist() == [NO_ONSET]
        ([1], [50], [80], True)
    """
    chosen = outcomes[outcomes["kind"] == kind]
    stay = pd.Index(stays["stay_id"]).get_indexer(pd.Index(chosen["stay_id"]))
    if (stay < 0).any():
        came = f'stay "{chosen["stay_id"].iloc[int(np.argmax(stay < 0))]}"'
        raise DataError(where, came, "a stay of stays.parquet", "import again")
    onset = microseconds(chosen["onset"], f"{where} onset")
    end, recognised = (_where_known(chosen, name, where) for name in OUTCOME_TIMES)
    return OutcomeTimes(np.asarray(stay, np.int64), onset, end, recognised)


def _where_known(chosen: pd.DataFrame, name: str, where: str) -> Int64:
    if name not in chosen.columns:
        return np.full(len(chosen), NO_ONSET, np.int64)
    return microseconds(chosen[name], f"{where} {name}", missing=NO_ONSET)
