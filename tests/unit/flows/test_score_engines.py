"""Whoever scores a cohort, one process, several, or Spark, writes the same bytes."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.live import model_folder, settings_of
from vitals.cohort.store import open_cohort
from vitals.errors import DataError, ModelError, SettingsError
from vitals.flows import score_pieces, score_pool, score_spark, scores
from vitals.flows.benchmark_work import Task
from vitals.flows.score_pieces import Plan
from vitals.flows.scores import Engine, score
from vitals.flows.simulation import simulate_cohort
from vitals.scoring.model import open_model

HERE = "tests.unit.flows.test_score_engines"
ROOT = Path(__file__).parents[3]
BEDS = 60


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a simulated ward of 60 beds, and its risks by one process."""
    home = tmp_path_factory.mktemp("engines")
    model_folder(home / "model", settings_of(min_observed=0, warm_up="2h"))
    simulate_cohort(home / "ward", beds=BEDS, hours=12, seed=5)
    score(home / "model", home / "ward", home / "one.parquet")
    return home


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces so small that there are several for each process."""
    monkeypatch.setattr(score_pieces, "_SMALLEST", 8)


def plan_of(home: Path) -> Plan:
    return Plan.of(home / "model", open_model(home / "model"), open_cohort(home / "ward"), 8)


def die(plan: Plan, piece: int, file: Path, progress: Any) -> None:
    os._exit(9)


@pytest.mark.parametrize("block", [4096, 16])
def test_two_processes_write_the_bytes_of_one(
    home: Path, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """Also where pieces make up several blocks; progress only rises, and no other file is left."""
    monkeypatch.setattr(scores, "_STAYS", block)
    told: list[tuple[int, int, str]] = []
    one = score(home / "model", home / "ward", tmp_path / "one.parquet")
    two = score(home / "model", home / "ward", tmp_path / "two.parquet", lambda *s: told.append(s), Engine("local", 2))
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert {**one, "files": []} == {**two, "files": []}
    assert two["stays"] == len(open_cohort(home / "ward")) >= BEDS
    done = [n for n, _, _ in told]
    assert len(done) > 2
    assert done == sorted(set(done))
    assert told[-1] == (two["stays"], two["stays"], "scoring stays")
    assert {path.name for path in tmp_path.iterdir()} == {"one.parquet", "two.parquet"}


def test_a_process_that_died_is_told_and_leaves_no_half_file(
    home: Path, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older table stays as it was."""
    shutil.copy(home / "one.parquet", out := tmp_path / "risks.parquet")
    usual = score_pool._task

    def third_dies(plan: Plan, piece: int, file: Path) -> Task:
        task = usual(plan, piece, file)
        return replace(task, function=f"{HERE}:die") if piece == 2 else task

    monkeypatch.setattr(score_pool, "_task", third_dies)
    with pytest.raises(
        DataError, match=r"stays 17 to 24: came no risks \(its process ended with code 9; .*--processes"
    ):
        score(home / "model", home / "ward", out, None, Engine("local", 2))
    assert out.read_bytes() == (home / "one.parquet").read_bytes()
    assert [*tmp_path.iterdir()] == [out]


def test_an_error_in_a_process_names_the_stays(home: Path) -> None:
    """With what went wrong there."""
    plan = replace(plan_of(home), model_digest="another")
    with pytest.raises(DataError, match=r"stays \d+ to \d+: came no risks .*another, as the run began"):
        next(score_pool.pooled(plan, 2, None))


@pytest.mark.parametrize(
    ("other", "error"), [("version", SettingsError), ("model_digest", ModelError), ("cohort_digest", DataError)]
)
def test_a_process_refuses_what_was_not_meant(home: Path, other: str, error: type[Exception]) -> None:
    """Another version, model or cohort on another machine would give other bits, unnoticed."""
    with pytest.raises(error, match="another"):
        replace(plan_of(home), **{other: "another"}).score(0)


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (("sparc", 1, None), 'did you mean "spark"'),
        (("local", -1, None), "0 or more"),
        (("local", 1, "spark://head:7077"), "add --engine spark"),
    ],
)
def test_engines_that_make_no_sense_are_refused(engine: tuple[str, int, str | None], said: str) -> None:
    """With what to do about it."""
    with pytest.raises(SettingsError, match=said):
        Engine(*engine)


