"""A cohort scored by several processes of one thread each on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from vitals.errors import DataError
from vitals.flows.benchmark_work import Task, as_many_as_fit, work
from vitals.flows.score_pieces import Plan, Scored

Progress = Callable[[int, int, str], None]


def pooled(plan: Plan, processes: int, beside: Path | None, progress: Progress | None = None) -> Iterator[Scored]:
    """Every piece in order, once all of them are scored; until then they lie in a folder of their own.

    Args:
        plan: what is scored.
        processes: at a time; 0 is one a core, as far as the memory allows.
        beside: the file beside which the folder lies; None for the system's place for such things.
        progress: told stays done and to do.

    Raises:
        DataError: a process that died, or an error in one; the others are ended and nothing is left behind.
    """
    processes = processes or as_many_as_fit()
    plan = plan.cut(processes)
    with tempfile.TemporaryDirectory(prefix=".vitals-score-", dir=beside.parent if beside else None) as folder:
        files = [Path(folder) / f"{piece}.arrow" for piece in range(plan.pieces)]
        tasks = [_task(plan, piece, file) for piece, file in enumerate(files)]
        failed = work(tasks, processes, _stays_told(plan.stays, progress), "pieces", all_or_nothing=True)
        for name, why in failed.items():
            raise DataError(name, f"no risks ({why})", "a risk for every step", "mend that and score again")
        for file in files:
            with pa.memory_map(str(file)) as content:
                yield Scored.read(content.read_buffer())


def score_to_file(plan: Plan, piece: int, file: Path, progress: Progress) -> None:
    """What a process does for one piece."""
    file.write_bytes(plan.score(piece).message())
    progress(1, 1, file.name)


def _task(plan: Plan, piece: int, file: Path) -> Task:
    start, stop = plan.span(piece)
    name, cost = f"stays {start + 1:,} to {stop:,}", (stop - start) / 100  # a crew counts in hundredths
    return Task(name, f"{__name__}:score_to_file", (plan, piece, file), cost)


def _stays_told(stays: int, progress: Progress | None) -> Progress | None:
    """A crew's progress as one that only rises, under one name."""
    told = 0

    def tell(done: int, _: int, __: str) -> None:
        nonlocal told
        if progress and done > told:
            told = min(done, stays)
            progress(told, stays, "scoring stays")

    return tell
