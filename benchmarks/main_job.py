"""The main job in one fresh process: import both hospitals, score every hour with a trained model.

    python benchmarks/main_job.py [SOURCE] [MODEL]

SOURCE is a folder with hospital_*.parquet or .psv files (by default that of VITALS_DATA), or a cohort folder, which
needs no import. MODEL is a model folder (by default models/sepsis-icu). A second process measures windowing alone:
one call of ``advance`` with all samples, after a small call that loads the compiled loops.

Seconds here are those that pass, from the start of the interpreter to its end, so close other programs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
ASKED = {"seconds": 60.0, "gigabytes": 2.0, "windowing": 1.0}

# Heavy imports lie inside the functions: the parent stays light, and a child's memory counts only what it uses.


def job(source: Path, model: Path, folder: Path) -> dict[str, Any]:
    """Import and score; what was done, and what it took."""
    from vitals import flows

    began, cohort = time.perf_counter(), source
    if not (source / "cohort.json").is_file():
        from vitals.flows.importing import import_challenge2019

        cohort = folder / "cohort"
        hospitals = sorted(source.glob("hospital_*.parquet"))
        import_challenge2019(hospitals or [source], cohort)
    imported = time.perf_counter()
    done = flows.score(model, cohort, folder / "risks.parquet")
    seconds = {"import": imported - began, "score": time.perf_counter() - imported}
    used = resource.getrusage(resource.RUSAGE_SELF)
    return done | {
        "cohort": cohort, "parts": seconds, "gigabytes": used.ru_maxrss * 1024 / 1e9,
        "processor": used.ru_utime + used.ru_stime,
    }  # fmt: skip


def windowing(cohort_path: Path, model_path: Path, rounds: int) -> dict[str, Any]:
    """Seconds of one call of ``advance`` for all stays, each time with a new carry."""
    import numpy as np

    from vitals.cohort.store import open_cohort
    from vitals.scoring.model import open_model
    from vitals.windowing.advance import advance
    from vitals.windowing.carry import Carry

    settings, cohort = open_model(model_path).settings, open_cohort(cohort_path)

    def once(stays: int) -> tuple[float, int, int]:
        events, admitted = cohort.events(settings, 0, stays), cohort.admitted[:stays]
        began = time.perf_counter()
        carry = Carry.empty(settings, stays)
        carry.admit(np.arange(stays), admitted)
        _, rows, _ = advance(settings, carry, events, until=cohort.discharged[:stays])
        return time.perf_counter() - began, len(events), len(rows)

    once(1)
    found = [once(len(cohort)) for _ in range(rounds)]
    return {"seconds": sorted(seconds for seconds, _, _ in found), "samples": found[0][1], "rows": found[0][2]}


def fresh(work: Callable[..., dict[str, Any]], *arguments: Any) -> tuple[dict[str, Any], float]:
    """Run ``work`` in a new interpreter: what it returns, and the seconds from its start to its end."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    began = time.perf_counter()
    child = context.Process(target=_send, args=(sender, work, *arguments))
    child.start()
    sender.close()
    try:
        result = receiver.recv()
    except EOFError:
        sys.exit("the process ended without a result; its error is above")
    child.join()
    return result, time.perf_counter() - began


def _send(sender: Any, work: Callable[..., dict[str, Any]], *arguments: Any) -> None:
    sender.send(work(*arguments))


def compare(what: str, asked: float, measured: float, unit: str) -> None:
    """One line: what was asked, what was measured, whether it holds."""
    print(f"{what:28} asked < {asked:g} {unit}, measured {measured:.3g} {unit}: {'yes' if measured < asked else 'NO'}")


def main(arguments: list[str] | None = None) -> None:
    """Measure the job, then windowing alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("VITALS_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("source", nargs="?", type=Path, default=data / "challenge2019")
    parser.add_argument("model", nargs="?", type=Path, default=ROOT / "models" / "sepsis-icu")
    parser.add_argument("--rounds", type=int, default=3, help="of windowing alone")
    options = parser.parse_args(arguments)
    if not (options.source.is_dir() and options.model.exists()):
        print(f"skipped: needs {options.source} and {options.model}; name others as arguments")
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        done, seconds = fresh(job, options.source, options.model, Path(folder))
        windows, _ = fresh(windowing, done["cohort"], options.model, options.rounds)
    parts = ", ".join(f"{name} {took:.3g} s" for name, took in done["parts"].items())
    print(f"{done['stays']} stays, {windows['samples']} samples, {done['rows']} rows; {parts}")
    print(f"processor seconds, all of the process: {done['processor']:.3g}")
    compare("the job, start to end", ASKED["seconds"], seconds, "s")
    compare("its peak of memory", ASKED["gigabytes"], done["gigabytes"], "GB")
    taken = windows["seconds"]
    compare("windowing alone, median", ASKED["windowing"], taken[len(taken) // 2], "s")
    print(f"{'':28} {taken[0]:.3g} to {taken[-1]:.3g} s in {len(taken)} rounds")


if __name__ == "__main__":
    main()
