"""Many tasks at once in processes of one thread each: what is done stays done, whatever happens to the rest.

This module imports nothing heavy, so that a new process can say how many threads it wants before any library asks.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from vitals.errors import VitalsError

Progress = Callable[[int, int, str], None]
_UNITS = 100  # of progress for a task of cost 1
_EVERY = 0.5  # seconds between two words of a process on how far it is
_PATIENCE = 10.0  # seconds for a process that shall end
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Task:
    """Something to do.

    Attributes:
        name: for progress and for what went wrong.
        function: ``"module:function"``; it is called with the arguments and ``progress``.
        arguments: plain data.
        cost: about how long it takes, beside the other tasks.
    """

    name: str
    function: str
    arguments: tuple[Any, ...]
    cost: float = 1.0


def work(
    tasks: Sequence[Task],
    processes: int,
    progress: Progress | None = None,
    what: str = "runs",
    *,
    all_or_nothing: bool = False,
) -> dict[str, str]:
    """Do tasks in their order, some at a time.

    Args:
        tasks: what to do; one that fails does not keep the others from being done.
        processes: how many at a time; 0 is one a core, as far as the memory allows.
        progress: told units of work done and to do, and how many tasks are done and which are being done.
        what: the tasks' plural, for progress.
        all_or_nothing: whether the first that fails ends them all.

    Returns:
        Why tasks failed, by name; empty when all were done. After an interruption no process is left.
    """
    crew = _Crew(tasks, progress, what)
    try:
        for _ in range(min(processes or as_many_as_fit(), len(tasks))):
            crew.hire()
        while crew.workers and not (all_or_nothing and crew.failed):
            crew.listen()
    finally:
        crew.dismiss()
    return crew.failed


def as_many_as_fit() -> int:
    """Processes for this machine: one a core, and 3 GB for each."""
    cores = os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # some systems do not tell
        return cores
    return max(1, min(cores, memory // (3 << 30)))


@dataclass
class _Worker:
    """A process, the line to it, and how far its task is."""

    process: Any
    line: Connection
    task: Task | None = None
    share: float = 0.0


@dataclass
class _Crew:
    """The processes and what is left to do."""

    tasks: Sequence[Task]
    progress: Progress | None
    what: str
    failed: dict[str, str] = field(default_factory=dict)
    workers: list[_Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.waiting, self.done = deque(self.tasks), 0.0
        self.finished = 0

    def hire(self) -> None:
        """Start a process and give it a task."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self.workers.append(worker)
        self.give(worker)

    def give(self, worker: _Worker) -> None:
        """The next task, or leave to go."""
        worker.task, worker.share = (self.waiting.popleft() if self.waiting else None), 0.0
        try:
            worker.line.send(worker.task)
        except OSError:  # it died between two tasks; listening finds that out
            if worker.task is not None:  # never begun: another process shall do it
                self.waiting.appendleft(worker.task)
                worker.task = None
            return
        if worker.task is None:
            worker.process.join()
            self.workers.remove(worker)
        self.tell()

    def listen(self) -> None:
        """Wait for a word of any process; a line that breaks is a process that died."""
        lines = {worker.line: worker for worker in self.workers}
        for line in wait([*lines], timeout=5.0):
            worker = lines[line]  # type: ignore[index]
            try:
                kind, said = worker.line.recv()
            except (EOFError, ConnectionResetError):
                self.replace(worker)
                continue
            if kind == "progress":
                worker.share = said
                self.tell()
                continue
            self.close(worker, said)
            self.give(worker)

    def close(self, worker: _Worker, why: str | None) -> None:
        """Book a task that was done, or why it was not."""
        if worker.task is None:
            return
        self.done += worker.task.cost
        self.finished += 1
        if why is not None:
            self.failed[worker.task.name] = why

    def replace(self, worker: _Worker) -> None:
        """A process died, mostly in the middle of its task: the machine had no memory left, or someone ended it."""
        worker.process.join()
        worker.line.close()
        why = f"its process ended with code {worker.process.exitcode}; with too little memory, use fewer --processes"
        self.close(worker, why)
        self.workers.remove(worker)
        if self.waiting:
            self.hire()
        self.tell()

    def dismiss(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join(timeout=_PATIENCE)
            worker.process.kill()  # one that is deep in foreign code does not hear

    def tell(self) -> None:
        """How far all of it is."""
        if self.progress is None:
            return
        busy = [worker for worker in self.workers if worker.task is not None]
        under_way = sum(worker.share * worker.task.cost for worker in busy if worker.task)
        todo = sum(task.cost for task in self.tasks)
        names = ", ".join(f"{worker.task.name} {worker.share:.0%}" for worker in busy if worker.task)
        words = f"{self.finished} of {len(self.tasks)} {self.what}" + (f"; {names}" if names else "")
        self.progress(round(_UNITS * (self.done + under_way)), round(_UNITS * todo), words)


def serve(line: Connection) -> None:
    """What a process does: take tasks, do them, and say how far it is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process; it ends the others
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that half-written folders are cleared away
    for name in _THREADS:
        os.environ[name] = "1"
    while (task := line.recv()) is not None:
        line.send(("end", _done(task, line)))


def _done(task: Task, line: Connection) -> str | None:
    said = 0.0

    def progress(done: int, todo: int, _: str) -> None:
        nonlocal said
        if time.monotonic() - said > _EVERY:
            said = time.monotonic()
            line.send(("progress", min(done / todo, 1.0) if todo else 0.0))

    module, _, function = task.function.partition(":")
    try:
        getattr(importlib.import_module(module), function)(*task.arguments, progress=progress)
    except VitalsError as error:
        return str(error)
    except Exception:  # noqa: BLE001 (whatever happened to this task, the others go on)
        return traceback.format_exc()
    return None
