"""Be one of the workers of a ward on several machines."""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

from vitals.cluster.port import Kept
from vitals.cluster.shard import Shard
from vitals.cluster.worker import Worker
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


def watch_cluster(
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
        news = News(sink, operation)

        def write(said: Sequence[Output]) -> bytes:
            operation.write(list(said))
            text = lines.getvalue()
            lines.seek(0)
            lines.truncate()
            return text

        def open_shard(kept: Kept, where: str) -> Shard:
            return Shard(model, policy, kept, where, operation.metrics.took if operation.metrics else None)

        async def serve() -> None:
            async with _port(url, keys, news) as port:
                worker = Worker(port, open_shard, write, news.of_partition)
                waiting = asyncio.create_task(_wait(operation, worker.stop))
                try:
                    await worker.run()
                finally:
                    waiting.cancel()

        asyncio.run(serve())
        counts = {name: operation.counts[name] for name in ("risks", "alerts", "held_back", "technical")}
        return counts | {"taken": news.taken, "lost": news.lost}


async def _wait(operation: Operation, stop: asyncio.Event) -> None:
    """Ready until somebody wants the worker to stop."""
    operation.health.open = True
    if operation.metrics:
        operation.metrics.ready(True)
    while not operation.requests.stop:
        await asyncio.sleep(0.1)
    stop.set()


class News:
    """News of this process: to its own output and log, and never to the servers, which may be what is missing.

    Args:
        sink: takes technical lines.
        operation: has the log and the metrics; None for neither.

    Attributes:
        taken: partitions that were taken.
        lost: partitions that another worker took.
    """

    def __init__(self, sink: BinaryIO, operation: Operation | None = None) -> None:
        self._sink, self._operation = sink, operation
        self.taken = self.lost = 0

    def tell(self, reason: str, named: str) -> None:
        """Something happened to something."""
        lines: list[Output] = with_ids(str(time.time_ns()), [Technical(None, None, reason, named=[named])])
        self._sink.write(encode_lines(lines))
        self._sink.flush()
        if self._operation is not None and self._operation.log:
            self._operation.log.said(lines)

    def of_partition(self, reason: str, partition: int) -> None:
        """A partition was taken, given back or lost."""
        self.taken += reason == "partition_taken"
        if reason in _LOST:
            self.lost += 1
            if self._operation is not None and self._operation.metrics:
                self._operation.metrics.lost_lease(_LOST[reason])
        self.tell(reason, str(partition))


def _port(url: str, keys: str | Path | None, news: News) -> Any:
    if url.startswith("nats://"):
        return _nats_port(url, keys, news)
    if url.startswith("kafka://"):
        from vitals.cluster.kafka_port import kafka_port

        return kafka_port(url, None if keys is None else Path(keys))
    raise SettingsError("--from", url, "nats://host:port or kafka://host:port", "write nats://127.0.0.1:4222")


def _nats_port(url: str, keys: str | Path | None, news: News) -> Any:
    from vitals.cluster.connecting import linked
    from vitals.cluster.nats_port import nats_port
    from vitals.cluster.streams import layout_of

    @asynccontextmanager
    async def opened() -> Any:
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}".replace(".", "_")
        async with AsyncExitStack() as stack:
            link = await stack.enter_async_context(linked(url, None if keys is None else Path(keys), news.tell))
            yield await stack.enter_async_context(nats_port(link, await layout_of(link), name))

    return opened()
