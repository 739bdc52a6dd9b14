"""Law 7 on every stay of a cohort: PyTorch, ONNX Runtime whole and step by step, and the live ward say the same.

    python benchmarks/parity_all.py [MODEL ...] --data COHORT [--no-watch]

1. The network is read back from the ONNX file; that it is the trained one shows when exporting it again gives the same
   graph, weights and all, byte for byte.
2. Every stay is computed four ways (PyTorch and ONNX Runtime, whole and step by step).
3. The cohort is replayed as a live feed (a process of its own, through a pipe) into ``watch``, and every risk that
   comes out is compared with the row that ``score`` wrote for the same stay and prediction time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import _timing  # noqa: F401 - allows one thread
import msgspec
import numpy as np
import pyarrow.parquet as pq
import torch
from _weights import network_of, same_graph

from vitals import flows
from vitals.cohort.store import open_cohort
from vitals.feeds.lines import Alert, Risk, Technical
from vitals.feeds.times import read_time
from vitals.flows.parity import measure_parity
from vitals.flows.study import cohort_rows
from vitals.learning.batches import Sequences
from vitals.scoring.model import open_model
from vitals.spec.modelfile import MODEL_FILE

ROOT = Path(__file__).parent.parent
_DECODER = msgspec.json.Decoder(Risk | Alert | Technical)


@dataclass
class Comparison:
    """A sink for ``watch`` that holds every risk against the row ``score`` gave.

    Attributes:
        time: prediction time of every row of ``score``, ``(R,)`` microseconds.
        risk: its risk, ``(R,)`` float32.
        next: the row that each stay's next risk belongs to.
        end: the row after each stay's last.
        watched: what came out of ``watch``, ``(R,)``.
        came: how often a row came out, ``(R,)``.
        unexpected: risks of no row.
        other_time: risks at another prediction time than their row's.
    """

    time: np.ndarray
    risk: np.ndarray
    next: dict[str, int]
    end: dict[str, int]
    watched: np.ndarray = field(init=False)
    came: np.ndarray = field(init=False)
    unexpected: int = 0
    other_time: int = 0

    def __post_init__(self) -> None:
        self.watched = np.full(len(self.risk), np.nan)
        self.came = np.zeros(len(self.risk), np.int8)

    @classmethod
    def with_scores(cls, path: Path) -> Comparison:
        """From the Parquet file of ``score``, in which the rows of a stay lie together, in order of time."""
        table = pq.read_table(path, columns=["stay_id", "prediction_time", "risk"])
        stay = table["stay_id"].to_pandas().astype(str).to_numpy()
        begin = np.flatnonzero(np.r_[True, stay[1:] != stay[:-1]]) if len(stay) else np.zeros(0, np.int64)
        end, names = np.r_[begin[1:], len(stay)], stay[begin].tolist()
        if len(set(names)) < len(names):
            raise ValueError(f"{path}: the rows of a stay do not lie together")
        microseconds = table["prediction_time"].cast("int64").to_numpy()
        of = [dict(zip(names, bounds.tolist(), strict=True)) for bounds in (begin, end)]
        return cls(microseconds, table["risk"].to_numpy(), *of)

    def write(self, lines: bytes) -> int:
        """Take whole lines of output."""
        for line in _DECODER.decode_lines(lines):
            if isinstance(line, Risk):
                self._take(line)
        return len(lines)

    def flush(self) -> None:
        """Nothing is held back."""

    def _take(self, line: Risk) -> None:
        row = self.next.get(line.stay, -1)
        if row < 0 or row == self.end[line.stay]:
            self.unexpected += 1
            return
        self.next[line.stay] = row + 1
        self.other_time += read_time(line.time) != self.time[row]
        self.watched[row] = np.nan if line.risk is None else line.risk
        self.came[row] += 1

    def counts(self) -> dict[str, int]:
        """How many rows there are, and how many risks differ in any way."""
        # as doubles: a printed risk that were not exactly a single-precision number would differ
        same = (self.watched == self.risk.astype(np.float64)) | (np.isnan(self.watched) & np.isnan(self.risk))
        here = self.came == 1
        return {
            "rows": len(self.risk), "differing": int((~same & here).sum()), "missing": int((~here).sum()),
            "unexpected": self.unexpected, "other_time": self.other_time,
        }  # fmt: skip


def four_ways(model_path: Path, data: Path) -> dict[str, Any]:
    """Items 1 and 2."""
    file = model_path if model_path.suffix == ".onnx" else model_path / MODEL_FILE
    model, content, cohort = open_model(model_path), file.read_bytes(), open_cohort(data)
    network = network_of(content, model)
    rows, _ = cohort_rows(model.settings, cohort)
    nothing = np.zeros(len(rows), np.float32)
    sequences = Sequences.of(rows, len(cohort), nothing, nothing)
    parity = measure_parity(network, model, sequences, np.arange(len(cohort)))
    return {"same_graph": same_graph(network, model, content), "holds": parity.holds, **vars(parity)}


def score_and_watch(model_path: Path, data: Path) -> dict[str, int]:
    """Item 3."""
    with tempfile.TemporaryDirectory() as folder:
        flows.score(model_path, data, Path(folder) / "risks.parquet")
        comparison = Comparison.with_scores(Path(folder) / "risks.parquet")
    command = [sys.executable, "-m", "vitals", "replay", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as feed:
        flows.watch(model_path, feed.stdout, comparison)
    if feed.returncode:
        sys.exit(f"vitals replay {data} ended with {feed.returncode}")
    return comparison.counts()


def show(model: Path, found: dict[str, Any], watched: dict[str, int] | None) -> bool:
    """Print the figures of one model; whether the law holds."""
    print(f"{model}: {found['stays']} stays, {found['rows']} rows")
    print(f"  read back and exported again: {'the same graph' if found['same_graph'] else 'ANOTHER GRAPH'}")
    print(f"  PyTorch whole against ONNX Runtime whole: {found['torch_onnx']:.2g} at most")
    print(f"  PyTorch step by step against ONNX Runtime whole: {found['torch_step']:.2g} at most")
    print(f"  ONNX Runtime whole against step by step: {found['onnx_step_bits']} risks with other bits")
    holds = found["holds"] and found["same_graph"]
    if watched is not None:
        wrong = {name: count for name, count in watched.items() if name != "rows"}
        print(f"  score against watch, {watched['rows']} rows: {', '.join(f'{n} {k}' for k, n in wrong.items())}")
        holds = holds and not any(wrong.values())
    print(f"  the law {'holds' if holds else 'is BROKEN'}")
    return bool(holds)


def main(arguments: list[str] | None = None) -> None:
    """Measure every model; the exit status says whether the law holds for all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL", help="by default every folder in models/")
    parser.add_argument("--data", type=Path, metavar="COHORT")
    parser.add_argument("--no-watch", action="store_true", help="leave out the replay")
    options = parser.parse_args(arguments)
    models = options.models or sorted(path.parent for path in (ROOT / "models").glob(f"*/{MODEL_FILE}"))
    if options.data is None or not models:
        print("skipped: needs --data COHORT and a model")
        return
    torch.set_num_threads(1)
    holds = []
    for model in models:
        began = time.perf_counter()
        found = four_ways(model, options.data)
        watched = None if options.no_watch else score_and_watch(model, options.data)
        holds.append(show(model, found, watched))
        print(f"  in {time.perf_counter() - began:.0f} s")
    if not all(holds):
        sys.exit(1)


if __name__ == "__main__":
    main()
