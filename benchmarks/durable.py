"""A ward that keeps what it takes in, against the same ward that does not: events a second through the whole of ``watch``.

    python benchmarks/durable.py [--beds 2000] [--events 1000000] [--rounds 3] [--hidden 64] [--dir DIR]

The same NDJSON goes through a pipe and ``watch`` without a folder, with one, and with one that is started again on
the whole input (all of which it recognises). Seconds are those that passed, since waiting for the disk is part of it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import _timing  # noqa: F401 (one thread)
import numpy as np

from vitals.flows.watching import watch
from vitals.learning.export import export
from vitals.learning.network import Network
from vitals.spec.settings import Settings

SETTINGS = Path(__file__).parent.parent / "settings" / "sepsis-icu.toml"
BEGIN = 1_767_225_600_000_000
SECOND = 1_000_000
ALONE, KEPT, AGAIN = "without a log", "with --state", "recognised again"


def feed_of(beds: int, events: int) -> bytes:
    """One event a bed and second, of one signal after the other."""
    draw = np.random.default_rng(3)
    signals = list(Settings.from_toml(SETTINGS).signals)[:4]
    values = draw.integers(60, 100, events).tolist()
    times = [str(np.datetime64(BEGIN + SECOND * i, "us"))[:19] + "Z" for i in range(events // beds + 1)]
    lines = (
        f'{{"stay":"p{i % beds:06d}","time":"{times[i // beds]}","signal":"{signals[i // beds % 4]}","value":{v}}}\n'
        for i, v in enumerate(values)
    )
    return "".join(lines).encode()


def write_model(path: Path, hidden: int) -> None:
    """A GRU of random weights: speed does not depend on them."""
    tables = Settings.from_toml(SETTINGS).to_tables()
    tables["network"].update(kind="gru", embed=hidden, hidden=hidden)
    settings = Settings.from_tables(tables)
    path.write_bytes(export(Network(settings).eval(), settings, {}))


def seconds(model: Path, feed: Path, state: Path | None) -> tuple[float, dict[str, Any]]:
    """Seconds of one run whose lines come through a pipe, and its summary."""
    with tempfile.TemporaryFile() as sink, subprocess.Popen(["cat", feed], stdout=subprocess.PIPE) as source:
        assert source.stdout is not None
        began = perf_counter()
        told = watch(model, source.stdout, sink, state=state)
        return perf_counter() - began, told


def require_same(name: str, told: dict[str, Any], alone: dict[str, Any], events: int) -> None:
    """A ward that says something else, or takes in again what it should recognise, is not compared."""
    recognised = events if name == AGAIN else 0
    if told.get("recognised", 0) != recognised:
        raise SystemExit(f"{name}: {told.get('recognised', 0):,} lines recognised instead of {recognised:,}")
    for what in ("risks", "technical", "left_out"):
        if name != AGAIN and told[what] != alone[what]:
            raise SystemExit(f"{name}: {what} {told[what]} instead of {alone[what]}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beds", type=int, default=2000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--dir", type=Path, help="where the state goes; a disk, not a memory file system")
    options = parser.parse_args(arguments)
    home = Path(tempfile.mkdtemp(dir=options.dir))
    model, feed = home / "model.onnx", home / "feed.ndjson"
    feed.write_bytes(feed_of(options.beds, options.events))
    write_model(model, options.hidden)
    seconds(model, feed, home / "warm")  # what is compiled is compiled
    rates: dict[str, list[float]] = {ALONE: [], KEPT: [], AGAIN: []}
    alone: dict[str, Any] = {}
    for number in range(options.rounds):
        for name, state in zip(rates, (None, home / str(number), home / str(number)), strict=True):
            took, told = seconds(model, feed, state)
            alone = alone or told
            require_same(name, told, alone, options.events)
            rates[name].append(options.events / took)
        shutil.rmtree(home / str(number))
    base = np.median(rates[ALONE])
    for name, values in rates.items():
        rate = float(np.median(values))
        print(
            f"{name:<18} {rate:>12,.0f} events/s  ({min(values):,.0f} to {max(values):,.0f}), ratio {rate / base:.2f}"
        )
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
