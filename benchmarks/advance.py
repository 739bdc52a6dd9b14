"""Windowing: one call of ``advance`` against pandas, polars and numpy doing the same work on the same samples.

    python benchmarks/advance.py [--stays 4000] [--hours 40] [--data COHORT] [--rounds 5]

The work: samples of a whole cohort to rows, the last value of each signal in a step, carried forward while it is not
too old, with its age in hours. Before anything is timed, every peer's table must equal that of ``advance`` bit by bit
(single precision, NaN where nothing is known). Made-up samples by default; with --data those of a cohort folder under
settings/sepsis-icu.toml.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import _timing  # first: it allows one thread
import numpy as np
from _peers import Work, as_array, numpy_flat, pandas_asof, pandas_ffill, polars_asof
from _timing import Spread

from vitals.cohort.store import open_cohort
from vitals.signals import catalogue, signal
from vitals.spec.settings import HOUR, Settings
from vitals.windowing.advance import advance
from vitals.windowing.carry import Carry
from vitals.windowing.types import Dropped, Events, Rows

SETTINGS = Path(__file__).parent.parent / "settings" / "sepsis-icu.toml"
PEERS = {"polars as-of": polars_asof, "numpy": numpy_flat, "pandas as-of": pandas_asof, "pandas ffill": pandas_ffill}
MAX_AGES = ("8h", "24h", "stay")
SAMPLE_BYTES, CELL_BYTES = 4 + 8 + 2 + 4, 4 + 4
MINUTE = HOUR // 60


def made_up(stays: int, hours: int, channels: int = 40, filled: float = 0.2, seed: int = 7) -> Work:
    """Stays of equal length; samples at random minutes, so that about this share of the cells has one or more."""
    names = [one.name for one in catalogue().values() if one.kind != "demographic"][:channels]
    settings = Settings.from_tables({
        "name": "benchmark", "window": {"step": "1h"}, "label": {"kind": "sepsis", "horizon": "6h"},
        "signals": {name: {"max_age": MAX_AGES[i % len(MAX_AGES)]} for i, name in enumerate(names)},
    })  # fmt: skip
    rng = np.random.default_rng(seed)
    cells = stays * hours * channels
    # distinct (stay, minute, channel), in this order
    place = np.unique(rng.integers(0, cells * 60, int(-np.log1p(-filled) * cells)))
    stay, minute, channel = place // (hours * 60 * channels), place // channels % (hours * 60), place % channels
    low, high = np.array([signal(name).limits for name in names], np.float32).T[:, channel]
    value = np.clip(low + (high - low) * rng.random(len(place), np.float32), low, high)
    admitted = rng.integers(0, 365 * 24 * 60, stays) * MINUTE
    events = Events(
        stay.astype(np.int32), admitted[stay] + (minute + 1) * MINUTE, channel.astype(np.int16), value
    )  # fmt: skip
    return Work(settings, events, admitted, admitted + hours * HOUR)


def of_cohort(path: Path) -> Work:
    """Every stay of a cohort folder."""
    settings, cohort = Settings.from_toml(SETTINGS), open_cohort(path)
    return Work(settings, cohort.events(settings), cohort.admitted, cohort.discharged)


def windowed(work: Work) -> tuple[Rows, Dropped]:
    """What is measured."""
    carry = Carry.empty(work.settings, len(work.admitted))
    carry.admit(np.arange(len(work.admitted)), work.admitted)
    return advance(work.settings, carry, work.events, until=work.discharged)[1:]


def prepared(work: Work, dropped: Dropped) -> Work:
    """The same samples as the peers need them: none left out, those in another unit converted, by stay and time."""
    events, keep = work.events, np.ones(len(work.events), bool)
    keep[dropped.event] = False
    value = events.value.copy()
    value[dropped.repaired.event] = dropped.repaired.value
    order = np.lexsort((events.time, events.bed))
    order = order[keep[order]]
    events = Events(events.bed[order], events.time[order], events.signal[order], value[order])
    return Work(work.settings, events, work.admitted, work.discharged)


def require_same(work: Work, rows: Rows) -> None:
    """Stop unless every peer gives the same bits."""
    for name, peer in PEERS.items():
        value, age = map(as_array, peer(work))
        for what, theirs, ours in (("value", value, rows.value), ("age", age, rows.age)):
            if not np.array_equal(theirs, ours, equal_nan=True):
                sys.exit(f"{name} gives another {what} than advance: the comparison would mean nothing")


def report(work: Work, rows: Rows, seconds: dict[str, np.ndarray], copied: float) -> None:
    """Print rates, ratios and the share of the memory's bandwidth."""
    ours = seconds["advance"]
    least = len(work.events) * SAMPLE_BYTES + rows.value.size * CELL_BYTES
    print(f"advance: {Spread.of(rows.value.size / ours / 1e6)} million cells/s")
    print(f"         {Spread.of(len(work.events) / ours / 1e6)} million samples/s")
    print(f"         {Spread.of(least / ours / (copied / seconds['copy']))} of the bandwidth of a plain copy")
    for name in PEERS:
        print(f"{name:12} takes {Spread.of(seconds[name] / ours)} times as long")


def main(arguments: list[str] | None = None) -> None:
    """Check that everybody computes the same, then time it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stays", type=int, default=4000)
    parser.add_argument("--hours", type=int, default=40)
    parser.add_argument("--data", type=Path, metavar="COHORT")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    work = of_cohort(options.data) if options.data else made_up(options.stays, options.hours)
    rows, dropped = windowed(work)
    print(
        f"{len(work.admitted)} stays, {len(work.events)} samples -> {len(rows)} rows x {rows.value.shape[1]} channels"
    )
    clean = prepared(work, dropped)
    require_same(clean, rows)
    print("every peer gives the same values and ages, bit by bit")
    copy, copied = _timing.copy_bandwidth(256)
    peers = {name: lambda peer=peer: peer(clean) for name, peer in PEERS.items()}
    seconds = _timing.race({"advance": lambda: windowed(work), **peers, "copy": copy}, options.rounds)
    report(work, rows, seconds, copied)


if __name__ == "__main__":
    main()
