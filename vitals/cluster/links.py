"""Connections to NATS servers that do not give up, and messages that count only once a majority has them on disk."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import time
from collections.abc import Callable
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import BadSubjectError, MaxPayloadError
from nats.errors import Error as NatsError

from vitals.cluster.port import Fenced, NeverTakenError
from vitals.errors import FeedError

WAIT = 2.0
"""Seconds to wait for one answer before the question is put again."""

PATIENCE = 1.0
"""Seconds without an acknowledgement after which somebody is told."""

_PAUSE = 0.1
_ID, _EXPECTED = "Nats-Msg-Id", "Nats-Expected-Last-Subject-Sequence"
_WRONG_LAST = {10071, 10164}
_NO_MESSAGE = 10037
# Of the answers that blame the message (status 400 to 499), those that pass: an account that is full, a repeat while the
# first is still being stored, too many at once. Answers of 500 and more are about the servers, and pass.
_PASSES = {10002, 10158, 10167}
_Headers = dict[str, str]
Tell = Callable[[str, str], None]
"""Is told a reason and what it is about, such as ``quorum_lost`` and a stream."""


class Last(NamedTuple):
    """The last message of a subject, and when it was stored (Unix seconds); ``sequence`` is 0 where there is none."""

    sequence: int
    headers: dict[str, str]
    body: bytes
    stored: float


_NONE = Last(0, {}, b"", 0.0)


class Link:
    """One connection.

    Args:
        client: connects, and connects again.
        tell: is told of a lost and a recovered quorum.
    """

    def __init__(self, client: Client, tell: Tell) -> None:
        self.client, self.tell = client, tell
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._waiting: set[str] = set()
        self.forbidden: str | None = None

    async def went_down(self) -> None:
        """The server is gone; questions that are open need not be waited for."""
        self._up.clear()
        self._down.set()

    async def came_up(self) -> None:
        """A server is there."""
        self._down.clear()
        self._up.set()

    def is_up(self) -> bool:
        """Whether a server is there, as far as was said."""
        return self._up.is_set()

    async def ask(self, subject: str, body: bytes = b"", headers: _Headers | None = None) -> Msg:
        """Ask once.

        Raises:
            TimeoutError: no answer, or no server.
            NatsError: nobody is there to answer.
        """
        async with asyncio.timeout(WAIT):
            await self._up.wait()
            answer = asyncio.ensure_future(self.client.request(subject, body, timeout=WAIT, headers=headers))
            gone = asyncio.ensure_future(self._down.wait())
            try:
                await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not answer.done():
                    raise TimeoutError
                return answer.result()
            finally:
                answer.cancel()
                gone.cancel()

    async def ask_until(self, subject: str, body: bytes = b"", headers: _Headers | None = None) -> Msg:
        """Ask until there is an answer.

        Raises:
            FeedError: these keys may not ask so.
        """
        began = time.monotonic()
        while True:
            try:
                message = await self.ask(subject, body, headers)
            except (TimeoutError, NatsError):
                self._complain(subject, began)
                await asyncio.sleep(_PAUSE)
                continue
            self._content(subject)
            return message

    async def store(self, subject: str, body: bytes, headers: _Headers) -> int:
        """Publish until a majority of the servers has it on disk; returns its sequence.

        Args:
            subject: a stream's.
            body: the message.
            headers: with ``Nats-Msg-Id``, so that a repeat is recognised.

        Raises:
            Fenced: another message came in between, where headers say that none may.
            FeedError: these keys may not do so.
            NeverTakenError: the servers will not take this message, now or later.
        """
        began = time.monotonic()
        while True:
            try:
                told = json.loads((await self.ask(subject, body, headers)).data)
            except (MaxPayloadError, BadSubjectError) as error:
                raise _never(subject, body, str(error).removeprefix("nats: ")) from error
            except (TimeoutError, NatsError):
                told = {"error": {}}
            if "error" not in told:
                self._content(subject)
                return int(told["seq"])
            if told["error"].get("err_code") in _WRONG_LAST and _EXPECTED in headers:
                raise Fenced
            if 400 <= told["error"].get("code", 0) < 500 and told["error"].get("err_code") not in _PASSES:
                raise _never(subject, body, str(told["error"].get("description")))
            self._complain(subject, began)
            await asyncio.sleep(_PAUSE)

    async def replace(self, stream: str, subject: str, body: bytes, headers: _Headers, last: int) -> int:
        """Store a message if the last one of its subject is the one that is expected; returns its sequence.

        Raises:
            Fenced: it is not, so somebody else writes here.
        """
        try:
            return await self.store(subject, body, {**headers, _EXPECTED: str(last)})
        except Fenced:
            found = await self.last(stream, subject)  # it may be ours, and only the acknowledgement was lost
            if found.headers.get(_ID) == headers[_ID] and found.sequence > last:
                return found.sequence
            raise

    async def last(self, stream: str, subject: str) -> Last:
        """The last message of a subject, from the stream's leader."""
        question = json.dumps({"last_by_subj": subject}).encode()
        while True:
            told = json.loads((await self.ask_until(f"$JS.API.STREAM.MSG.GET.{stream}", question)).data)
            if "error" not in told:
                message = told["message"]
                stored = dt.datetime.fromisoformat(message["time"]).timestamp()
                headers = _read_headers(base64.b64decode(message.get("hdrs", "")))
                return Last(int(message["seq"]), headers, base64.b64decode(message.get("data", "")), stored)
            if told["error"].get("err_code") == _NO_MESSAGE:
                return _NONE
            await asyncio.sleep(_PAUSE)

    def refuse(self) -> None:
        """Say what these keys may not do, if anything was tried that they may not.

        Raises:
            FeedError: something was.
        """
        if self.forbidden is not None:
            cure = "use the keys of the right role: gateway to feed, worker to watch, reader to read, admin to set up"
            raise FeedError("the servers", self.forbidden, "permission", cure)

    def _complain(self, subject: str, began: float) -> None:
        self.refuse()
        if time.monotonic() - began > PATIENCE and subject not in self._waiting:
            self._waiting.add(subject)
            self.tell("quorum_lost", subject)

    def _content(self, subject: str) -> None:
        if subject in self._waiting:
            self._waiting.discard(subject)
            self.tell("quorum_back", subject)


def _never(subject: str, body: bytes, why: str) -> NeverTakenError:
    cure = "see that max_payload of every server is 8 MB, that streams are as vitals cluster setup made them, and lines shorter"
    return NeverTakenError(subject, f"{why} ({len(body):,} bytes)", "a message that the servers take", cure)


def _read_headers(block: bytes) -> dict[str, str]:
    """``Name: value`` lines after the first, which tells the version."""
    lines = [line.partition(":") for line in block.decode("utf-8", "replace").split("\r\n")[1:] if ":" in line]
    return {name: value.strip() for name, _, value in lines}
