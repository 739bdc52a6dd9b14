"""A ward in virtual time, with faults in its network, its clocks, its disk and its process; all of it comes from one seed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from tests.faults.kinds import USUAL, Faults
from tests.faults.laws import Laws
from tests.faults.lives import Lives
from tests.faults.oracle import Oracle
from tests.faults.patients import DISCHARGE, GARBLED, MINUTE, OPENED, SIGNALS, Bed, Charts, Sent, clock_line
from vitals.durable import durable_ward
from vitals.durable.durable_ward import DurableWard
from vitals.scoring.model import Model, open_model
from vitals.spec.duration import Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Settings
from vitals.ward import ward as ward_module

TICK = 5 * MINUTE


@dataclass(frozen=True)
class Trial:
    """What is to be simulated.

    Attributes:
        seed: another seed, another trial.
        beds: of the ward.
        hours: of virtual time.
        cadence: time between two samples of a signal.
        numbered: whether lines carry a ``seq``; without one they are recognised by what they say.
        running: whether the clock is a running one, which tells now; else time passes, and nobody says that it is now.
        faults: what goes wrong, and how often.
        alone: every so many beds are compared with a ward in which each stay is alone.
    """

    seed: int
    beds: int = 8
    hours: float = 24
    cadence: int = 5 * MINUTE
    numbered: bool = False
    running: bool = True
    faults: Faults = USUAL
    alone: int = 4

    @property
    def in_force(self) -> Faults:
        """The faults that go together: a garbled line has lost its number, and among lines that come twice also its place."""
        return self.faults.without("garbled") if self.numbered else self.faults

    def command(self) -> str:
        """How to see it again."""
        switches = " NUMBERED=1" * self.numbered + " STANDING=1" * (not self.running)
        return (
            f"make soak SEED={self.seed} BEDS={self.beds} DAYS={self.hours / 24:g} "
            f"CADENCE={self.cadence // 1_000_000} ALONE={self.alone}{switches}"
        )


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        digest: of everything the ward said, each line once, in any order.
        lines: of input.
        outputs: different ones.
        repeated: outputs that were said again after a crash.
        deaths: how often the ward died.
        disk: what went wrong on the disk, by kind.
        counts: what was left out, by reason, as the ward and the oracle say.
        compared: how many times each law was seen to hold, by law.
        told: technical lines, by reason.
    """

    digest: str
    lines: int
    outputs: int
    repeated: int
    deaths: int
    disk: dict[str, int]
    counts: dict[str, int]
    compared: dict[str, int]
    told: dict[str, int]


class Numbers:
    """The last hop: lines get their numbers, and then some are lost and some come again."""

    def __init__(self, rng: np.random.Generator, trial: Trial, oracle: Oracle) -> None:
        self._rng, self._trial, self._oracle = rng, trial, oracle
        self._next, self._lost = 0, False

    def send(self, lines: list[Sent]) -> Iterator[tuple[Sent | None, bytes]]:
        """What arrives: each line with its text; without the line where the ward has it already."""
        faults = self._trial.faults
        for line, chance in zip(lines, self._rng.random(len(lines)).tolist(), strict=True):
            if line.kind == GARBLED or not self._trial.numbered:
                yield line, (line.text + ("\n" if line.kind == GARBLED else "}\n")).encode()
                continue
            number, self._next = self._next, self._next + 1
            if (
                chance < faults.link_lost and number and line.kind != DISCHARGE
            ):  # a bed that is never freed is another matter
                self._lost = True
                continue
            if self._lost:
                self._oracle.counts["gap_in_seq"] += 1
                self._lost = False
            text = f'{line.text},"seq":{number}}}\n'.encode()
            yield line, text
            if chance > 1 - faults.link_doubled:
                yield None, text


def simulated_settings() -> Settings:
    """Settings of the ward."""
    return Settings.from_tables(
        {
            "name": "simulated", "demographics": ["age"],
            "signals": {name: {"max_age": "1h" if name in SIGNALS[:3] else "6h"} for name in SIGNALS},
            "window": {"step": "30min", "grace": "10min", "min_observed": 3, "max_gap": "30h"},
            "label": {"kind": "deterioration", "horizon": "6h"},
            "network": {"kind": "gru", "embed": 8, "hidden": 8, "head": 4},
        }
    )  # fmt: skip


