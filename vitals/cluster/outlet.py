"""Read what the workers gave: every partition in order, every line once."""

from __future__ import annotations

import asyncio
from typing import BinaryIO

import msgspec

from vitals.cluster.layout import OUT, Layout
from vitals.cluster.links import Link
from vitals.cluster.reading import Reader

REMEMBERED = 1 << 20
"""Ids of the latest lines, so that what several partitions say alike is written once."""


class _Named(msgspec.Struct, gc=False):
    """Of a line, what tells it from others."""

    id: str | None = None


_DECODER = msgspec.json.Decoder(_Named)


class Outlet:
    """Writes lines as they come.

    Args:
        link: as ``reader``.
        layout: the partitions.
        sink: takes the lines; flushed after every message.
    """

    def __init__(self, link: Link, layout: Layout, sink: BinaryIO) -> None:
        self._link, self._layout, self._sink = link, layout, sink
        self._ids: dict[str, None] = {}
        self.lines = 0

    async def read(self, once: bool, new: bool) -> dict[str, int]:
        """Read all partitions, each by itself.

        Args:
            once: end with what is there now.
            new: begin with what comes from now on.

        Returns:
            How many ``lines`` were written.
        """
        await asyncio.gather(*(self._follow(partition, once, new) for partition in range(self._layout.partitions)))
        return {"lines": self.lines}

    async def _follow(self, partition: int, once: bool, new: bool) -> None:
        stream, subject = self._layout.stream(OUT, partition), self._layout.outputs(partition)
        end = await self._end(stream, subject) if once or new else 0
        position = end if new else 0
        async with Reader(self._link, stream, subject) as reader:
            while not once or position < end:
                for message in await reader.read(position):
                    self._write(message.body)
                    position = message.sequence

    async def _end(self, stream: str, subject: str) -> int:
        question = msgspec.json.encode({"last_by_subj": subject})
        answer = await self._link.ask_until(f"$JS.API.DIRECT.GET.{stream}", question)
        return int((answer.headers or {}).get("Nats-Sequence", 0))

    def _write(self, text: bytes) -> None:
        fresh = []
        for line in text.splitlines(keepends=True):
            name = _DECODER.decode(line).id
            if name is None or name not in self._ids:
                fresh.append(line)
            if name is not None:
                self._ids[name] = None
        while len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]
        self._sink.write(b"".join(fresh))
        self._sink.flush()
        self.lines += len(fresh)
