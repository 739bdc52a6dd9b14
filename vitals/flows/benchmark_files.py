"""What a benchmark keeps on disk, and when it may be used again: only under the very settings, data and program."""

from __future__ import annotations

import ast
import functools
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import vitals
from vitals.errors import DataError
from vitals.flows.benchmark_plan import Run
from vitals.flows.writing import as_json, write_folder
from vitals.spec.modelfile import channel_table
from vitals.spec.reader import plain
from vitals.windowing.types import Float32, Int64

PREDICTIONS, FACTS = "predictions.npz", "run.json"
_PACKAGE = Path(vitals.__file__).parent
_TEACHING = (
    "windowing", "labelling", "learning", "scoring", "bedside", "cohort", "flows/study.py", "flows/training.py",
    "flows/parity.py", "flows/benchmark_running.py", "flows/benchmark_truth.py",
)  # fmt: skip
_JUDGING = (
    "alerting", "labelling", "bedside", "flows/benchmark_judging.py", "flows/benchmark_lines.py",
    "flows/benchmark_truth.py",
)  # fmt: skip


@dataclass(frozen=True)
class Finished:
    """A finished run.

    Attributes:
        facts: what ``run.json`` holds: digest, threshold, seconds, settings, parity, history.
        stay: the judged stays, numbered as the truth numbers them, rising, ``(s,)``.
        risk: of all their rows, one stay after the other, ``(r,)`` float32.
    """

    facts: dict[str, Any]
    stay: Int64
    risk: Float32


def run_digest(run: Run, truth: str) -> str:
    """What a run's results depend on, apart from the program: its settings, its channels' limits, stays and folds."""
    settings = run.settings.to_tables()
    return digest_of([run.learner, run.site, run.fold, run.rows, settings, channel_table(run.settings), truth])


def digest_of(value: Any) -> str:
    """SHA-256 of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(plain(value), sort_keys=True).encode()).hexdigest()


def teaching_digest() -> str:
    """A digest of the program as far as it decides what a run predicts."""
    return _program(_TEACHING)


def judging_digest() -> str:
    """A digest of the program as far as it decides what is said of predictions."""
    return _program(_JUDGING)


@functools.cache
def _program(places: tuple[str, ...]) -> str:
    """Of the statements alone: a comment, a docstring or another line break makes no other program."""
    digest = hashlib.sha256(vitals.__version__.encode())
    for place in places:
        path = _PACKAGE / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            tree = ast.parse(file.read_text("utf-8"))
            for node in ast.walk(tree):
                if (
                    isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
                    and ast.get_docstring(node) is not None
                ):
                    del node.body[0]
            digest.update(ast.dump(tree).encode())
    return digest.hexdigest()


def write_run(folder: Path, facts: dict[str, Any], stay: Int64, risk: Float32, model: bytes | None) -> None:
    """Write a finished run whole or not at all."""
    file = io.BytesIO()
    np.savez_compressed(file, stay=stay.astype(np.int32), risk=risk.astype(np.float32))
    files = {PREDICTIONS: file.getvalue(), FACTS: as_json(facts)}
    write_folder(folder, files | ({"model.onnx": model} if model else {}))


def read_facts(folder: Path) -> dict[str, Any]:
    """What a run says of itself; nothing where it is not finished or damaged."""
    try:
        facts = json.loads((folder / FACTS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) and (folder / PREDICTIONS).is_file() else {}


def read_run(folder: Path) -> Finished:
    """A finished run.

    Raises:
        DataError: it is not there, or damaged.
    """
    facts = read_facts(folder)
    try:
        with np.load(folder / PREDICTIONS, allow_pickle=False) as file:
            return Finished(facts, file["stay"].astype(np.int64), file["risk"])
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            str(folder), f"a damaged run ({error})", "a finished one", "delete it and start again"
        ) from error


def is_finished(folder: Path, digest: str, *, keep: bool) -> bool:
    """Whether a run need not be done again.

    Args:
        folder: of the run.
        digest: what :func:`run_digest` says today.
        keep: also when the program has changed since.
    """
    facts = read_facts(folder)
    return facts.get("digest") == digest and (keep or facts.get("program") == teaching_digest())


def sources_digest(source: Path) -> str:
    """Names, sizes and times of the files below a folder: cheap, and different whenever a file was changed."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    states = [(str(path.relative_to(source)), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return digest_of([list(state) for state in states])


def write_json(path: Path, value: Any) -> None:
    """A JSON file that is there whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(as_json(value))
    part.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file's table; empty where there is none that can be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def digest_in_name(file: str | Path) -> str:
    """The digest that stands at the end of a file's name.

    Example:
        >>> digest_in_name("report/challenge2019/truth-0a1b.npz")
        '0a1b'
    """
    return Path(file).stem.rpartition("-")[2]
