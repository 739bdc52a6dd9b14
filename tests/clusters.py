"""What tests of a cluster need: servers, workers that are processes of their own, a paced feed, and one local ward to compare with."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vitals.cluster.connecting import linked
from vitals.cluster.gateway import Gateway
from vitals.cluster.layout import Layout
from vitals.cluster.local import LocalCluster
from vitals.cluster.outlet import Outlet
from vitals.cluster.streams import layout_of
from vitals.feeds.ndjson import encode_lines
from vitals.flows.clustering import local_cluster
from vitals.flows.watching import find_policy
from vitals.scoring.model import open_model
from vitals.ward.ward import Ward

ROOT = Path(__file__).parents[1]
LAYOUT = Layout(8, 4)


def free_port() -> int:
    """The first of several ports that nobody has, far from those that the system deals out."""
    for port in range(14_300 + os.getpid() % 500 * 20, 30_000, 10):
        try:
            for number in (*range(port, port + 3), *range(port + 2000, port + 2003)):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", number))
        except OSError:
            continue
        return port
    raise OSError("no port is free")


@contextmanager
def cluster_in(folder: Path, nodes: int = 3, layout: Layout = LAYOUT) -> Iterator[LocalCluster]:
    """Servers that run."""
    with local_cluster(folder, nodes, layout, free_port()) as cluster:
        yield cluster


class WorkerProcess:
    """``vitals watch --from`` as a process of its own.

    Attributes:
        heard: what it said, with the time at which it was heard.
    """

    def __init__(self, cluster: LocalCluster, model: Path) -> None:
        command = ["watch", str(model), "--from", cluster.url, "--keys", str(cluster.folder / "worker")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vitals", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self.heard: list[tuple[float, str, str]] = []
        self.errors = b""
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._listen, self._complaints)]
        for thread in self._threads:
            thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = json.loads(text)
            self.heard.append((time.monotonic(), line["reason"], (line.get("named") or [""])[0]))

    def _complaints(self) -> None:
        assert self.process.stderr is not None
        self.errors = self.process.stderr.read()

    def holding(self) -> set[str]:
        """Partitions it serves, as far as it said."""
        held: set[str] = set()
        for _, reason, partition in list(self.heard):
            if reason == "partition_taken":
                held.add(partition)
            elif reason.startswith("partition_"):
                held.discard(partition)
        return held

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
        code = self.process.wait(60)
        for thread in self._threads:
            thread.join(10)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@contextmanager
def workers(cluster: LocalCluster, model: Path, many: int) -> Iterator[list[WorkerProcess]]:
    """Workers that serve every partition; whoever is left at the end is ended."""
    found = [WorkerProcess(cluster, model) for _ in range(many)]
    try:
        until(lambda: len(served(found)) == cluster.layout.partitions, 60)
        yield found
    finally:
        for worker in found:
            worker.end(signal.SIGKILL)


def served(found: list[WorkerProcess]) -> set[str]:
    """Partitions that some of these workers serve."""
    return set().union(*(worker.holding() for worker in found if worker.process.poll() is None))


def until(done: Any, seconds: float) -> float:
    """Wait until something is so; returns how long that took."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < seconds, "waited too long"
        time.sleep(0.05)
    return time.monotonic() - began


class Paced:
    """A source that gives so many lines a second."""

    def __init__(self, lines: list[bytes], rate: float) -> None:
        self._lines, self._rate, self._at, self._began = lines, rate, 0, 0.0

    def read1(self, _most: int) -> bytes:
        """The lines that are due."""
        self._began = self._began or time.monotonic()
        while self._at < len(self._lines):
            due = int((time.monotonic() - self._began) * self._rate) + 1
            if due > self._at:
                piece = b"".join(self._lines[self._at : due])
                self._at = due
                return piece
            time.sleep(0.01)
        return b""


class Feeding(threading.Thread):
    """A gateway that is busy.

    Attributes:
        said: its summary, at the end.
        news: technical lines.
    """

    def __init__(self, cluster: LocalCluster, lines: list[bytes], rate: float) -> None:
        super().__init__(daemon=True)
        self._all, self.said, self.news = (cluster, lines, rate), dict[str, Any](), io.BytesIO()
        self._gateway: Gateway | None = None
        self.start()

    def run(self) -> None:
        """Feed."""
        cluster, lines, rate = self._all

        async def feed() -> None:
            async with linked(cluster.url, cluster.folder / "gateway", self._tell) as link:
                self._gateway = Gateway(link, await layout_of(link))
                self.said = await self._gateway.feed(lambda: paced.read1(1))

        paced = Paced(lines, rate)
        asyncio.run(feed())

    def acknowledged(self) -> int:
        """Lines that were acknowledged so far."""
        return 0 if self._gateway is None else self._gateway.acknowledged

    def _tell(self, reason: str, named: str) -> None:
        self.news.write(json.dumps({"reason": reason, "named": named}).encode() + b"\n")


class Raw(Outlet):
    """Reads what is stored as it is, without leaving out what came twice."""

    def _write(self, text: bytes) -> None:
        self._sink.write(text)


def outputs_of(cluster: LocalCluster) -> dict[str, list[dict[str, Any]]]:
    """By id what is stored about stays, as often as it is stored."""
    sink = io.BytesIO()

    async def run() -> None:
        async with linked(cluster.url, cluster.folder / "reader", lambda *_: None) as link:
            await Raw(link, cluster.layout, sink).read(once=True, new=False)

    asyncio.run(run())
    return about_stays(sink.getvalue())


def about_stays(text: bytes) -> dict[str, list[dict[str, Any]]]:
    """By id the lines about a stay, but those that number the lines of the feed: each partition has its own numbers."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in map(json.loads, text.splitlines()):
        if line["stay"] is not None and not line.get("line"):
            found.setdefault(line["id"], []).append(line)
    return found


def one_ward(model: Path, lines: list[bytes]) -> dict[str, list[dict[str, Any]]]:
    """What one local ward says of the same input."""
    return about_stays(encode_lines(Ward(open_model(model), find_policy(model)).feed(b"".join(lines))))


def differences(said: dict[str, list[Any]], wanted: dict[str, list[Any]]) -> tuple[int, int, int]:
    """Lines that are missing, that are there more than once or should not be, and that differ."""
    missing = len(wanted.keys() - said.keys())
    doubled = sum(len(lines) - 1 for lines in said.values()) + len(said.keys() - wanted.keys())
    differ = sum(line != wanted[name][0] for name, lines in said.items() if name in wanted for line in lines)
    return missing, doubled, differ