def test_without_pyspark_the_extra_is_named(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no file is begun."""
    monkeypatch.setattr(score_spark.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"pip install 'vitals\[spark\]'"):
        score(home / "model", home / "ward", tmp_path / "risks.parquet", None, Engine("spark"))
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("java_home", [None, "/no/such/java"])
def test_without_java_its_package_is_named(home: Path, monkeypatch: pytest.MonkeyPatch, java_home: str | None) -> None:
    """Spark itself would say that a gateway exited."""
    monkeypatch.setattr(score_spark.importlib.util, "find_spec", lambda _: object())
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    if java_home:
        monkeypatch.setenv("JAVA_HOME", java_home)
    with pytest.raises(SettingsError, match=r"without Java.*apt-get install openjdk-17-jre-headless"):
        score(home / "model", home / "ward", None, None, Engine("spark"))


# In a process of its own, as the JVM stays until the interpreter ends. Its last word is progress while Spark still runs.
_SPARK = """
import json, sys
from pathlib import Path
import psutil
from vitals.flows import score_pieces
from vitals.flows.scores import Engine, score

heard, told = set(), []

def look(*said):
    told.append(said)
    this = psutil.Process()
    for process in [this, *this.children(recursive=True)]:
        heard.update(c.laddr.ip for c in process.net_connections("inet") if c.status == "LISTEN")

score_pieces._SMALLEST = 8
model, ward, out = map(Path, sys.argv[1:])
summary = score(model, ward, out, look, Engine("spark", 2))
print(json.dumps({"summary": summary, "told": told, "heard": sorted(heard)}))
"""
_NEEDED = {"pyspark (pip install 'vitals[spark]')": importlib.util.find_spec("pyspark"), "Java": shutil.which("java")}
_MISSING = [name for name, found in _NEEDED.items() if found is None]
needs_spark = pytest.mark.skipif(bool(_MISSING), reason=f"Spark is not tested here, for want of {', '.join(_MISSING)}")


def run_spark(home: Path, ward: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _SPARK, str(home / "model"), str(ward), str(out)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=300)


@needs_spark
@pytest.mark.slow
def test_spark_writes_the_bytes_of_one_process_and_listens_on_loopback_only(home: Path, tmp_path: Path) -> None:
    """Partitions of 8 stays on two workers, with this interpreter, without a page for browsers."""
    ran = run_spark(home, home / "ward", tmp_path / "spark.parquet")
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert (tmp_path / "spark.parquet").read_bytes() == (home / "one.parquet").read_bytes()
    one = score(home / "model", home / "ward")
    assert {name: value for name, value in said["summary"].items() if name != "files"} == one
    assert said["told"][-1] == [one["stays"], one["stays"], "scoring stays"]
    assert said["heard"]
    assert {ip.removeprefix("::ffff:") for ip in said["heard"]} <= {"127.0.0.1", "::1"}
    assert [*tmp_path.iterdir()] == [tmp_path / "spark.parquet"]


@needs_spark
@pytest.mark.slow
def test_an_error_in_a_partition_is_told_in_one_line(home: Path, tmp_path: Path) -> None:
    """Out of pages of Java, the error of ours."""
    ward = tmp_path / "ward"
    shutil.copytree(home / "ward", ward)
    file = ward / "events.parquet"
    content = bytearray(file.read_bytes())
    content[: len(content) // 2] = bytes(len(content) // 2)  # the foot, by which it is opened, stays
    file.write_bytes(content)
    ran = run_spark(home, ward, tmp_path / "spark.parquet")
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith("vitals.errors.DataError: --engine spark: came no risks (")
    assert "events.parquet" in last
    assert [*tmp_path.iterdir()] == [ward]
