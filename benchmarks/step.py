"""Scoring: one step of a whole ward against running a 48-step window again for every event.

    python benchmarks/step.py [--hidden 64 128] [--beds 1 64 512 2000] [--rounds 5]

An event is one new row of one bed, answered with a risk. A model that carries its state computes that row alone; a
model without state computes the last 48 rows again. Networks have random weights (speed does not depend on them) and
are built and exported by the package. Before anything is timed, all ways must give the same risk to 1e-5.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import _timing
import numpy as np
import torch
from _timing import Spread

from vitals.learning.encoder import Scale
from vitals.learning.export import export
from vitals.learning.network import Network
from vitals.scoring.model import Model, read_model
from vitals.scoring.ward_step import score_rows
from vitals.spec.settings import Settings
from vitals.windowing.types import Float32, Rows

SETTINGS = Path(__file__).parent.parent / "settings" / "sepsis-icu.toml"
WINDOW = 48
WINDOWS = 512  # largest batch of windows: more beds take seconds a call and gave no higher rate
BASE = "PyTorch, window, 1 bed"


@dataclass(frozen=True)
class Way:
    """One way to answer events: what a call does, and how many events it answers."""

    call: Callable[[], object]
    events: int
    calls: int

    def run(self) -> None:
        for _ in range(self.calls):
            self.call()


@dataclass(frozen=True)
class Ward:
    """Random rows of some beds, ``(N, 48, C)``, about 60 % of them unknown."""

    value: Float32
    age: Float32

    @classmethod
    def of(cls, beds: int, channels: int) -> Ward:
        rng = np.random.default_rng(7)
        shape = (beds, WINDOW, channels)
        value, age = rng.standard_normal(shape, np.float32), 24 * rng.random(shape, np.float32)
        value[unknown := rng.random(shape) < 0.6] = np.nan
        age[unknown] = np.nan
        return cls(value, age)

    def first(self, beds: int) -> Ward:
        return Ward(self.value[:beds], self.age[:beds])

    def last_row(self, beds: int) -> tuple[Float32, Float32]:
        return self.value[:beds, -1:].copy(), self.age[:beds, -1:].copy()

    def rows(self, steps: int) -> Rows:
        """The first rows of every bed, as windowing gives them."""
        beds, channels = len(self.value), self.value.shape[2]
        bed, time = np.divmod(np.arange(beds * steps), steps)
        value, age = (part[:, :steps].reshape(-1, channels) for part in (self.value, self.age))
        return Rows(bed.astype(np.int32), time, value, age, np.zeros(len(bed), np.int8))


def networks(hidden: int) -> tuple[Network, Model]:
    """A random GRU of this width, and its exported file, opened."""
    tables = Settings.from_toml(SETTINGS).to_tables()
    tables["network"].update(kind="gru", embed=hidden, hidden=hidden)
    settings = Settings.from_tables(tables)
    torch.manual_seed(1)
    network = Network(settings).eval()
    plain = np.ones(len(settings.channels), np.float32)
    network.encoder.load(Scale(-9 * plain, 9 * plain, 0 * plain, plain, plain))
    return network, read_model(export(network, settings, {}))


def torch_risk(network: Network, ward: Ward, hidden: Float32) -> Float32:
    """The last risk of rows, by PyTorch."""
    with torch.no_grad():
        logit, _ = network(*map(torch.from_numpy, (ward.value, ward.age, hidden)))
        risk: Float32 = network.risk(logit[:, -1]).numpy()
    return risk


def require_same(network: Network, model: Model, ward: Ward) -> None:
    """Stop unless a carried state says what a window says, whoever computes it."""
    start = model.initial_hidden(len(ward.value))
    window = model.step(ward.value, ward.age, start)[0]
    carried = score_rows(model, start.copy(), ward.rows(WINDOW)).reshape(-1, WINDOW)
    far = max(np.abs(carried - window).max(), np.abs(carried[:, -1] - torch_risk(network, ward, start)).max())
    if not far <= 1e-5:
        sys.exit(f"the ways differ by {far:g}: the comparison would mean nothing")


def ways(network: Network, model: Model, ward: Ward, beds: list[int]) -> dict[str, Way]:
    """Everything that is timed; calls are repeated so that none is too short to measure."""
    found = {}
    for n in beds:
        start, now, some = model.initial_hidden(n), ward.last_row(n), ward.first(n)
        last, short = Ward(*now), max(1, 4000 // n)
        found[f"vitals, step, {n} beds"] = Way(lambda a=(*now, start): model.step(*a), n, min(short, 400))
        found[f"PyTorch, step, {n} beds"] = Way(lambda a=(network, last, start): torch_risk(*a), n, min(short, 200))
        if n <= WINDOWS:
            whole = (some.value, some.age, start)
            found[f"ONNX Runtime, window, {n} beds"] = Way(lambda a=whole: model.step(*a), n, max(1, 40 // n))
            found[f"PyTorch, window, {n} beds"] = Way(
                lambda a=(network, some, start): torch_risk(*a), n, max(1, 20 // n)
            )
    rows, state = ward.rows(4), model.initial_hidden(len(ward.value))
    found[f"vitals, score_rows, {len(ward.value)} beds"] = Way(lambda: score_rows(model, state, rows), len(rows), 1)
    return {name.replace(", 1 beds", ", 1 bed"): way for name, way in found.items()}


def operations(network: Network) -> int:
    """Multiplications and additions of one step: all matrices, nothing else."""
    return sum(2 * weight.numel() for name, weight in network.named_parameters() if weight.ndim == 2)


def measure(hidden: int, beds: list[int], rounds: int) -> None:
    """Time one width and print rates, ratios and the share of the matrix-product limit."""
    network, model = networks(hidden)
    ward = Ward.of(max(beds), len(model.settings.channels))
    require_same(network, model, ward.first(64))
    timed = ways(network, model, ward, beds)
    product, flop = _timing.matrix_product(1024)
    seconds = _timing.race({name: way.run for name, way in timed.items()} | {"limit": product}, rounds)
    rate = {name: way.events * way.calls / seconds[name] for name, way in timed.items()}
    limit = flop / seconds["limit"] / operations(network)
    print(f"\nGRU-{hidden}: {operations(network) / 1e3:.0f} thousand operations a step, "
          f"limit {Spread.of(limit / 1e3)} thousand events/s by the matrix product")  # fmt: skip
    print(f"{'':34} {'thousand events/s':>26} {'times ' + BASE:>30} {'of the limit':>14}")
    for name in sorted(rate, key=lambda name: np.median(rate[name])):
        share = np.median(rate[name] / limit)
        print(
            f"{name:34} {Spread.of(rate[name] / 1e3)!s:>26} {Spread.of(rate[name] / rate[BASE])!s:>30} {share:>14.1%}"
        )
    ours = rate[f"vitals, score_rows, {max(beds)} beds"]
    for name in [name for name in rate if "window" in name] + ["vitals, step, 1 bed"]:
        print(f"the ward in one call gives {Spread.of(ours / rate[name])} times the events of: {name}")


def main(arguments: list[str] | None = None) -> None:
    """Measure every width."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--beds", type=int, nargs="+", default=[1, 64, 512, 2000], help="1 must be among them")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for hidden in options.hidden:
        measure(hidden, options.beds, options.rounds)


if __name__ == "__main__":
    main()
