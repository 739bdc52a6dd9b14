"""A ward on several machines: workers that share its beds, a gateway that feeds them, and readers of what they say."""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from vitals.cluster.layout import Layout
from vitals.cluster.links import linked
from vitals.cluster.port import Kept
from vitals.cluster.shard import Shard
from vitals.cluster.worker import Worker
from vitals.durable.gather import gathered
from vitals.errors import SettingsError
from vitals.feeds.lines import Output, Technical
from vitals.feeds.ndjson import encode_lines
from vitals.flows.operating import Operation, operating
from vitals.flows.swapping import Swap
from vitals.flows.watching import find_policy
from vitals.operation.running import Running
from vitals.scoring.model import Model, open_model
from vitals.spec.policy import AlertPolicy
from vitals.ward.outputs import with_ids

_LOST = {"partition_lost": "taken"}


def watch_cluster(  # noqa: PLR0913, PLR0917 (one parameter an option of the command)
    model_path: str | Path,
    url: str,
    sink: BinaryIO,
    policy_path: str | Path | None = None,
    keys: str | Path | None = None,
    running: Running | None = None,
) -> dict[str, Any]:
    """Be one of the workers of a ward on several machines, until told to stop.

    Args:
        model_path: a model folder, the ONNX file in it, or a shipped model by its name.
        url: ``nats://host:port,…`` or ``kafka://host:port,…``.
        sink: takes technical lines about this worker; what the beds lead to goes back to the servers.
        policy_path: the alert policy; None takes ``policy.toml`` beside the model, and gives risks alone without one.
        keys: a folder with ``ca.pem``, ``cert.pem`` and ``key.pem`` of a worker; None for servers without encryption.
        running: metrics, logs, signals and all else that changes no risk.

    Returns:
        How many ``risks``, ``alerts``, alerts ``held_back`` and ``technical`` lines went out, and how often a partition was
        ``taken`` and ``lost``.

    Raises:
        FeedError: no server answers or lets us in.
        StateError: the cluster's state is of another model, window or policy.
    """

    def look() -> tuple[Model, AlertPolicy | None]:
        return open_model(model_path), find_policy(model_path, policy_path)

    model, policy = look()
    running, lines = running or Running(), io.BytesIO()
    with operating(running, Swap(model, policy, look), lines) as operation:
        news = _News(sink, operation)

        def write(said: Sequence[Output]) -> bytes:
            operation.write(list(said))
            text = lines.getvalue()
            lines.seek(0)
            lines.truncate()
            return text

        async def serve() -> None:
            async with _port(url, keys, news) as port:
                worker = Worker(port, lambda kept, where: _shard(model, policy, kept, where), write, news.of_partition)
                waiting = asyncio.create_task(_wait(operation, worker.stop))
                try:
                    await worker.run()
                finally:
                    waiting.cancel()

        asyncio.run(serve())
        counts = {name: operation.counts[name] for name in ("risks", "alerts", "held_back", "technical")}
        return counts | {"taken": news.taken, "lost": news.lost}


def _shard(model: Model, policy: AlertPolicy | None, kept: Kept, where: str) -> Shard:
    return Shard(model, policy, kept, where)


async def _wait(operation: Operation, stop: asyncio.Event) -> None:
    """Ready until somebody wants the worker to stop."""
    operation.health.open = True
    if operation.metrics:
        operation.metrics.ready(True)
    while not operation.requests.stop:
        await asyncio.sleep(0.1)
    stop.set()


class _News:
    """News of this process: to stdout and to the log, and never to the servers, which may be what is missing."""

    def __init__(self, sink: BinaryIO, operation: Operation | None = None) -> None:
        self._sink, self._operation = sink, operation
        self.taken = self.lost = 0

    def say(self, reason: str, named: str) -> None:
        lines: list[Output] = with_ids(str(time.time_ns()), [Technical(None, None, reason, named=[named])])
        self._sink.write(encode_lines(lines))
        self._sink.flush()
        if self._operation is not None and self._operation.log:
            self._operation.log.said(lines)

    def of_partition(self, reason: str, partition: int) -> None:
        self.taken += reason == "partition_taken"
        if reason in _LOST:
            self.lost += 1
            if self._operation is not None and self._operation.metrics:
                self._operation.metrics.lost_lease(_LOST[reason])
        self.say(reason, str(partition))


