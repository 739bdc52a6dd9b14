"""The four verbs on NATS JetStream."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from vitals.cluster.layout import IN, KEEP, KEPT_IN, LARGEST, NEWS, OUT, Layout
from vitals.cluster.leases import EVERY, Leases
from vitals.cluster.links import Link
from vitals.cluster.port import Fenced, Kept, Message
from vitals.cluster.reading import Reader
from vitals.errors import StateError

THROUGH, POSITION = "Vitals-Through", "Vitals-Position"
"""Of an output, the last message whose outputs are whole with it; of a state, the last message it has seen."""

PIECE = 1 << 20
"""Bytes of one message of outputs, about."""

_MOST = LARGEST - (1 << 16)


class NatsPort:
    """A :class:`vitals.cluster.port.Port` on JetStream.

    State is one value a partition, replaced only if it is still the one that this worker wrote; so are outputs. Whoever
    takes a partition writes its state once more, under its own name: from then on nobody before it can save. Who
    had it before may still emit until this worker does; then this worker is the one that is fenced, and takes it again, with
    those outputs. Of outputs over :data:`PIECE` that were cut off the pieces that went out come again, with the same ids.

    Args:
        link: as ``worker``.
        layout: the partitions.
        name: of this worker, unlike all others.
    """

    def __init__(self, link: Link, layout: Layout, name: str) -> None:
        self.partitions, self.leases = layout.partitions, Leases(name, layout.partitions, time.monotonic)
        self._link, self._layout, self._name = link, layout, name
        self._kept: dict[int, int] = {}  # by partition the sequence of its state
        self._out: dict[int, int] = {}  # and of its last output
        self._through: dict[int, int] = {}
        self._writes = defaultdict[int, int](int)
        self._readers: dict[int, AsyncExitStack] = {}
        self._reader: dict[int, Reader] = {}

    def held(self) -> frozenset[int]:
        """Partitions that are this worker's to serve."""
        return frozenset(self.leases.holding)

    def expired(self, partition: int) -> bool:
        """Whether this worker was not heard for too long."""
        return partition in self.leases.expired

    async def release(self, partition: int) -> None:
        """This worker does not serve a partition any more."""
        await self._close(partition)
        self.leases.release(partition)

    async def load(self, partition: int) -> Kept:
        """Take over a partition."""
        stream, subject = self._layout.stream(KEEP, partition), self._layout.kept(partition)
        while True:
            last = await self._link.last(stream, subject)
            position = last.headers.get(POSITION, "0")
            with suppress(Fenced):  # somebody saved or took it in between: look again
                self._kept[partition] = await self._replace(partition, KEEP, last.body, position, last.sequence)
                break
        if last.sequence and time.time() - last.stored > KEPT_IN:
            self._link.tell("events_may_be_missing", f"partition {partition}")
        out = await self._link.last(self._layout.stream(OUT, partition), self._layout.outputs(partition))
        self._out[partition], through = out.sequence, int(out.headers.get(THROUGH, 0))
        self._through[partition] = through
        await self._open(partition)
        return Kept(int(position), last.body or None, through)

    async def read(self, partition: int, after: int) -> list[Message]:
        """The next messages of a partition."""
        return await self._reader[partition].read(after)

    async def emit(self, partition: int, through: int, text: bytes) -> None:
        """Write outputs; a long text in pieces, the last of which says that it is whole."""
        pieces = list(_pieces(text))
        for number, piece in enumerate(pieces):
            whole = number == len(pieces) - 1
            said = str(through if whole else self._through[partition])
            try:
                self._out[partition] = await self._replace(partition, OUT, piece, said, self._out[partition])
            except Fenced:
                self.leases.lose(partition)
                raise
        self._through[partition] = through

    async def save(self, partition: int, position: int, body: bytes) -> None:
        """Keep position and state as one value."""
        if len(body) > _MOST:
            cure = "begin a cluster with more partitions, so that each has fewer beds"
            raise StateError(f"partition {partition}", f"a state of {len(body):,} bytes", f"{_MOST:,} at most", cure)
        try:
            self._kept[partition] = await self._replace(partition, KEEP, body, str(position), self._kept[partition])
        except Fenced:
            self.leases.lose(partition)
            raise

    async def _close(self, partition: int) -> None:
        self._reader.pop(partition, None)
        stack = self._readers.pop(partition, None)
        if stack is not None:
            await stack.aclose()

    async def _open(self, partition: int) -> None:
        await self._close(partition)
        stack = AsyncExitStack()
        reader = Reader(self._link, self._layout.stream(IN, partition), self._layout.events(partition))
        self._reader[partition] = await stack.enter_async_context(reader)
        self._readers[partition] = stack

    async def _replace(self, partition: int, kind: str, body: bytes, said: str, last: int) -> int:
        self._writes[partition] += 1
        subject = self._layout.kept(partition) if kind == KEEP else self._layout.outputs(partition)
        # two workers never mean the same write, so an id is this worker's own
        headers = {
            "Nats-Msg-Id": f"{self._name}:{partition}:{self._writes[partition]}",
            POSITION if kind == KEEP else THROUGH: said,
        }
        return await self._link.replace(self._layout.stream(kind, partition), subject, body, headers, last)


@asynccontextmanager
async def nats_port(link: Link, layout: Layout, name: str) -> AsyncIterator[NatsPort]:
    """A port whose worker says what it holds, and hears what the others hold.

    Args:
        link: as ``worker``.
        layout: the partitions.
        name: of this worker, unlike all others.
    """
    port = NatsPort(link, layout, name)

    async def hear(message: Msg) -> None:
        said = message.subject.rpartition(".")[2]
        if message.data:
            port.leases.hear(said, json.loads(message.data))
        else:
            port.leases.farewell(said)

    async def say() -> None:
        while True:
            with suppress(NatsError, TimeoutError, OSError):  # who is not heard is thought gone, and hears so
                await link.client.publish(f"{NEWS}.{name}", json.dumps(port.leases.said()).encode())
                await link.client.flush(1)
            port.leases.decide()
            await asyncio.sleep(EVERY)

    await link.client.subscribe(f"{NEWS}.*", cb=hear)
    saying = asyncio.create_task(say())
    try:
        yield port
    finally:
        saying.cancel()
        with suppress(asyncio.CancelledError):
            await saying
        with suppress(NatsError, TimeoutError, OSError):
            await link.client.publish(f"{NEWS}.{name}", b"")
            await link.client.flush(1)


def _pieces(text: bytes) -> list[bytes]:
    """A text in pieces of whole lines."""
    pieces, at = [], 0
    while len(text) - at > PIECE:
        end = text.rfind(b"\n", at, at + PIECE) + 1 or text.index(b"\n", at) + 1
        pieces.append(text[at:end])
        at = end
    return [*pieces, text[at:]] if at < len(text) else pieces
