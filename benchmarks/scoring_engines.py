"""Scoring a cohort: one process, a pool, and Spark on this machine, from the cohort folder to the written table.

    python benchmarks/scoring_engines.py [MODEL] [--data COHORT] [--stays 4000] [--processes 2] [--rounds 3]

Without a cohort a ward is simulated. Seconds are those that pass, as work is done by other processes; each figure has
the start of its processes in it, and Spark is timed twice: with its start, and in a session that runs already. Before
anything counts, all tables must be the same, byte for byte.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _timing  # noqa: F401 (first: one thread in every process)
import numpy as np
import pandas as pd
from _timing import Spread

from vitals.cohort.store import open_cohort, write_cohort
from vitals.errors import SettingsError
from vitals.flows.score_spark import sparked_session
from vitals.flows.scores import Engine, score
from vitals.flows.simulation import simulate_cohort

ONE = "one process"


def first_stays(source: Path, stays: int, out: Path) -> Path:
    """A cohort of the first stays of another."""
    cohort = open_cohort(source)
    if len(cohort) <= stays:
        return source
    chosen = cohort.stays.iloc[:stays]
    names = chosen["stay_id"].to_numpy()
    parts = []
    for part in cohort.samples(0, stays):
        columns = {"stay_id": names[part.stay], "time": part.time, "value": part.value}
        columns["signal"] = np.array(part.names, object)[part.signal]
        parts.append(pd.DataFrame(columns | ({} if part.arrival is None else {"arrival": part.arrival})))
    none = cohort.outcomes[cohort.outcomes["stay_id"].isin(names)]
    plain = chosen.drop(columns="samples")
    write_cohort(
        out, pd.concat(parts), plain, none, source="a benchmark", licence="none", onset_slack=cohort.onset_slack
    )
    return out


def timed(run: Callable[[], dict[str, Any]]) -> float:
    """Seconds that pass."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def measure(model: Path, data: Path, engines: dict[str, Engine], rounds: int, home: Path) -> dict[str, np.ndarray]:
    """Seconds of every engine in every round, ``(rounds,)``; a first round compares the tables."""
    files = {name: home / f"{i}.parquet" for i, name in enumerate(engines)}
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(rounds + 1):
        for name, engine in engines.items():
            took = timed(lambda name=name, engine=engine: score(model, data, files[name], engine=engine))
            if turn:
                seconds[name].append(took)
            elif files[name].read_bytes() != files[ONE].read_bytes():
                sys.exit(f"{name} wrote another table: the comparison would mean nothing")
    return {name: np.array(values) for name, values in seconds.items()}


def measure_running(model: Path, data: Path, engine: Engine, rounds: int, home: Path) -> np.ndarray:
    """Seconds of Spark where a session runs already, with workers that have opened the model."""
    with sparked_session(engine.processes):
        score(model, data, home / "running.parquet", engine=engine)
        if (home / "running.parquet").read_bytes() != (home / "0.parquet").read_bytes():
            sys.exit("Spark in a session wrote another table: the comparison would mean nothing")
        return np.array([timed(lambda: score(model, data, None, engine=engine)) for _ in range(rounds)])


def show(seconds: dict[str, np.ndarray], rows: int) -> None:
    """A line an engine."""
    print(f"{'':28} {'seconds':>28} {'thousand rows/s':>28} {'times ' + ONE:>28}")
    for name, took in seconds.items():
        rate = Spread.of(rows / took / 1e3)
        # a running session has rounds of its own, so there is no ratio within a round
        times = "–" if name.endswith(", running") else Spread.of(seconds[ONE] / took)
        print(f"{name:28} {Spread.of(took)!s:>28} {rate!s:>28} {times!s:>28}")


def main(arguments: list[str] | None = None) -> None:
    """Measure on one cohort."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=Path("sepsis-icu"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--stays", type=int, default=4000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-spark", action="store_true")
    options = parser.parse_args(arguments)
    pool, spark = f"pool of {options.processes}", f"Spark, local[{options.processes}]"
    engines = {ONE: Engine(), pool: Engine("local", options.processes), spark: Engine("spark", options.processes)}
    if options.without_spark:
        del engines[spark]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if options.data is None:
            simulate_cohort(home / "ward", beds=options.stays, hours=24, seed=1)
        data = first_stays(options.data or home / "ward", options.stays, home / "cohort")
        summary = score(options.model, data)
        print(f"{summary['stays']:,} stays, {summary['rows']:,} rows, {options.model.name}")
        try:
            seconds = measure(options.model, data, engines, options.rounds, home)
            if spark in engines:
                running = measure_running(options.model, data, engines[spark], options.rounds, home)
                seconds[f"{spark}, running"] = running
        except SettingsError as missing:
            print(f"left out: {missing}")
            del engines[spark]
            seconds = measure(options.model, data, engines, options.rounds, home)
    print("all tables are the same, byte for byte")
    show(seconds, summary["rows"])


if __name__ == "__main__":
    main()
