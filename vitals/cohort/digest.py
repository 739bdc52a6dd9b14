"""One digest for the content of a cohort: the same tables have the same digest, however they were cut or compressed."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from vitals.cohort.tables import Samples, microseconds


class CohortDigest:
    """A SHA-256 that grows with the samples and ends with the stays and outcomes.

    Each column has a hash of its own, so the digest does not depend on how the samples were cut into chunks; signals
    are numbered by first appearance, so it does not depend on the catalogue either.
    """

    def __init__(self) -> None:
        self._columns = {name: hashlib.sha256() for name in ("stay", "time", "signal", "value", "arrival")}
        self._codes: dict[str, int] = {}

    def update(self, samples: Samples, first_stay: int = 0) -> None:
        """Take in the next samples; ``first_stay`` is added to their stay positions."""
        used, first = np.unique(samples.signal, return_index=True)
        codes = np.zeros(len(samples.names), np.int16)
        for code in used[np.argsort(first)].tolist():
            codes[code] = self._codes.setdefault(samples.names[code], len(self._codes))
        columns = {
            "stay": samples.stay.astype("<i4") + np.int32(first_stay),
            "time": samples.time.astype("<i8", copy=False),
            "signal": codes[samples.signal],
            "value": samples.value.astype("<f4", copy=False),
        }
        if samples.arrival is not None:
            columns["arrival"] = samples.arrival.astype("<i8", copy=False)
        for name, column in columns.items():
            self._columns[name].update(np.ascontiguousarray(column).data)

    def text(self, stays: pd.DataFrame, outcomes: pd.DataFrame) -> str:
        """The digest of everything, 64 hexadecimal characters."""
        whole = hashlib.sha256()
        for name, column in self._columns.items():
            whole.update(name.encode() + column.digest())
        whole.update("\x1f".join(self._codes).encode())
        for frame in (stays, outcomes):
            for name in frame.columns:
                whole.update(f"\x1e{name}\x1f{_joined(frame[name])}".encode())
        return whole.hexdigest()


def _joined(column: pd.Series) -> str:
    if pd.api.types.is_datetime64_any_dtype(column.dtype) and not column.isna().any():
        return "\x1f".join(map(str, microseconds(column, str(column.name)).tolist()))
    missing = column.isna().to_numpy()
    return "\x1f".join("" if gone else str(item) for item, gone in zip(column.tolist(), missing, strict=True))
