"""A cohort of two stays in memory, and the small files written by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

ASSETS = Path(__file__).parents[2] / "assets"


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    """A copy of the small files, so that a test may spoil them."""
    return Path(shutil.copytree(ASSETS, tmp_path / "assets"))


@pytest.fixture
def frames() -> dict[str, pd.DataFrame]:
    """Events, stays and outcomes of two stays; times are minutes and become microseconds here."""
    minute = 60_000_000
    events = pd.DataFrame(
        [
            ("s2", 90, "spo2", 97.0),
            ("s1", 10, "heart_rate", 80.0),
            ("s1", 5, "heart_rate", 75.0),
            ("s1", 10, "sbp", 120.0),
        ],
        columns=["stay_id", "time", "signal", "value"],
    )
    stays = pd.DataFrame(
        [("s1", "p1", "A", 0, 120, 70.0, "x"), ("s2", "p2", "B", 60, 180, None, "y")],
        columns=["stay_id", "subject_id", "site", "admitted", "discharged", "age", "note"],
    )
    outcomes = pd.DataFrame([("s1", "sepsis", 100)], columns=["stay_id", "kind", "onset"])
    for frame, columns in ((events, ["time"]), (stays, ["admitted", "discharged"]), (outcomes, ["onset"])):
        frame[columns] = frame[columns] * minute
    return {"events": events, "stays": stays, "outcomes": outcomes}
