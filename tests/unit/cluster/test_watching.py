"""A worker's metrics and signals, on a broker in memory."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import re
import signal
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.keeping import feed_of
from tests.live import model_folder, settings_of
from tests.unit.cluster.test_worker import Broker, MemoryPort
from vitals.cluster import shard
from vitals.errors import FeedError, SettingsError
from vitals.flows import cluster_watching
from vitals.flows.cluster_watching import watch_cluster
from vitals.operation.running import Running
from vitals.spec.duration import Duration


def until(done: Callable[[], bool]) -> None:
    for _ in range(3000):
        if done():
            return
        time.sleep(0.01)
    raise AssertionError("waited too long")


def scraped(address: str) -> dict[str, float]:
    with urllib.request.urlopen(address, timeout=5) as answer:
        text = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^(vitals_\S+) (\S+)$", text, re.MULTILINE)}


def opens(monkeypatch: pytest.MonkeyPatch, port: Any) -> None:
    @asynccontextmanager
    async def opened(*_: Any) -> AsyncIterator[Any]:
        if port is None:
            await asyncio.Event().wait()  # as without a quorum
        yield port

    monkeypatch.setattr(cluster_watching, "_port", opened)


def test_metrics_and_signals_tell_what_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard, "IDLE", 0.01)
    model = model_folder(tmp_path, settings_of(hidden=4, grace="30min"))
    broker, sink, said = Broker(feed_of(stays=8, hours=10, seed=1), random.Random(1)), io.BytesIO(), list[str]()
    opens(monkeypatch, MemoryPort(broker))
    found: list[dict[str, float]] = []

    def ask() -> None:
        try:
            until(broker.done)
            time.sleep(1.5)  # with nothing in hand
            found.append(scraped(said[0].split()[1]))
            os.kill(os.getpid(), signal.SIGHUP)
            until(lambda: b"swap_refused" in sink.getvalue())
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask)
    asking.start()
    counts = watch_cluster(
        model, "memory://", sink, running=Running(signals=True, metrics="127.0.0.1:0", tell=said.append)
    )
    asking.join()
    assert found[0]["vitals_lag_seconds"] == 0.0  # though it has been running for a while
    assert found[0]["vitals_stays"] > 0
    assert found[0]["vitals_answer_seconds_count"] == found[0]["vitals_scoring_seconds_count"] > 0
    assert counts["taken"] == 3
    assert {json.loads(line)["reason"] for line in sink.getvalue().splitlines()} == {
        "partition_taken", "partition_given_back", "swap_refused",
    }  # fmt: skip


def test_a_worker_that_meets_no_quorum_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_folder(tmp_path, settings_of(hidden=4, grace="30min"))
    monkeypatch.setattr(cluster_watching, "_BOUND", 0.2)
    opens(monkeypatch, None)
    stopping = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    stopping.start()
    with pytest.raises(FeedError, match="after the signal to stop"):
        watch_cluster(model, "memory://", io.BytesIO(), running=Running(signals=True))
    stopping.join()


@pytest.mark.parametrize("running", [Running(max_lag=3.0), Running(swap_after=Duration.parse("6h", "x"))])
def test_what_a_worker_would_not_heed_is_refused(tmp_path: Path, running: Running) -> None:
    model = model_folder(tmp_path, settings_of(hidden=4, grace="30min"))
    with pytest.raises(SettingsError, match="beside --from"):
        watch_cluster(model, "memory://", io.BytesIO(), running=running)
