"""A worker: serves the partitions that are its own, each by itself, so that what holds up one holds up no other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from vitals.cluster.port import Fenced, Message, NeverTakenError, Port
from vitals.cluster.shard import AnotherWardError, Opener, Shard
from vitals.errors import FeedError, StateError

_T = TypeVar("_T")
GOODBYE = 10.0
"""Seconds that a worker which is to stop takes at most to save what it knows."""

REST = 30.0
"""Seconds for which a worker leaves a partition alone that cannot be served, before it tries again."""

_LOOK = 0.1  # seconds between two looks at what is to be served

Told = Callable[[str, int, str], None]
"""Is told of a partition: ``partition_taken``, ``partition_given_back``, ``partition_lost``, or ``partition_failed`` and why."""

Answering = Callable[[int, Shard, list[Message], float], bytes]
"""Takes the next messages of a partition in; the last argument is when (monotonic) it had none that waited."""


class Worker:
    """Serves partitions of a port until it is told to stop.

    Args:
        port: the broker.
        open_shard: opens a partition's ward from what was kept.
        answering: takes messages in and makes bytes of what they lead to.
        told: is told of partitions that come and go.

    Attributes:
        stop: set it, and the worker saves everything, gives it back and ends.
    """

    def __init__(self, port: Port, open_shard: Opener, answering: Answering, told: Told) -> None:
        self._port, self._open, self._answering, self._told = port, open_shard, answering, told
        self.stop = asyncio.Event()
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._resting: dict[int, float] = {}  # by partition when to try it again
        self._since: dict[int, float] = {}  # and when it was last looked at and had nothing
        self._in_hand: set[int] = set()
        # one thread computes, so that the loop still hears and says what there is to be heard and said
        self._computing = ThreadPoolExecutor(1, "computing")

    async def run(self) -> None:
        """Serve until :attr:`stop` is set.

        What is wrong with one partition stops no other: it is told, and tried again after :data:`REST`.

        Raises:
            AnotherWardError: a state is of another model, window or policy.
            FeedError: these keys may not work here, or what is known could not be saved before the end.
        """
        try:
            while not self.stop.is_set():
                self._raise()
                for partition in self._port.held() - set(self._serving):
                    if self._resting.get(partition, 0.0) <= time.monotonic():
                        self._serving[partition] = asyncio.create_task(self._serve(partition))
                await asyncio.sleep(_LOOK)
            await self._end()
        finally:
            for task in self._serving.values():
                task.cancel()
            await asyncio.gather(*self._serving.values(), return_exceptions=True)
            self._computing.shutdown()

    def waiting_since(self) -> float | None:
        """The earliest time (monotonic) since when messages in hand may have waited; None where none is in hand."""
        return min((self._since[partition] for partition in self._in_hand), default=None)

    async def _end(self) -> None:
        """Let every partition save; without a quorum none can."""
        if self._serving:
            await asyncio.wait(self._serving.values(), timeout=GOODBYE)
        self._raise()
        if self._serving:
            raise FeedError(
                f"{len(self._serving)} partitions", f"nothing that could be saved for {GOODBYE:.0f} s", "a quorum",
                "nothing is lost: whoever serves them next goes on from what was saved before",
            )  # fmt: skip

    def _raise(self) -> None:
        """Forget the partitions that are over; raise what is not for one of them alone."""
        for partition, task in list(self._serving.items()):
            if task.done():
                del self._serving[partition]
                task.result()

    def _mine(self, partition: int) -> bool:
        return partition in self._port.held() and not self.stop.is_set()

    async def _serve(self, partition: int) -> None:
        try:
            await self._hold(partition)
        except Fenced:
            self._told("partition_lost", partition, self._why(partition))
        except Exception as error:  # whatever a ward raises is for its own beds alone
            if isinstance(error, (AnotherWardError, FeedError)) and not isinstance(error, NeverTakenError):
                raise
            self._resting[partition] = time.monotonic() + REST
            # what else it may say could name a stay
            why = str(error) if isinstance(error, (StateError, NeverTakenError)) else type(error).__name__
            self._told("partition_failed", partition, why)
        finally:
            self._since.pop(partition, None)
            self._in_hand.discard(partition)
            await self._port.release(partition)

    def _why(self, partition: int) -> str:
        return "expired" if self._port.expired(partition) else "taken"

    async def _hold(self, partition: int) -> None:
        kept = await self._port.load(partition)
        shard = await self._compute(lambda: self._open(kept, f"partition {partition}"))
        self._told("partition_taken", partition, "")
        self._since[partition] = time.monotonic()
        while self._mine(partition):
            messages = await self._read(partition, shard.position)
            if messages and self._mine(partition):
                await self._answer(partition, shard, messages)
            if shard.due():
                await self._save(partition, shard)
        if shard.unsaved():
            await self._save(partition, shard)
        if self._port.expired(partition):
            self._told("partition_lost", partition, "expired")
        else:
            self._told("partition_given_back", partition, "")

    async def _read(self, partition: int, after: int) -> list[Message]:
        began = time.monotonic()
        messages = await self._port.read(partition, after)
        if messages:
            self._in_hand.add(partition)
        else:
            self._in_hand.discard(partition)
            self._since[partition] = began
        return messages

    async def _answer(self, partition: int, shard: Shard, messages: list[Message]) -> None:
        since = self._since[partition]
        text = await self._compute(lambda: self._answering(partition, shard, messages, since))
        if text:
            await self._port.emit(partition, shard.position, text)

    async def _save(self, partition: int, shard: Shard) -> None:
        await self._port.save(partition, shard.position, await self._compute(shard.kept))

    async def _compute(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._computing, work)