POLICY = AlertPolicy(threshold=0.5, clear=0.3, silence=Duration.parse("2h"), stale=Duration.parse("1h"))  # alerts often


def simulate_faults(
    trial: Trial, model_path: Path, policy: AlertPolicy | None, each: Callable[[int, Lives], None] | None = None
) -> Outcome:
    """Let a ward live through a trial, and see to it that every law holds.

    Args:
        trial: what is to be simulated.
        model_path: a model with :func:`simulated_settings`.
        policy: alerts by it.
        each: called after every tick with the virtual time since the ward opened, and the ward.

    Raises:
        AssertionError: a law that does not hold; it says how to see that again.
    """
    try:
        with tempfile.TemporaryDirectory() as home:
            return _Simulation(trial, open_model(model_path), policy, Path(home)).run(each)
    except Exception as error:
        error.add_note(f"seed {trial.seed}: see it again with: {trial.command()}")
        raise


class _Simulation:
    def __init__(self, trial: Trial, model: Model, policy: AlertPolicy | None, home: Path) -> None:
        chance, network, last = (np.random.default_rng([trial.seed, stream]) for stream in (1, 2, 3))
        self._trial, self._model, self._policy, self._now = trial, model, policy, OPENED
        charts = Charts(trial.seed, 32, trial.cadence)
        self._beds = [Bed(number, trial.seed, charts, trial.in_force) for number in range(trial.beds)]
        self._oracle = Oracle(model.settings, trial.running)
        self._laws = Laws(model, policy, self._oracle, trial)
        self._numbers = Numbers(last, trial, self._oracle)
        self._every = int(network.choice([100, 1_000, 5_000])) * max(1, trial.beds // 50)
        self._home = home
        self._lives = Lives(home, self._open, trial.faults, chance, self._laws.heard)
        self._lines = 0

    def run(self, each: Callable[[int, Lives], None] | None) -> Outcome:
        with self._virtual():
            steady = self._open(self._home / "steady")
            for said in steady.recover():
                self._laws.said(said)
            for tick in range(1, int(self._trial.hours * 60 * MINUTE / TICK) + 1):
                self._now = OPENED + tick * TICK
                lines = self._arrivals()
                self._laws.said(steady.feed(b"".join(lines)))
                self._lives.feed(lines)
                self._laws.tick()
                if each is not None:
                    each(self._now - OPENED, self._lives)
            last = self._lives.close()
            self._laws.said(steady.close())
            self._laws.end()
            last.release()
            steady.release()
        return self._outcome()

    def _arrivals(self) -> list[bytes]:
        """What arrives in a tick, and at its end the clock; the oracle sees it first."""
        arrived = [line for bed in self._beds for line in bed.arrivals(self._now)]
        arrived.sort(key=lambda line: line.arrival)
        arrived.append(clock_line(self._now, self._trial.running))
        lines = []
        for line, text in self._numbers.send(arrived):
            if line is not None:
                self._oracle.take(line)
            lines.append(text)
        self._lines += len(lines)
        return lines

    def _open(self, folder: Path) -> DurableWard:
        return DurableWard(folder, self._model, self._policy)

    @contextmanager
    def _virtual(self) -> Iterator[None]:
        """No clock but ours, the disk that fails, and a look at every row."""
        advance = ward_module.advance

        def watched(*given: Any) -> Any:
            carry, rows, dropped = advance(*given)
            self._laws.ages(rows)
            return carry, rows, dropped

        clock = SimpleNamespace(monotonic=lambda: self._now / 1e6)
        with (
            mock.patch.object(durable_ward, "LINES", self._every),
            mock.patch.object(durable_ward, "time", clock),
            mock.patch.object(durable_ward, "SECONDS", 3600),
            mock.patch.object(ward_module, "advance", watched),
            self._lives.disk.below(),
        ):
            yield

    def _outcome(self) -> Outcome:
        laws = self._laws
        compared = {law.law: law.count for law in (laws.once, laws.exact, laws.apart, laws.rows)}
        return Outcome(
            laws.lives.digest(), self._lines, laws.lives.count, laws.lives.repeated, self._lives.deaths,
            dict(sorted(self._lives.disk.happened.items())), laws.counted, compared, dict(sorted(laws.told.items())),
        )  # fmt: skip
