"""Tasks in processes: failures stay with their task, and nothing is left running."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import pytest

from vitals.errors import DataError
from vitals.flows.benchmark_work import Task, _Crew, _Worker, work

HERE = "tests.unit.flows.test_benchmark_work"


def mark(folder: str, name: str, progress: Any) -> None:
    """Say half way where there is one thread only, then leave a file."""
    progress(1, 2, "half")
    assert os.environ["OMP_NUM_THREADS"] == "1"
    (Path(folder) / name).touch()


def refuse(progress: Any) -> None:
    raise DataError("rows", "none", "some", "bring some")


def break_down(progress: Any) -> None:
    raise ZeroDivisionError("a bug")


def die(progress: Any) -> None:
    os._exit(7)


def sleep(progress: Any) -> None:
    time.sleep(60)


def test_one_failing_task_keeps_none_of_the_others_from_being_done(tmp_path: Path) -> None:
    others = set(multiprocessing.active_children())  # of other tests in this process
    tasks = [
        Task("refused", f"{HERE}:refuse", ()), Task("broken", f"{HERE}:break_down", ()), Task("dead", f"{HERE}:die", ()),
        *(Task(name, f"{HERE}:mark", (str(tmp_path), name), cost=2.0) for name in ("one", "two")),
    ]  # fmt: skip
    told: list[tuple[int, int, str]] = []
    failed = work(tasks, 2, lambda *said: told.append(said))
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}
    assert failed["refused"] == "rows: came none; wanted some; bring some"
    assert "ZeroDivisionError: a bug" in failed["broken"]
    assert "ended with code 7" in failed["dead"]
    assert set(failed) == {"refused", "broken", "dead"}
    assert told[-1] == (700, 700, "5 of 5 runs")
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert set(multiprocessing.active_children()) <= others


def test_a_process_that_died_between_two_tasks_costs_none_of_them(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    dead = context.Process(target=os._exit, args=(7,))
    dead.start()
    dead.join()
    theirs.close()
    crew = _Crew([Task(name, f"{HERE}:mark", (str(tmp_path), name)) for name in ("one", "two")], None, "runs")
    crew.workers.append(_Worker(dead, ours))
    crew.give(crew.workers[0])
    while crew.workers:
        crew.listen()
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}
    assert (crew.failed, crew.finished) == ({}, 2)


def test_nothing_to_do_is_done_at_once() -> None:
    assert work([], 4) == {}


def test_an_interruption_leaves_no_process(tmp_path: Path) -> None:
    others = set(multiprocessing.active_children())  # of other tests in this process

    def stop(done: int, todo: int, words: str) -> None:
        if done:
            raise KeyboardInterrupt

    tasks = [
        Task("one", f"{HERE}:mark", (str(tmp_path), "one")),
        *(Task(f"s{i}", f"{HERE}:sleep", ()) for i in range(3)),
    ]
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        work(tasks, 2, stop)
    assert time.monotonic() - began < 30
    assert set(multiprocessing.active_children()) <= others
