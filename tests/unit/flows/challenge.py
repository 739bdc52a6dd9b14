"""A made-up challenge: hourly PSV files of two hospitals, and what came true of stays, without any file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vitals.cohort.hourly import COLUMNS
from vitals.flows.benchmark_truth import Truth, folds_of
from vitals.labelling.labels import NO_ONSET

HOUR = 3_600_000_000
BEGIN = 1_546_300_800_000_000


def write_challenge(folder: Path, stays: int = 120, seed: int = 1) -> Path:
    """As many stays of each hospital, a third of them septic: pulse and rate rise in the hours before, amid much noise.

    Without the noise a network could tell the few patients of the tuning part apart without error, and no calibration
    would be steep enough.
    """
    draw = np.random.default_rng(seed)
    for hospital in range(2):
        home = folder / f"training_set{'AB'[hospital]}"
        home.mkdir(parents=True)
        for number in range(stays):
            name = home / f"p{hospital}{number:05d}.psv"
            name.write_text("|".join(COLUMNS) + "\n" + "\n".join(_rows(draw, septic=number % 3 == 0)) + "\n")
    return folder


def _rows(draw: np.random.Generator, *, septic: bool) -> list[str]:
    hours = int(draw.integers(14, 30))
    first = int(draw.integers(8, hours - 2)) if septic else hours + 99
    person = {"Age": f"{draw.uniform(30, 90):.1f}", "Gender": str(draw.integers(2)), "Unit1": "1", "Unit2": "0"}
    rows = []
    for hour in range(hours):
        ill = max(0.0, min(1.0, (hour - first + 8) / 8))
        values = {
            "HR": f"{80 + 12 * ill + draw.normal(0, 9):.0f}", "Resp": f"{16 + 4 * ill + draw.normal(0, 3):.0f}",
            "O2Sat": f"{min(97 - 2 * ill + draw.normal(0, 1.5), 100):.0f}", "SBP": f"{125 - 9 * ill + draw.normal(0, 10):.0f}",
        }  # fmt: skip
        values = {name: value for name, value in values.items() if draw.random() < 0.8}
        cells = {
            **values,
            **person,
            "HospAdmTime": "-3",
            "ICULOS": str(hour + 1),
            "SepsisLabel": str(int(hour >= first)),
        }
        rows.append("|".join(cells.get(column, "NaN") for column in COLUMNS))
    return rows


def random_truth(stays: int = 40, seed: int = 1, patients: int | None = None) -> Truth:
    """Stays of two hospitals; of every third the label turns 1 at some hour, six hours before the onset."""
    draw = np.random.default_rng(seed)
    length = draw.integers(9, 30, stays)
    first = np.where(np.arange(stays) % 3 == 0, draw.integers(3, 9, stays), 10_000)
    hour = np.concatenate([np.arange(n) for n in length])
    bed = np.repeat(np.arange(stays), length)
    subject = np.array([f"p{i % (patients or stays)}" for i in range(stays)])
    return Truth(
        stay=np.arange(stays), subject_id=subject, site=np.where(np.arange(stays) % 2 == 0, "A", "B"),
        fold=folds_of(subject.tolist(), 3), admitted=np.full(stays, BEGIN), discharged=BEGIN + length * HOUR,
        onset=np.where(first < 10_000, BEGIN + (first + 7) * HOUR, NO_ONSET), start=np.r_[0, np.cumsum(length)],
        time=BEGIN + (hour + 1) * HOUR, label=(hour >= first[bed]).astype(np.float32), usable=np.ones(len(bed), bool),
        news2=(draw.integers(0, 9, len(bed)) / np.float32(20)).astype(np.float32),
    )  # fmt: skip
