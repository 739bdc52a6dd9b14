"""A long life in virtual time (``make soak``): every law holds all the time, memory stays flat, and a seed gives one hash."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tests.faults import record
from tests.faults.kinds import USUAL, Faults
from tests.faults.lives import Lives
from tests.faults.patients import HOUR, SECOND
from tests.faults.simulator import POLICY, Outcome, Trial, simulate_faults

FLAT = 1.0
"""MB an hour of virtual time that memory may grow by."""

_MODEL = (
    "import sys; from pathlib import Path; from tests.live import model_folder;"
    "from tests.faults.simulator import simulated_settings; model_folder(Path(sys.argv[1]), simulated_settings())"
)


@dataclass
class Memory:
    """Resident memory hour by hour.

    Attributes:
        hours: of virtual time.
        megabytes: at these hours.
    """

    hours: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    def look(self, hour: float) -> None:
        """Write down how much there is now."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.hours.append(hour)
        self.megabytes.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)

    def slope(self) -> float:
        """MB an hour, by least squares over the second half: before that the ward fills, and caches do."""
        half = len(self.hours) // 2
        return float(np.polyfit(self.hours[half:], self.megabytes[half:], 1)[0])


def rarer(faults: Faults, beds: int) -> Faults:
    """The faults of a disk and a process, rarer in a large ward: it writes more often, and takes longer to start."""
    share = min(1.0, 60 / beds)
    return replace(
        faults, crashes=faults.crashes * share, failures=faults.failures * share, unsaid=faults.unsaid * share
    )


def soak(trial: Trial, say: object = None) -> tuple[Outcome, Memory]:
    """Simulate a trial, tell how far it has come, and look at the memory every hour of virtual time.

    Args:
        trial: what is to be simulated.
        say: a terminal to write on; None for silence.
    """
    memory, began, shown = Memory(), time.monotonic(), 0.0

    def each(now: int, lives: Lives) -> None:
        nonlocal shown
        if now % HOUR:
            return
        memory.look(now / HOUR)
        spent = time.monotonic() - began
        if say is not None and spent > shown:
            shown = spent + 5
            left = spent / (now / HOUR) * (trial.hours - now / HOUR)
            say.write(  # type: ignore[attr-defined]
                f"\r{now / HOUR:.0f} of {trial.hours:.0f} h, {lives.acknowledged:,} lines, {lives.deaths} deaths, "
                f"{memory.megabytes[-1]:.0f} MB, {left / 60:.0f} min left   "
            )
            say.flush()  # type: ignore[attr-defined]

    with tempfile.TemporaryDirectory() as home:
        # in its own process: what trains models takes much memory, which is not the ward's
        subprocess.run([sys.executable, "-c", _MODEL, f"{home}/model"], check=True)
        outcome = simulate_faults(trial, Path(home) / "model", POLICY, each)
    return outcome, memory


def report(trial: Trial, outcome: Outcome, memory: Memory, seconds: float) -> str:
    """What was seen, as lines of text."""
    counts = ", ".join(f"{count:,} {name}" for name, count in outcome.counts.items())
    alerts = ", ".join(f"{outcome.told[name]:,} {name}" for name in sorted(set(outcome.told) - set(outcome.counts)))
    disk = ", ".join(f"{count:,} {name}" for name, count in outcome.disk.items())
    laws = "".join(f"  {count:,} times: {law}\n" for law, count in outcome.compared.items())
    half = memory.megabytes[len(memory.megabytes) // 2 :]
    return (
        f"{trial.beds:,} beds, {trial.hours:g} h of virtual time in {seconds / 60:.1f} min, seed {trial.seed}, "
        f"a value every {trial.cadence // SECOND} s: {outcome.lines:,} lines in, {outcome.outputs:,} different lines out\n"
        f"deaths: {outcome.deaths:,} ({disk}); {outcome.repeated:,} lines were said again\n"
        f"left out or told of the feed, as injected: {counts}\n"
        f"technical alerts: {alerts}\n"
        f"held:\n{laws}"
        f"memory: {half[0]:.0f} to {half[-1]:.0f} MB in the second half, {memory.slope():+.3f} MB/h of virtual time\n"
        f"hash {outcome.digest}\n"
    )


def main() -> int:
    """Run what the environment asks for: SEED, BEDS, DAYS, CADENCE (seconds), ALONE, NUMBERED, STANDING."""
    of = os.environ
    beds = int(of.get("BEDS") or 1_000)
    trial = Trial(
        seed=int(of.get("SEED") or 1), beds=beds, hours=24 * float(of.get("DAYS") or 7),
        cadence=int(of.get("CADENCE") or 300) * SECOND, numbered=bool(of.get("NUMBERED")),
        running=not of.get("STANDING"), faults=rarer(USUAL, beds), alone=int(of.get("ALONE") or max(1, beds // 10)),
    )  # fmt: skip
    began = time.monotonic()
    outcome, memory = soak(trial, sys.stderr)
    seconds = time.monotonic() - began
    sys.stdout.write("\n" + report(trial, outcome, memory, seconds))
    slope = memory.slope()
    if trial.hours >= 48:  # before that memory is still being filled
        assert slope < FLAT, f"memory grows by {slope:.2f} MB an hour"
        record(
            "F37", f"{trial.beds:,} beds for {trial.hours / 24:g} days of virtual time, faults of every kind all the time",
            "memory grows by less than 1 MB an hour; the same seed gives the same hash",
            f"{slope:+.3f} MB an hour, {half_of(memory)}; {outcome.lines:,} lines, {outcome.deaths} deaths, every law "
            f"held; seed {trial.seed} gives {outcome.digest[:12]}",
        )  # fmt: skip
    return 0


def half_of(memory: Memory) -> str:
    """Memory at the middle and at the end."""
    return (
        f"{memory.megabytes[len(memory.megabytes) // 2]:.0f} MB half-way and {memory.megabytes[-1]:.0f} MB at the end"
    )


if __name__ == "__main__":
    sys.exit(main())
