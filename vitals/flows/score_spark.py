"""A cohort scored by Spark: a partition is a piece of neighbouring stays, and scores it as one process would."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

import vitals
from vitals.errors import DataError, SettingsError
from vitals.flows.score_pieces import Plan, Scored

Progress = Callable[[int, int, str], None]
_GROUP = "vitals score"
_EVERY = 0.5  # seconds between two looks at how many partitions are done
_WHERE = "--engine spark"


def sparked(plan: Plan, processes: int, master: str | None, progress: Progress | None = None) -> Iterator[Scored]:
    """Every piece in order, once all of them are scored.

    Args:
        plan: what is scored; every machine must find model and cohort at the same place.
        processes: on this machine; 0 is one a core. With a master or a session, Spark's own settings say how many.
        master: the address of a cluster; None is this machine. A session that is already active goes first.
        progress: told stays done and to do.

    Raises:
        SettingsError: no pyspark, no Java, or a Spark that does not start.
        DataError: an error in a partition, after Spark has tried again as often as it was told to.
    """
    _refuse_missing()
    with _quiet_about_pandas(), sparked_session(processes, master) as spark:
        plan = plan.cut(spark.sparkContext.defaultParallelism)
        messages = _collected(spark, plan, progress)
    for message in messages:
        yield Scored.read(message.as_buffer())


def _collected(spark: Any, plan: Plan, progress: Progress | None) -> pa.ChunkedArray:
    """The messages of all pieces; Spark gives partitions back in their order."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    if not plan.pieces:
        return pa.chunked_array([], pa.binary())
    try:
        with _told(spark, plan, progress):
            numbers = spark.range(0, plan.pieces, 1, plan.pieces)  # one piece a partition
            return numbers.mapInArrow(_scorer(plan), "message binary").toArrow()["message"]
    except (PySparkException, Py4JError) as error:
        cure = "mend that and score again"
        raise DataError(_WHERE, f"no risks ({_reason(str(error))})", "a risk for every step", cure) from error


@contextlib.contextmanager
def _quiet_about_pandas() -> Iterator[None]:
    """Spark warns of pandas 3, through which nothing goes here: Arrow comes in and Arrow goes out."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


def _scorer(plan: Plan) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What a partition does: numbers of pieces in, their risks out."""

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for piece in batch.column(0).to_pylist():
                message = pa.array([plan.score(piece).message()], pa.binary())
                yield pa.RecordBatch.from_arrays([message], names=["message"])

    return score


def _refuse_missing() -> None:
    if importlib.util.find_spec("pyspark") is None:
        cure = "install it: pip install 'vitals[spark]'"
        raise SettingsError(_WHERE, "an installation without pyspark", 'the extra "spark"', cure)
    home = os.environ.get("JAVA_HOME")
    if shutil.which(str(Path(home) / "bin" / "java") if home else "java") is None:
        came = f"a JAVA_HOME without Java ({home})" if home else "a machine without Java"
        cure = "install it: apt-get install openjdk-17-jre-headless"
        raise SettingsError(_WHERE, came, "Java 17 or newer, for Spark", cure)


@contextlib.contextmanager
def sparked_session(processes: int = 0, master: str | None = None) -> Iterator[Any]:
    """The active session, or a new one that is stopped in the end."""
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        yield active
        return
    settings = {"spark.app.name": _GROUP, "spark.driver.maxResultSize": "0", "spark.executorEnv.OMP_NUM_THREADS": "1"}
    if master is None:
        os.environ["PYSPARK_PYTHON"] = sys.executable  # Spark would take whatever python3 comes first
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        settings |= _on_this_machine(processes)
    builder = SparkSession.builder.config(map=settings | {"spark.master": master or f"local[{processes or '*'}]"})
    try:
        spark = builder.getOrCreate()
    except PySparkException as error:
        came = f"a Spark that does not start ({_reason(str(error))})"
        cure = "see what it wrote above; it needs Java 17 or newer, and a cluster that can be reached"
        raise SettingsError(_WHERE, came, "one that does", cure) from error
    try:
        yield spark
    finally:
        spark.stop()


def _on_this_machine(processes: int) -> dict[str, str]:
    """Nothing listens but on loopback, nothing is served to browsers, and workers import this very package."""
    return {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.default.parallelism": str(processes or os.cpu_count() or 1),
        "spark.executorEnv.PYTHONPATH": str(Path(vitals.__file__).parents[1]),
    }


@contextlib.contextmanager
def _told(spark: Any, plan: Plan, progress: Progress | None) -> Iterator[None]:
    """Tell from beside how many stays are done, while this thread waits for Spark."""
    context, over = spark.sparkContext, threading.Event()
    tracker = context.statusTracker()
    context.setJobGroup(_GROUP, f"{plan.stays} stays")

    def look() -> None:
        told = 0
        while not over.wait(_EVERY):
            done = min(_partitions_done(tracker) * plan.size, plan.stays)
            if progress and told < done < plan.stays:
                told = done
                progress(done, plan.stays, "scoring stays")

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    if progress:
        progress(plan.stays, plan.stays, "scoring stays")


def _partitions_done(tracker: Any) -> int:
    jobs = filter(None, map(tracker.getJobInfo, tracker.getJobIdsForGroup(_GROUP)))
    stages = filter(None, (tracker.getStageInfo(stage) for job in jobs for stage in job.stageIds))
    return sum(int(stage.numCompletedTasks) for stage in stages)


def _reason(text: str) -> str:
    """Of pages of Java and Python, the error that a partition raised, or else the first line."""
    ours = re.findall(r"^(?:\w+\.)*\w*(?:Error|Exception): (.+)$", text, re.MULTILINE)
    return str(ours[-1] if ours else text.strip().partition("\n")[0])[:500]
