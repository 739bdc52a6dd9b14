"""A worker: serves the partitions that are its own, each by itself, so that what holds up one holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from vitals.cluster.port import Fenced, Message, Port
from vitals.cluster.shard import Opener, Shard
from vitals.feeds.lines import Output

_T = TypeVar("_T")
GOODBYE = 15.0
"""Seconds that a worker which is to stop takes at most to save what it knows."""

_LOOK = 0.1  # seconds between two looks at what is to be served

Told = Callable[[str, int], None]
"""Is told of a partition: ``partition_taken``, ``partition_given_back`` or ``partition_lost``."""


class Worker:
    """Serves partitions of a port until it is told to stop.

    Args:
        port: the broker.
        open_shard: opens a partition's ward from what was kept.
        write: makes bytes of lines.
        told: is told of partitions that come and go.

    Attributes:
        stop: set it, and the worker saves everything, gives it back and ends.
    """

    def __init__(self, port: Port, open_shard: Opener, write: Callable[[Sequence[Output]], bytes], told: Told) -> None:
        self._port, self._open, self._write, self._told = port, open_shard, write, told
        self.stop = asyncio.Event()
        self._serving: dict[int, asyncio.Task[None]] = {}
        # one thread computes, so that the loop still hears and says what there is to be heard and said
        self._computing = ThreadPoolExecutor(1, "computing")

    async def run(self) -> None:
        """Serve until :attr:`stop` is set.

        Raises:
            StateError: a state that is damaged, or of another model, window or policy.
        """
        try:
            while not self.stop.is_set():
                self._raise()
                for partition in self._port.held() - set(self._serving):
                    self._serving[partition] = asyncio.create_task(self._serve(partition))
                await asyncio.sleep(_LOOK)
            if self._serving:  # without a quorum nothing can be saved; nothing is lost then, only done again
                await asyncio.wait(self._serving.values(), timeout=GOODBYE)
            self._raise()
        finally:
            for task in self._serving.values():
                task.cancel()
            await asyncio.gather(*self._serving.values(), return_exceptions=True)
            self._computing.shutdown()

    def _raise(self) -> None:
        """Forget the partitions that are over; what went wrong in one is not for it alone."""
        for partition, task in list(self._serving.items()):
            if task.done():
                del self._serving[partition]
                task.result()

    def _mine(self, partition: int) -> bool:
        return partition in self._port.held() and not self.stop.is_set()

    async def _serve(self, partition: int) -> None:
        try:
            kept = await self._port.load(partition)
            shard = await self._compute(lambda: self._open(kept, f"partition {partition}"))
            self._told("partition_taken", partition)
            while self._mine(partition):
                messages = await self._port.read(partition, shard.position)
                if messages and self._mine(partition):
                    await self._answer(partition, shard, messages)
                if shard.due():
                    await self._save(partition, shard)
            if shard.unsaved():
                await self._save(partition, shard)
            self._told("partition_given_back", partition)
        except Fenced:
            self._told("partition_lost", partition)
        finally:
            await self._port.release(partition)

    async def _answer(self, partition: int, shard: Shard, messages: list[Message]) -> None:
        text = await self._compute(lambda: self._write(shard.take(messages)))
        if text:
            await self._port.emit(partition, shard.position, text)

    async def _save(self, partition: int, shard: Shard) -> None:
        await self._port.save(partition, shard.position, await self._compute(shard.kept))

    async def _compute(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._computing, work)
