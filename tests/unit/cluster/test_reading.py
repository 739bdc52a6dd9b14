"""A reader whose answers are lost on the way passes over none of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.aio.msg import Msg

from vitals.cluster import reading
from vitals.cluster.layout import bell
from vitals.cluster.links import Link
from vitals.cluster.port import Message
from vitals.cluster.reading import Reader

Heard = Callable[[Msg], Awaitable[None]]
SUBJECT = "vitals.p.1"
STORED = [Message(sequence, b"%d\n" % sequence) for sequence in (2, 3, 7, 8, 12)]


class Server:
    """Answers as a NATS server does: the first answer of a batch has a last sequence of 0; some answers are lost."""

    def __init__(self, lost: list[bool]) -> None:
        self.lost, self._hear = lost, dict[str, Heard]()

    def new_inbox(self) -> str:
        return "_INBOX"

    async def subscribe(self, subject: str, cb: Heard) -> None:
        self._hear[subject] = cb

    async def ring(self) -> None:
        await self._hear[bell(SUBJECT)](self._message(SUBJECT, {"Nats-Sequence": str(STORED[-1].sequence)}))

    async def publish(self, _subject: str, body: bytes, reply: str) -> None:
        after = json.loads(body)["seq"] - 1
        last = 0
        for message in [message for message in STORED if message.sequence > after]:
            headers = {"Nats-Sequence": str(message.sequence), "Nats-Last-Sequence": str(last)}
            last = message.sequence
            if not (self.lost and self.lost.pop(0)):
                await self._hear["_INBOX.*"](self._message(reply, headers, message.body))
        await self._hear["_INBOX.*"](self._message(reply, {"Status": "204", "Nats-Num-Pending": "0"}))

    @staticmethod
    def _message(subject: str, headers: dict[str, str], body: bytes = b"") -> Msg:
        return Msg(_client=cast(Any, None), subject=subject, data=body, headers=headers)


async def read_all(lost: list[bool]) -> list[Message]:
    """Read until everything is there."""
    server = Server(lost)
    reader = Reader(Link(cast(Client, server), lambda *_: None), "VITALS_IN_1", SUBJECT)
    await reader.__aenter__()
    found: list[Message] = []
    async with asyncio.timeout(10):
        while not found or found[-1].sequence < STORED[-1].sequence:
            await server.ring()
            found += await reader.read(found[-1].sequence if found else 0)
    return found


def test_the_first_answer_of_a_batch_is_lost() -> None:
    assert asyncio.run(read_all([True])) == STORED


@settings(max_examples=25)
@given(st.lists(st.booleans(), max_size=8))
def test_whatever_is_lost_comes_in_order(lost: list[bool]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading, "_AGAIN", (0.0, 0.0))
        assert asyncio.run(read_all(list(lost))) == STORED
