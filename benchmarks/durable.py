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

import _timing  # noqa: F401 (one thread)
import numpy as np

from vitals.flows.watching import watch
from vitals.learning.export import export
from vitals.learning.network import Network
from vitals.spec.settings import Settings

SETTINGS = Path(__file__).parent.parent / "settings" / "sepsis-icu.toml"
BEGIN = 1_767_225_600_000_000
SECOND = 1_000_000


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


def seconds(model: Path, feed: Path, state: Path | None) -> float:
    """Seconds of one run whose lines come through a pipe."""
    with tempfile.TemporaryFile() as sink, subprocess.Popen(["cat", feed], stdout=subprocess.PIPE) as source:
        assert source.stdout is not None
        began = perf_counter()
        watch(model, source.stdout, sink, state=state)
        return perf_counter() - began


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
    rates: dict[str, list[float]] = {"without a log": [], "with --state": [], "recognised again": []}
    for number in range(options.rounds):
        for name, state in zip(rates, (None, home / str(number), home / str(number)), strict=True):
            rates[name].append(options.events / seconds(model, feed, state))
        shutil.rmtree(home / str(number))
    base = np.median(rates["without a log"])
    for name, values in rates.items():
        rate = float(np.median(values))
        print(
            f"{name:<18} {rate:>12,.0f} events/s  ({min(values):,.0f} to {max(values):,.0f}), ratio {rate / base:.2f}"
        )
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
