"""Read a subject of a stream in order: the servers ring a bell for every message they stored, the messages are then fetched.

There is no consumer on the servers, so nothing that dies with one of them: any copy of a stream answers, and what was
answered last is known here.
"""

from __future__ import annotations

import asyncio
import itertools
import json

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from vitals.cluster.layout import bell
from vitals.cluster.links import WAIT, Link
from vitals.cluster.port import Message

MANY, MUCH = 512, 1 << 19
"""Messages and bytes that are fetched at once at most."""

IDLE = 0.25
"""Seconds to wait for the bell."""

_POLL = 8  # waits without a bell after which we look all the same: a bell may be lost with a server
_AGAIN = (0.002, 0.005, 0.01, 0.02, 0.05)  # seconds: a copy that answers may be a little behind the one that rang


class Reader:
    """One subject of one stream.

    Args:
        link: the connection.
        stream: its name.
        subject: one subject of it.

    Attributes:
        headers: of the messages that were read last, by sequence.
    """

    def __init__(self, link: Link, stream: str, subject: str) -> None:
        self._link, self._stream, self._subject = link, stream, subject
        self._rung = asyncio.Event()
        self._newest = 0
        self._quiet = _POLL  # the first wait looks without a bell
        self._numbers = itertools.count()
        self._inbox = link.client.new_inbox()
        self._open: tuple[str, asyncio.Queue[Msg]] | None = None
        self._subscriptions: list[Subscription] = []

    async def __aenter__(self) -> Reader:
        """Listen for the bell."""
        client = self._link.client
        self._subscriptions = [
            await client.subscribe(bell(self._subject), cb=self._ring),
            await client.subscribe(f"{self._inbox}.*", cb=self._answer),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Listen no more."""
        for subscription in self._subscriptions:
            if not self._link.client.is_closed:
                await subscription.unsubscribe()

    async def read(self, after: int) -> list[Message]:
        """The next messages after one, in order; none after a short wait without any."""
        if self._newest <= after:
            self._rung.clear()
            try:
                async with asyncio.timeout(IDLE):
                    await self._rung.wait()
            except TimeoutError:
                self._quiet += 1
                if self._quiet < _POLL:
                    return []
        self._quiet = 0
        found: list[Message] = []
        for pause in (*_AGAIN, 0):
            found = await self._fetch(after)
            if found or self._newest <= after:
                break
            await asyncio.sleep(pause)
        else:
            self._newest = after  # it rang for what is not there: a server was lost between the two
        if len(found) == MANY:
            self._newest = max(self._newest, found[-1].sequence + 1)
        return found

    async def _fetch(self, after: int) -> list[Message]:
        queue: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = f"{self._inbox}.{next(self._numbers)}"
        self._open = (inbox, queue)
        question = {"seq": after + 1, "next_by_subj": self._subject, "batch": MANY, "max_bytes": MUCH}
        await self._link.client.publish(
            f"$JS.API.DIRECT.GET.{self._stream}", json.dumps(question).encode(), reply=inbox
        )
        found: list[Message] = []
        try:
            async with asyncio.timeout(WAIT / 2):
                while True:
                    answer = await queue.get()
                    headers = answer.headers or {}
                    if "Nats-Sequence" not in headers:
                        if int(headers.get("Nats-Num-Pending", 0)) and found:
                            self._newest = max(self._newest, found[-1].sequence + 1)
                        return found
                    # the first answer of a batch names 0, whatever was asked for
                    if int(headers["Nats-Last-Sequence"]) != (found[-1].sequence if found else 0):
                        return found  # one was lost on the way
                    found.append(Message(int(headers["Nats-Sequence"]), answer.data))
        except TimeoutError:
            return found
        finally:
            self._open = None

    async def _ring(self, message: Msg) -> None:
        self._newest = max(self._newest, int((message.headers or {})["Nats-Sequence"]))
        self._rung.set()

    async def _answer(self, message: Msg) -> None:
        if self._open is not None and message.subject == self._open[0]:
            self._open[1].put_nowait(message)
