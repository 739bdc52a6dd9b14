"""How well NEWS2 ranks the minutes of the simulated ward: AUROC of a deterioration within the next six hours.

    python benchmarks/simulator_auroc.py [--beds 200] [--hours 72] [--seeds 7 8 9]

The rows are those of settings/ward.toml (one a minute, carried values), NEWS2 reads what a model would read, each
value carried at most eight hours. Rows in the warm-up, rows from the onset on and rows without any component are left
out. The figure for a trained model comes from `vitals evaluate` on a simulated cohort.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from vitals.bedside.criteria import shock_index
from vitals.bedside.mews import mews
from vitals.bedside.news2 import news2
from vitals.bedside.score import score_rows
from vitals.labelling.labels import label_rows
from vitals.labelling.ranking import auprc, auroc
from vitals.simulator.simulate import simulate
from vitals.simulator.ward import Ward
from vitals.spec.settings import Settings
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.types import Dropped, Events, Reason, Rows

SETTINGS = Path(__file__).parent.parent / "settings" / "ward.toml"
SCORES = {"NEWS2": news2, "MEWS": mews, "shock index": shock_index}


def rows_of(ward: Ward, settings: Settings) -> tuple[Rows, Dropped]:
    """Every row of the ward, and the samples that were left out."""
    carry = Carry.empty(settings, beds=len(ward.stays))
    carry.admit(np.arange(len(ward.stays)), ward.stays.admitted)
    beds = np.arange(len(ward.stays), dtype=np.int32)
    columns = [(beds, ward.stays.admitted, np.full(len(beds), settings.channels.index(name), np.int16),
                getattr(ward.stays, name)) for name in settings.demographics]  # fmt: skip
    channel = np.array([settings.channels.index(name) for name in ward.signals], np.int16)
    columns.append((ward.events.stay, ward.events.time, channel[ward.events.signal], ward.events.value))
    events = Events(*(np.concatenate(column) for column in zip(*columns, strict=True)))
    _, rows, dropped = advance(settings, carry, events, until=ward.stays.discharged)
    return rows, dropped


def measure(beds: int, hours: float, seed: int, settings: Settings) -> dict[str, float]:
    """One simulated ward: print what is in it and how well each score ranks its minutes."""
    started = time.perf_counter()
    ward = simulate(beds, hours, seed)
    seconds = time.perf_counter() - started
    rows, dropped = rows_of(ward, settings)
    label, usable = label_rows(settings.label, rows.time, rows.bed, ward.outcomes.stay, ward.outcomes.onset)
    usable &= rows.reason != Reason.WARMING_UP
    kept = Rows(*(getattr(rows, name)[usable] for name in Rows.__dataclass_fields__))
    days = (ward.stays.discharged - ward.stays.admitted).sum() / 86_400e6
    print(
        f"seed {seed}: {len(ward.stays)} stays, {days:.0f} patient-days, {len(ward.outcomes)} deteriorations, ", end=""
    )
    print(f"{len(ward.events)} samples ({dropped.counts()} left out) in {seconds:.1f} s; ", end="")
    print(f"{len(kept)} rows, {label[usable].mean():.1%} positive")
    found = {}
    for name, score in SCORES.items():
        points = score_rows(score, kept, settings.channels, max_age_hours=8).score
        known = np.isfinite(points)
        y, points = label[usable][known], points[known]
        found[name] = auroc(y, points)
        print(f"  {name:12} AUROC {found[name]:.3f}  AUPRC {auprc(y, points):.3f}  rows scored {known.mean():.1%}")
        if name == "NEWS2":
            shares = ", ".join(f"≥{bar}: {(points[y == 0] >= bar).mean():.1%} of quiet minutes, "
                               f"{(points[y == 1] >= bar).mean():.1%} of the last six hours" for bar in (5, 7))  # fmt: skip
            print(f"               {shares}")
    return found


def main() -> None:
    """Measure every seed, then print the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beds", type=int, default=200)
    parser.add_argument("--hours", type=float, default=72)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9])
    options = parser.parse_args()
    settings = Settings.from_toml(SETTINGS)
    found = [measure(options.beds, options.hours, seed, settings) for seed in options.seeds]
    for name in SCORES:
        values = [one[name] for one in found]
        print(f"{name}: AUROC {np.mean(values):.3f} (from {min(values):.3f} to {max(values):.3f})")


if __name__ == "__main__":
    main()
