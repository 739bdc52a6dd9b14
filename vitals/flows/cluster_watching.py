"""Be one of the workers of a ward on several machines."""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

from vitals.cluster.keys import keys_of
from vitals.cluster.port import Kept, Message
from vitals.cluster.shard import Shard
from vitals.cluster.worker import GOODBYE, Worker
from vitals.errors import FeedError, SettingsError
from vitals.feeds.lines import Output, Technical
from vitals.feeds.ndjson import encode_lines
from vitals.flows.operating import Operation, operating
from vitals.flows.swapping import Swap
from vitals.flows.watching import find_policy
from vitals.operation.running import Running
from vitals.scoring.model import Model, open_model
from vitals.spec.policy import AlertPolicy
from vitals.ward.outputs import with_ids

_BOUND = GOODBYE + 5.0
"""Seconds after which a worker that is to stop ends, whatever it waits for."""

_LOOK = 0.1  # seconds between two looks at what is asked for
_COUNT_EVERY = 1.0  # seconds between two counts of a partition's stays


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
        keys: a folder with ``ca.pem``, ``cert.pem`` and ``key.pem`` of a worker; None for servers of this machine without
            encryption, ``none`` for others.
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
    running = running or Running()
    _refuse_what_is_not_heeded(running)
    lines = io.BytesIO()
    with operating(running, Swap(model, policy, look), lines) as operation:
        news = News(sink, operation)

        def open_shard(kept: Kept, where: str) -> Shard:
            return Shard(model, policy, kept, where, operation.metrics.took if operation.metrics else None)

        answering = _Answering(operation, lines, news)

        async def serve(stop: asyncio.Event) -> None:
            async with _port(url, keys, news) as port:
                worker = Worker(port, open_shard, answering.answer, news.of_partition)
                worker.stop = stop
                answering.worker = worker
                await worker.run()

        asyncio.run(_until_told(operation, answering, serve, news))
        counts = {name: operation.counts[name] for name in ("risks", "alerts", "held_back", "technical")}
        return counts | {"taken": news.taken, "lost": news.lost}


def _refuse_what_is_not_heeded(running: Running) -> None:
    for name, given in {"--max-lag": running.max_lag, "--swap-after": running.swap_after}.items():
        if given is not None:
            cure = "leave it out: watch vitals_lag_seconds, and change a model with vitals cluster setup --new-model"
            raise SettingsError(name, "it beside --from", "a ward in one process", cure)


class _Answering:
    """Answers messages, and tells metrics and health of it; in the thread that computes.

    Args:
        operation: what is told.
        lines: where it puts the lines of output.
        news: hears of partitions.

    Attributes:
        worker: who serves; None before it does.
    """

    def __init__(self, operation: Operation, lines: io.BytesIO, news: News) -> None:
        self._operation, self._lines, self._news = operation, lines, news
        self.worker: Worker | None = None

    def answer(self, partition: int, shard: Shard, messages: list[Message], since: float) -> bytes:
        """Take messages in; returns what they lead to, as bytes."""
        operation = self._operation
        operation.health.begin()
        try:
            began = time.perf_counter()
            said = shard.take(messages)
            scored = time.perf_counter()
            operation.write(said)
            if operation.metrics:
                operation.metrics.worked(scored - began, time.perf_counter() - scored, time.monotonic() - since)
                self._news.count(partition, shard)
            return self._lines.getvalue()
        finally:  # nothing of a partition that fails goes out with another's
            self._lines.seek(0)
            self._lines.truncate()
            operation.health.end()

    def look(self) -> None:
        """Tell how long what is in hand may have waited."""
        since = None if self.worker is None else self.worker.waiting_since()
        if since is None:
            self._operation.lag.wait()
        else:
            self._operation.lag.found_empty(since)


async def _until_told(
    operation: Operation, answering: _Answering, serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]], news: News
) -> None:
    """Serve until somebody wants the worker to stop, and a little longer; a reload is refused.

    Raises:
        FeedError: the servers do not answer, so that the worker cannot end in order.
    """
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(stop))
    operation.health.open = True
    if operation.metrics:
        operation.metrics.ready(True)
    while not operation.requests.stop and not serving.done():
        if operation.requests.reload:
            operation.requests.reload = False
            news.tell("swap_refused", "a worker keeps its model: see vitals cluster setup --new-model")
        answering.look()
        await asyncio.wait({serving}, timeout=_LOOK)
    operation.health.open = False
    stop.set()
    await asyncio.wait({serving}, timeout=_BOUND)
    if not serving.done():
        serving.cancel()
        await asyncio.wait({serving}, timeout=GOODBYE)
        cure = "nothing is lost: whoever serves its partitions next goes on from what was saved"
        raise FeedError("the servers", f"no answer for {_BOUND:.0f} s after the signal to stop", "a quorum", cure)
    serving.result()


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
        self._stays: dict[int, tuple[float, int]] = {}  # by partition when they were counted, and how many

    def tell(self, reason: str, named: str, notice: str | None = None) -> None:
        """Something happened to something."""
        line = Technical(None, None, reason, named=[named], notice=notice)
        lines: list[Output] = with_ids(str(time.time_ns()), [line])
        self._sink.write(encode_lines(lines))
        self._sink.flush()
        if self._operation is not None and self._operation.log:
            self._operation.log.said(lines)

    def of_partition(self, reason: str, partition: int, why: str) -> None:
        """A partition was taken, given back, lost (``taken`` or ``expired``) or failed."""
        self.taken += reason == "partition_taken"
        self.lost += reason == "partition_lost"
        if reason != "partition_taken":
            self._stays.pop(partition, None)
            self._show_stays()
        losses = {"partition_lost": why, "partition_given_back": "released"}
        if reason in losses and self._operation is not None:
            self._operation.lost_lease(losses[reason])
        self.tell(reason, str(partition), why or None)

    def count(self, partition: int, shard: Shard) -> None:
        """Count the stays of a partition, now and then."""
        now = time.monotonic()
        if now - self._stays.get(partition, (float("-inf"), 0))[0] > _COUNT_EVERY:
            self._stays[partition] = now, shard.stays()
            self._show_stays()

    def _show_stays(self) -> None:
        if self._operation is not None and self._operation.metrics:
            self._operation.metrics.stays(sum(many for _, many in list(self._stays.values())))


def _port(url: str, keys: str | Path | None, news: News) -> Any:
    if url.startswith("nats://"):
        return _nats_port(url, keys, news)
    if url.startswith("kafka://"):
        from vitals.cluster.kafka_port import kafka_port

        return kafka_port(url, keys_of(url, keys))
    raise SettingsError("--from", url, "nats://host:port or kafka://host:port", "write nats://127.0.0.1:4222")


def _nats_port(url: str, keys: str | Path | None, news: News) -> Any:
    from vitals.cluster.connecting import linked
    from vitals.cluster.nats_port import nats_port
    from vitals.cluster.streams import layout_of

    @asynccontextmanager
    async def opened() -> Any:
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}".replace(".", "_")
        async with AsyncExitStack() as stack:
            link = await stack.enter_async_context(linked(url, keys_of(url, keys), news.tell))
            yield await stack.enter_async_context(nats_port(link, await layout_of(link), name))

    return opened()
