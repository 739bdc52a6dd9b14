"""How stays and events end, looked over: what would make the judging of alerts mean something else than it should."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vitals.cohort.findings import Finding, Level
from vitals.cohort.store import Cohort
from vitals.labelling.labels import NO_ONSET
from vitals.windowing.types import Int64

HOUR = 3_600_000_000
_FAR = 24 * HOUR  # a recognition further outside its stay than this is told


def endings(cohort: Cohort) -> Iterator[Finding]:
    """What is odd about how stays and events end, and about when events were recognised.

    Args:
        cohort: one that breaks no rule of writing.

    Example:
        >>> import tempfile
        >>> from vitals.cohort.store import write_cohort
        >>> stays = pd.DataFrame({"stay_id": ["s1"], "subject_id": ["p1"], "site": ["A"], "admitted": [0],
        ...     "discharged": [HOUR]})
        >>> events = pd.DataFrame({"stay_id": ["s1"], "time": [60], "signal": ["heart_rate"], "value": [80.0]})
        >>> outcomes = pd.DataFrame({"stay_id": ["s1"], "kind": ["sepsis"], "onset": [900], "end": [2 * HOUR]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cohort = write_cohort(folder + "/c", events, stays, outcomes, source="an example", licence="CC0")
        ...     [finding.came for finding in endings(cohort)]
        ['1 events that end after the discharge']
    """
    words = cohort.ended
    if words is not None and not (words == "home").any():
        came = f"no stay that ended well ({int((words == 'died').sum()):,} died, the others are lost)"
        cure = "alerts near such an end are neither true nor false: check the words, or leave the column out"
        yield Finding("warning", "stays.ended", came, "stays after which nothing came", cure, len(cohort))
    for kind in dict.fromkeys(cohort.outcomes["kind"]):
        yield from _events(cohort, kind)


def _events(cohort: Cohort, kind: str) -> Iterator[Finding]:
    """Ends and recognitions of one kind of event against the stay and against each other."""
    stay, onset, end, seen = cohort.outcome_times(kind)
    admitted, discharged = cohort.admitted[stay], cohort.discharged[stay]
    ended, again = end != NO_ONSET, _again(stay, end)
    far = (seen != NO_ONSET) & ((seen < admitted - _FAR) | (seen - _FAR > discharged))
    told: tuple[tuple[Level, NDArray[np.bool_], str, str, str], ...] = (
        ("warning", ended & (end > discharged), "events that end after the discharge", "ends within the stay, or none",
         "such a stay is not at risk again; compare the clocks of the two columns"),
        ("warning", (again != NO_ONSET) & (onset < again), "onsets before the end of an earlier event",
         "one event at a time", "they count as part of the earlier one; join them, or mend the end"),
        ("note", (again == NO_ONSET) & ended.any(), "onsets after an event without an end", "an end of every earlier event",
         "they are not judged, since the stay is never at risk again; fill in the end"),
        ("warning", far, "events recognised more than 24 h outside the stay", "a time within the stay, or none",
         "mend the time, or leave it out: what is missing counts as not recognised before any alert"),
    )  # fmt: skip
    for level, bad, came, wanted, cure in told:
        if bad.any():
            first = cohort.stays["stay_id"].iloc[stay[int(np.argmax(bad))]]
            where = f"outcomes, {kind}, stay {first}" + (", and others" if bad.sum() > 1 else "")
            yield Finding(level, where, f"{int(bad.sum()):,} {came}", wanted, cure, int(bad.sum()))


def _again(stay: Int64, end: Int64) -> Int64:
    """From when on each event's stay is at risk again after its earlier events, ``(n,)``; long ago for the first."""
    latest = pd.Series(end).groupby(stay).cummax()
    return latest.groupby(stay).shift(fill_value=np.iinfo(np.int64).min).to_numpy(np.int64)
