"""The ground a benchmark stands on: the challenge's data as a cohort, and what came true of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vitals.cohort.store import open_cohort
from vitals.cohort.writing import MANIFEST
from vitals.errors import DataError
from vitals.flows.benchmark_files import digest_of, read_json, sources_digest, teaching_digest, write_json
from vitals.flows.benchmark_plan import Options
from vitals.flows.benchmark_truth import truth_of
from vitals.flows.study import open_study
from vitals.labelling.labels import NO_ONSET
from vitals.spec.modelfile import channel_table
from vitals.spec.settings import Settings

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Challenge:
    """A public challenge as it is benchmarked.

    Attributes:
        title: what it is called.
        recipe: the shipped settings.
        rows: whether every hour is judged, or the last row of each stay.
    """

    title: str
    recipe: str
    rows: Literal["hourly", "last"]


CHALLENGES = {
    "challenge2019": Challenge("PhysioNet/CinC Challenge 2019: sepsis, hour by hour", "sepsis-icu", "hourly"),
    "challenge2012": Challenge(
        "PhysioNet/CinC Challenge 2012: death in hospital, at 48 hours", "mortality-2012", "last"
    ),
}


@dataclass(frozen=True)
class Ground:
    """Where everything of one challenge lies.

    Attributes:
        cohort: the cohort folder.
        truth: the file of what came true.
        digest: of the stays, folds and labels in it.
        home: the folder of this challenge.
        sites: of the stays.
        facts: counts of stays, patients, onsets and rows.
    """

    cohort: Path
    truth: Path
    digest: str
    home: Path
    sites: tuple[str, ...]
    facts: dict[str, Any]

    @property
    def runs(self) -> Path:
        """The folder of the runs."""
        return self.home / "runs"

    @property
    def judged(self) -> Path:
        """The folder of judged lines."""
        return self.home / "judged"


def ready_ground(
    challenge: str, data: Path, home: Path, settings: Settings, options: Options, progress: Progress | None
) -> Ground:
    """Import the data and work out what came true, each once.

    Args:
        challenge: its name.
        data: the challenge's own folder, or a cohort folder.
        home: the folder of this challenge.
        settings: the recipe.
        options: folds, and whether a few stays are enough.
        progress: told what is being done.

    Raises:
        DataError: nothing to read, or no cohort of this challenge.
    """
    cohort = _ready_cohort(challenge, data, home, progress)
    for name in ("runs", "judged"):
        (home / name).mkdir(parents=True, exist_ok=True)
    tables = settings.to_tables()
    parts = [tables[name] for name in ("signals", "demographics", "window", "label")]
    data_digest = open_cohort(cohort).digest
    digest = digest_of([data_digest, parts, channel_table(settings), options.folds, options.quick])[:32]
    truth, told = home / f"truth-{digest}.npz", home / "truth.json"
    kept = read_json(told)
    if not truth.is_file() or kept.get("digest") != digest or kept.get("program") != teaching_digest():
        kept = _work_out(cohort, settings, options, truth, progress)
        kept |= {"digest": digest, "program": teaching_digest(), "data_digest": data_digest}
        write_json(told, kept)
    return Ground(cohort, truth, digest, home, tuple(kept["sites"]), kept)


def _work_out(
    cohort: Path, settings: Settings, options: Options, file: Path, progress: Progress | None
) -> dict[str, Any]:
    truth = truth_of(open_study(settings, [cohort], progress), settings, options.folds, options.quick)
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(truth.to_bytes())
    part.replace(file)
    return {
        "stays": len(truth), "patients": len(np.unique(truth.subject_id)), "rows": len(truth.time),
        "onsets": int((truth.onset != NO_ONSET).sum()),
        "sites": {str(site): int((truth.site == site).sum()) for site in np.unique(truth.site)},
    }  # fmt: skip


def _ready_cohort(challenge: str, data: Path, home: Path, progress: Progress | None) -> Path:
    if (data / MANIFEST).is_file():
        return data
    if not data.is_dir():
        wanted = f"the folder of {challenge}, or a cohort folder"
        raise DataError(f"--data {data}", "no such folder", wanted, "check the path")
    cohort, told = home / "cohort", home / "cohort.json"
    digest = sources_digest(data)
    if (cohort / MANIFEST).is_file() and read_json(told).get("sources") == digest:
        return cohort
    home.mkdir(parents=True, exist_ok=True)
    told.unlink(missing_ok=True)
    if challenge == "challenge2019":
        from vitals.cohort.challenge2019 import import_challenge2019

        import_challenge2019([data], cohort, progress)
    else:
        from vitals.cohort.challenge2012 import import_challenge2012

        import_challenge2012(data, cohort, progress)
    write_json(told, {"sources": digest})
    return cohort
