"""Simulate: a made-up ward becomes a cohort folder, so that everything can be tried without anybody's data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vitals.cohort.store import open_cohort
from vitals.cohort.tables import Samples, timestamps
from vitals.cohort.writing import About, Part, write_parts
from vitals.flows.importing import summary
from vitals.simulator.simulate import simulate
from vitals.simulator.ward import Ward

Progress = Callable[[int, int, str], None]


def simulate_cohort(
    destination: Path, beds: int, hours: float, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Simulate a ward and write it as a cohort folder; the same arguments give the same tables.

    Args:
        destination: the cohort folder to write; it may replace an older cohort but nothing else.
        beds: how many stays.
        hours: how long a stay lasts at most, about.
        seed: another seed, another ward.
        progress: called with stays done, all stays, and a label.

    Returns:
        The summary of :func:`vitals.flows.importing.summary`.

    Raises:
        SettingsError: no bed, or less than an hour.
        DataError: ``destination`` holds something else.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     simulate_cohort(Path(folder) / "ward", beds=3, hours=8, seed=1)["stays"]
        3
    """
    ward = simulate(beds, hours, seed, None if progress is None else lambda done, total: progress(done, total, "stays"))
    source = f"simulated ward: {beds} stays of up to {hours:g} h, seed {seed}"
    write_parts(destination, [_part(ward)], About(source, "CC0-1.0 (nobody's data)"))
    return summary(open_cohort(destination))


def _part(ward: Ward) -> Part:
    """The whole ward as tables."""
    stays, events, outcomes = ward.stays, ward.events, ward.outcomes
    course = np.full(len(stays), "none", dtype=object)
    course[outcomes.stay] = outcomes.course
    table = pd.DataFrame(
        {
            "stay_id": stays.stay_id,
            "subject_id": stays.subject_id,
            "site": stays.site,
            "admitted": timestamps(stays.admitted),
            "discharged": timestamps(stays.discharged),
            "age": stays.age,
            "sex": stays.sex,
            "course": course,
        }
    )
    onsets = pd.DataFrame(
        {"stay_id": stays.stay_id[outcomes.stay], "kind": outcomes.kind, "onset": timestamps(outcomes.onset)}
    )
    samples = Samples(events.stay, events.time, events.signal, events.value, ward.signals, events.arrival)
    return Part(table, onsets, samples)
