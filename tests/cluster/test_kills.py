"""Workers and servers that are killed while events flow: nothing is missing, nothing comes twice, nothing differs."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from tests.clusters import (
    Feeding,
    WorkerProcess,
    cluster_in,
    differences,
    one_ward,
    outputs_of,
    served,
    until,
    workers,
)
from tests.faults import record
from tests.keeping import feed_of
from vitals.flows.clustering import set_up_cluster

KILLS = int(os.environ.get("VITALS_CLUSTER_KILLS", "2"))
EVENTS = int(os.environ.get("VITALS_CLUSTER_EVENTS", "3000"))


def feed(events: int) -> list[bytes]:
    lines = feed_of(stays=events // 45, hours=16, seed=3)
    assert len(lines) > events
    return lines[:events]


def test_workers_and_a_server_are_killed(model: Path, tmp_path: Path) -> None:
    lines = feed(EVENTS)
    seconds = 5.0 * (KILLS + 1)
    takeovers, together = [], 0.0
    with cluster_in(tmp_path / "cluster") as cluster, workers(cluster, model, 3) as running:
        led = set_up_cluster(cluster.url, cluster.folder / "admin", cluster.layout)
        leads = {name: [q for q in range(4) if led[f"VITALS_IN_{q}"] == name] for name in sorted(set(led.values()))}
        victim = min(leads, key=lambda name: len(leads[name]))
        feeding = Feeding(cluster, lines, EVENTS / seconds)
        for kill in range(KILLS):
            time.sleep(3)
            if kill == KILLS // 2:
                node = cluster.nodes[int(victim[-1])]
                node.stop(signal.SIGKILL)
            took = kill_and_replace(running, cluster, model)
            if kill == KILLS // 2:
                together = took
                node.start()
            else:
                takeovers.append(took)
        feeding.join(120)
        assert feeding.said["lines"] == EVENTS
        wanted = one_ward(model, lines)
        until(lambda: len(outputs_of(cluster)) >= len(wanted), 60)
        found = differences(outputs_of(cluster), wanted)
        for worker in running:
            worker.end()
    stalled = feeding.said["stalled_partitions"] / cluster.layout.partitions
    assert found == (0, 0, 0)
    record(
        "F23", f"{KILLS} kill -9 of workers, of three, while {EVENTS:,} events flow",
        "0 missing, doubled, different; takeover at most 6 s",
        f"{found[0]}, {found[1]}, {found[2]} of {len(wanted):,} lines; takeover {max(takeovers):.1f} s at most, "
        f"{together:.1f} s where a server died with the worker",
    )  # fmt: skip
    record(
        "F24", f"kill -9 of a server, of three, that leads {len(leads[victim])} of 4 quarters, while {EVENTS:,} events flow",
        "0 lost; stall at most 10 s and 25 % of beds",
        f"0 of {EVENTS:,} lost; {feeding.said['longest_wait']:.1f} s at most; {stalled:.0%} of partitions stalled over 2 s",
    )  # fmt: skip


def kill_and_replace(running: list[WorkerProcess], cluster: Any, model: Path) -> float:
    """Kill a worker that serves something; returns after how many seconds all that it served is served again."""
    until(lambda: any(worker.holding() for worker in running), 30)
    victim = max(running, key=lambda worker: len(worker.holding()))
    lost = victim.holding()
    victim.end(signal.SIGKILL)
    killed = time.monotonic()
    running.remove(victim)
    until(lambda: lost <= served(running), 60)
    took = (
        max(
            at
            for worker in running
            for at, reason, which in worker.heard
            if reason == "partition_taken" and which in lost
        )
        - killed
    )
    running.append(WorkerProcess(cluster, model))
    return took
