"""Take lines in: each goes to the partition of its stay, in order, and counts once a majority of the servers has it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vitals.cluster.layout import Layout
from vitals.cluster.links import Link
from vitals.cluster.routing import EVERYWHERE, gather, route
from vitals.durable.lines import WholeLines
from vitals.durable.prints import prints_of

PACK = 1 << 16
"""Bytes of one message, where events are packed."""

WAITING = 32 << 20
"""Bytes that may wait to be sent; then no more input is read."""

STALL = 2.0
"""Seconds without an acknowledgement that are told of."""

_REMEMBERED = 1 << 20


class Repeats:
    """How often something was there before: the first of two equal lines is not the second.

    Example:
        >>> repeats = Repeats()
        >>> repeats.count("a"), repeats.count("b"), repeats.count("a")
        (0, 0, 1)
    """

    def __init__(self) -> None:
        self._now: dict[Any, int] = {}
        self._before: dict[Any, int] = {}

    def count(self, key: Any) -> int:
        """Count it; returns how often it had been counted."""
        if len(self._now) >= _REMEMBERED:
            self._before, self._now = self._now, {}
        number = self._now.get(key, self._before.get(key, -1)) + 1
        self._now[key] = number
        return number


@dataclass
class Lane:
    """What waits for one partition.

    Attributes:
        waiting: id and body of every message, or bodies alone that are packed when their turn comes.
        some: there is something.
        longest: the longest time from when a message might have gone out to its acknowledgement, in seconds.
    """

    waiting: deque[tuple[str, bytes]] = field(default_factory=deque)
    some: asyncio.Event = field(default_factory=asyncio.Event)
    longest: float = 0.0


class Gateway:
    """Publishes lines, one message in flight a partition, so that their order is that of the input.

    Args:
        link: as ``gateway``.
        layout: the partitions.
        pack: put lines of a partition that wait together into one message.

    Attributes:
        lines: that came in.
        messages: that were acknowledged.
        acknowledged: lines in them; a clock line counts once a partition.
    """

    def __init__(self, link: Link, layout: Layout, pack: bool = False) -> None:
        self._link, self._layout, self._pack = link, layout, pack
        self.lines = self.messages = self.acknowledged = 0
        self.lanes = [Lane() for _ in range(layout.partitions)]
        self._whole, self._repeats = WholeLines(), Repeats()
        self._bytes = 0
        self._room, self._empty = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._empty.set()

    async def feed(self, read: Callable[[], bytes]) -> dict[str, Any]:
        """Publish everything that a source has.

        Args:
            read: gives the next block; nothing at the end. It is called in a thread of its own and may wait.

        Returns:
            ``lines``, ``messages``, ``acknowledged`` lines, and the ``longest_wait`` for an acknowledgement in seconds;
            and in how many partitions it was longer than :data:`STALL` (``stalled_partitions``).
        """
        sending = [asyncio.create_task(self._send(number)) for number in range(self._layout.partitions)]
        try:
            while block := await asyncio.to_thread(read):
                self._sort(self._whole.feed(block))
                await self._first(sending, self._room.wait())
            rest = self._whole.close()
            self._sort(rest + b"\n" if rest else b"")
            await self._first(sending, self._empty.wait())
        finally:
            for task in sending:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*sending)
        waits = [lane.longest for lane in self.lanes]
        return {
            "lines": self.lines, "messages": self.messages, "acknowledged": self.acknowledged,
            "longest_wait": round(max(waits), 3), "stalled_partitions": sum(wait > STALL for wait in waits),
        }  # fmt: skip

    @staticmethod
    async def _first(sending: list[asyncio.Task[None]], what: Any) -> None:
        """Wait for something, or for a sender that failed."""
        waiting = asyncio.ensure_future(what)
        done, _ = await asyncio.wait({waiting, *sending}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    def _sort(self, text: bytes) -> None:
        if not text:
            return
        where, ends = route(text, self._layout.partitions)
        self.lines += len(ends)
        begins = np.r_[0, ends[:-1]]
        start = 0
        for clock in [*np.flatnonzero(where == EVERYWHERE).tolist(), len(ends)]:
            self._spread(text, where[start:clock], begins[start:clock], ends[start:clock])
            if clock < len(ends):
                line = text[begins[clock] : ends[clock]]
                number = self._repeats.count(line)
                for partition in range(self._layout.partitions):
                    self._put(
                        partition, f"{hashlib.blake2b(line, digest_size=8).hexdigest()}:{number}:{partition}", line
                    )
            start = clock + 1

    def _spread(self, text: bytes, where: Any, begins: Any, ends: Any) -> None:
        """Lines that belong to one partition each."""
        if not len(where):
            return
        if not self._pack:
            prints = prints_of(text[begins[0] : ends[-1]])[0].tolist()
            places = zip(where.tolist(), prints, begins.tolist(), ends.tolist(), strict=True)
            for partition, found, begin, end in places:
                self._put(partition, f"{found:016x}:{self._repeats.count(found)}", text[begin:end])
            return
        order = np.argsort(where, kind="stable")
        sorted_, begins, ends, at = where[order], begins[order], ends[order], 0
        for end in [*(np.flatnonzero(np.diff(sorted_)) + 1).tolist(), len(order)]:
            self._put(int(sorted_[at]), "", gather(text, begins[at:end], ends[at:end]))
            at = end

    def _put(self, partition: int, number: str, body: bytes) -> None:
        lane = self.lanes[partition]
        lane.waiting.append((number, body))
        lane.some.set()
        self._bytes += len(body)
        self._empty.clear()
        if self._bytes > WAITING:
            self._room.clear()

    async def _send(self, partition: int) -> None:
        lane, subject = self.lanes[partition], self._layout.events(partition)
        while True:
            while not lane.waiting:
                lane.some.clear()
                await lane.some.wait()
            number, body = self._next(lane)
            began = time.monotonic()
            await self._link.store(subject, body, {"Nats-Msg-Id": number})
            lane.longest = max(lane.longest, time.monotonic() - began)
            self.messages += 1
            self.acknowledged += body.count(b"\n")
            self._bytes -= len(body)
            if self._bytes <= WAITING:
                self._room.set()
            if not self._bytes:
                self._empty.set()

    def _next(self, lane: Lane) -> tuple[str, bytes]:
        number, body = lane.waiting.popleft()
        if not self._pack:
            return number, body
        parts, size = [body], len(body)
        while lane.waiting and size + len(lane.waiting[0][1]) <= PACK:
            _, body = lane.waiting.popleft()
            parts.append(body)
            size += len(body)
        body = b"".join(parts)
        found = hashlib.sha256(body).hexdigest()[:24]
        return f"{found}:{self._repeats.count(found)}", body