def _port(url: str, keys: str | Path | None, news: _News) -> Any:
    if url.startswith("nats://"):
        return _nats_port(url, keys, news)
    raise SettingsError("--from", url, "nats://host:port or kafka://host:port", "write nats://127.0.0.1:4222")


def _nats_port(url: str, keys: str | Path | None, news: _News) -> Any:
    from contextlib import asynccontextmanager

    from vitals.cluster.nats_port import nats_port
    from vitals.cluster.streams import layout_of

    @asynccontextmanager
    async def opened() -> Any:
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}".replace(".", "_")
        async with linked(url, None if keys is None else Path(keys), news.say) as link:
            async with nats_port(link, await layout_of(link), name) as port:
                yield port

    return opened()


def feed_cluster(
    url: str, source: BinaryIO, sink: BinaryIO, keys: str | Path | None = None, pack: bool = False
) -> dict[str, Any]:
    """Publish lines of events, each to the partition of its stay; a line counts once a majority of servers has it on disk.

    Args:
        url: ``nats://host:port,…``.
        source: lines of input.
        sink: takes technical lines about this process.
        keys: a folder with ``ca.pem``, ``cert.pem`` and ``key.pem`` of a gateway; None for servers without encryption.
        pack: put lines that wait together into one message of up to 64 KB.

    Returns:
        ``lines``, ``messages``, ``acknowledged`` lines, ``longest_wait`` in seconds, ``stalled_partitions``.

    Raises:
        FeedError: no server answers or lets us in.
        StateError: the servers turn stays into other partitions.
    """
    from vitals.cluster.gateway import Gateway
    from vitals.cluster.streams import layout_of, refuse_other_servers

    async def run() -> dict[str, Any]:
        async with linked(url, None if keys is None else Path(keys), _News(sink).say) as link:
            layout = await layout_of(link)
            await refuse_other_servers(link, layout)
            return await Gateway(link, layout, pack).feed(gathered(source, 1 << 16))

    return asyncio.run(run())


def read_cluster(
    url: str, sink: BinaryIO, keys: str | Path | None = None, once: bool = False, new: bool = False
) -> dict[str, Any]:
    """Write the lines that the workers gave, each once, in order of each stay.

    Args:
        url: ``nats://host:port,…``.
        sink: takes the lines.
        keys: a folder with ``ca.pem``, ``cert.pem`` and ``key.pem`` of a reader; None for servers without encryption.
        once: end with what is there now; else follow until stopped.
        new: begin with what comes from now on.

    Returns:
        How many ``lines``.

    Raises:
        FeedError: no server answers or lets us in.
    """
    from vitals.cluster.outlet import Outlet
    from vitals.cluster.streams import layout_of

    async def run() -> dict[str, Any]:
        async with linked(url, None if keys is None else Path(keys), _nobody) as link:
            return await Outlet(link, await layout_of(link), sink).read(once, new)

    return asyncio.run(run())


def set_up_cluster(
    url: str, keys: str | Path | None = None, layout: Layout | None = None, replicas: int = 3
) -> dict[str, str]:
    """Make a cluster's streams where there are none, and spread their leaders over the nodes; returns who leads each.

    Args:
        url: ``nats://host:port,…``.
        keys: a folder with ``ca.pem``, ``cert.pem`` and ``key.pem`` of an admin; None for servers without encryption.
        layout: partitions and quarters, fixed for the cluster's life.
        replicas: copies of every message.

    Raises:
        StateError: there is a cluster with other partitions.
    """
    from vitals.cluster.streams import set_up

    async def run() -> dict[str, str]:
        async with linked(url, None if keys is None else Path(keys), _nobody) as link:
            return await set_up(link, layout or Layout(), replicas)

    return asyncio.run(run())


@contextmanager
def local_cluster(
    folder: str | Path, nodes: int = 3, layout: Layout | None = None, port: int = 4222
) -> Iterator[Any]:
    """A cluster on loopback, set up and running within, stopped after.

    Args:
        folder: certificates, configuration and stores of the nodes.
        nodes: how many.
        layout: partitions and quarters.
        port: of the first node.
    """
    from vitals.cluster.local import LocalCluster

    cluster = LocalCluster(Path(folder), nodes, layout, port)
    with cluster.running():
        set_up_cluster(cluster.url, cluster.folder / "admin", cluster.layout, cluster.replicas)
        yield cluster


def _nobody(_reason: str, _named: str) -> None:
    """Nobody is told."""


