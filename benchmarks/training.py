"""Training: whole stays as ``fit`` learns them, against one 48-step window for every labelled hour.

    python benchmarks/training.py [--data COHORT] [--kinds gru lstm] [--hidden 128] [--stays 960] [--rounds 3]

Both ways train the same network on the same labelled hours of the same stays. Ours makes every update of an epoch
that ``fit`` makes, assembling its batches included. The other is the usual many-to-one way: of each hour, the 48 hours
up to it go through the network and the last output is judged; of so many windows a sample is timed. What counts is the
ratio of processor seconds for a labelled hour, inside one round. Without ``--data`` a small ward is simulated.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import _timing
import numpy as np
import torch
from _timing import Spread
from torch.nn.functional import binary_cross_entropy_with_logits

from vitals.flows.simulation import simulate_cohort
from vitals.flows.study import open_study
from vitals.flows.training import prepare
from vitals.learning.batches import Sequences
from vitals.learning.course import Course, Lessons
from vitals.learning.encoder import Scale
from vitals.learning.network import Network
from vitals.learning.tasks import Tasks
from vitals.spec.settings import Settings

SETTINGS = Path(__file__).parent.parent / "settings" / "sepsis-icu.toml"
WINDOW, WINDOWS = 48, 256  # steps of a window, windows in a batch
WANTED = 25


@dataclass(frozen=True)
class Work:
    """Stays to learn from, and the settings they are learnt under."""

    settings: Settings
    scale: Scale
    data: Sequences
    stays: np.ndarray

    @property
    def hours(self) -> np.ndarray:
        """Rows that are learnt, of these stays."""
        rows = [np.arange(self.data.start[stay], self.data.start[stay + 1]) for stay in self.stays]
        at = np.concatenate(rows)
        return at[self.data.weight[at] > 0]

    def network(self) -> Network:
        torch.manual_seed(1)
        network = Network(self.settings)
        network.encoder.load(self.scale)
        return network


def settings_of(kind: str, hidden: int, real: bool) -> Settings:
    """The shipped settings for sepsis; of a simulated ward, its own outcome and vitals."""
    tables = Settings.from_toml(SETTINGS).to_tables()
    tables["network"] |= {"kind": kind, "embed": hidden, "hidden": hidden}
    if not real:
        tables["label"] |= {"kind": "deterioration"}
        tables["training"] |= {"objective": "cross_entropy"}
    return Settings.from_tables(tables)


def work_of(cohort: Path, kind: str, hidden: int, stays: int, real: bool) -> Work:
    settings = settings_of(kind, hidden, real)
    data, scale, parts = prepare(settings, open_study(settings, [cohort]))
    return Work(settings, scale, data, parts["train"][:stays])


class Ours:
    """An epoch of ``fit``: its batches, its loss, its update."""

    def __init__(self, work: Work) -> None:
        training = work.settings.training
        self.network, self.tasks = work.network(), Tasks(work.settings)
        self.lessons = Lessons(work.settings, work.scale, work.data, work.stays, np.random.default_rng(1))
        parameters = [*self.network.parameters(), *self.tasks.parameters()]
        self.course = Course(parameters, training, 1000, self.lessons.steps)

    def __call__(self) -> float:
        return sum(self.course.step(self.tasks.terms(self.network, *pair)) for pair in self.lessons.epoch())


class Windows:
    """Some batches of windows, each judged at its last hour."""

    def __init__(self, work: Work, windows: int) -> None:
        self.data, self.network = work.data, work.network()
        hours = np.random.default_rng(1).permutation(work.hours)[:windows]
        self.batches = np.split(hours, range(WINDOWS, len(hours), WINDOWS))
        self.hours = len(hours)
        self.first = np.repeat(work.data.start[:-1], work.data.length)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), 1e-3)

    def batch(self, hours: np.ndarray) -> list[torch.Tensor]:
        """``(N, 48, C)`` values and ages, unknown before the stay, with target and weight of the last hour."""
        at = hours[:, None] - np.arange(WINDOW)[::-1]
        before = at < self.first[hours][:, None]
        value, age = (column[np.maximum(at, 0)] for column in (self.data.value, self.data.age))
        value[before], age[before] = np.nan, np.nan
        return [torch.from_numpy(part) for part in (value, age, self.data.target[hours], self.data.weight[hours])]

    def logit(self, value: torch.Tensor, age: torch.Tensor) -> torch.Tensor:
        output, _ = self.network.remember(value, age, torch.zeros(len(value), self.network.hidden_size))
        return self.network.judge(output[:, -1:])[:, 0]

    def __call__(self) -> float:
        total = 0.0
        self.network.train()
        for hours in self.batches:
            value, age, target, weight = self.batch(hours)
            self.optimiser.zero_grad()
            loss = binary_cross_entropy_with_logits(self.logit(value, age), target, weight)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimiser.step()
            total += float(loss.detach())
        return total


def require_same(work: Work, windows: Windows) -> None:
    """Stop unless a window says what the whole stay says of an hour whose stay began no earlier than the window."""
    stay = int(work.stays[0])
    first, rows = int(work.data.start[stay]), min(int(work.data.length[stay]), WINDOW)
    value, age = (torch.from_numpy(column[None, first : first + rows]) for column in (work.data.value, work.data.age))
    windows.network.eval()
    with torch.no_grad():
        whole = windows.network(value, age, torch.zeros(1, windows.network.hidden_size))[0][0, -1]
        alone = windows.logit(value, age)[0]
    if not abs(float(whole - alone)) <= 1e-5:
        sys.exit(f"the ways differ by {float(whole - alone):g}: the comparison would mean nothing")


def measure(work: Work, rounds: int, windows: int) -> np.ndarray:
    """Times as much processor time for a labelled hour by windows, in each round."""
    ours, other = Ours(work), Windows(work, windows)
    require_same(work, other)
    hours = len(work.hours)
    seconds = _timing.race({"whole stays": ours, "windows": other}, rounds)
    cost = {"whole stays": seconds["whole stays"] / hours, "windows": seconds["windows"] / other.hours}
    shape = work.settings.network
    print(f"\n{shape.kind} of {shape.hidden}: {len(work.stays):,} stays, {hours:,} labelled hours an epoch; "
          f"{other.hours:,} windows timed")  # fmt: skip
    for name, each in cost.items():
        print(f"{name:12} {Spread.of(1e6 * each)!s:>28} µs for a labelled hour, {Spread.of(each * hours)} s an epoch")
    ratio = cost["windows"] / cost["whole stays"]
    print(f"one {WINDOW}-step window for each hour costs {Spread.of(ratio)} times as much (wanted: {WANTED})")
    return ratio


def main(arguments: list[str] | None = None) -> None:
    """Measure every kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a cohort folder with outcomes of kind sepsis")
    parser.add_argument("--kinds", nargs="+", default=["gru", "lstm"])
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--stays", type=int, default=960, help="of the training part")
    parser.add_argument("--windows", type=int, default=4 * WINDOWS, help="timed in each round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        cohort = options.data or Path(folder) / "ward"
        if not options.data:
            simulate_cohort(cohort, beds=max(2 * options.stays // 3, 40), hours=72, seed=5)
        for kind in options.kinds:
            work = work_of(cohort, kind, options.hidden, options.stays, bool(options.data))
            measure(work, options.rounds, options.windows)


if __name__ == "__main__":
    main()
