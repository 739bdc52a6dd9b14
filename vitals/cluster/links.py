"""Connections to NATS servers that do not give up, and messages that count only once a majority has them on disk."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from vitals.cluster.port import Fenced
from vitals.errors import FeedError, SettingsError

WAIT = 2.0
"""Seconds to wait for one answer before the question is put again."""

PATIENCE = 1.0
"""Seconds without an acknowledgement after which somebody is told."""

_PAUSE = 0.1
_ID, _EXPECTED = "Nats-Msg-Id", "Nats-Expected-Last-Subject-Sequence"
_WRONG_LAST = {10071, 10164}
_NO_MESSAGE = 10037
_Headers = dict[str, str]
Tell = Callable[[str, str], None]
"""Is told a reason and what it is about, such as ``quorum_lost`` and a stream."""


class Last(NamedTuple):
    """The last message of a subject; ``sequence`` is 0 where there is none."""

    sequence: int
    headers: dict[str, str]
    body: bytes


_NONE = Last(0, {}, b"")


class Link:
    """One connection.

    Args:
        client: connects, and connects again.
        tell: is told of a lost and a recovered quorum.
    """

    def __init__(self, client: Client, tell: Tell) -> None:
        self.client, self._tell = client, tell
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
        """
        began = time.monotonic()
        while True:
            try:
                told = json.loads((await self.ask(subject, body, headers)).data)
            except (TimeoutError, NatsError):
                told = {"error": {}}
            if "error" not in told:
                self._content(subject)
                return int(told["seq"])
            if told["error"].get("err_code") in _WRONG_LAST and _EXPECTED in headers:
                raise Fenced
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
                headers = _read_headers(base64.b64decode(message.get("hdrs", "")))
                return Last(int(message["seq"]), headers, base64.b64decode(message.get("data", "")))
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
            self._tell("quorum_lost", subject)

    def _content(self, subject: str) -> None:
        if subject in self._waiting:
            self._waiting.discard(subject)
            self._tell("quorum_back", subject)


@asynccontextmanager
async def linked(url: str, keys: Path | None, tell: Tell) -> AsyncIterator[Link]:
    """A connection for as long as it is needed.

    Args:
        url: ``nats://host:port,host:port``, all of one cluster.
        keys: a folder with ``ca.pem``, ``cert.pem`` and ``key.pem``; None for servers without encryption.
        tell: is told of a lost and a recovered quorum.

    Raises:
        FeedError: no server answers, or none lets us in.
    """
    # nats-py ends encrypted connections in a way that asyncio logs, though nothing is wrong
    logging.getLogger("asyncio").addFilter(lambda entry: "eof_received" not in entry.getMessage())
    client = Client()
    link = Link(client, tell)
    refused: list[str] = []

    async def hear(error: Exception) -> None:
        refused.append(str(error))
        if "permissions violation" in str(error).lower():
            link.forbidden = str(error).removeprefix("nats: ")

    role = "" if keys is None else _role(keys)
    options: dict[str, Any] = {"reconnect_time_wait": 0.2}
    if keys is not None:
        options |= {"tls": _context(keys), "inbox_prefix": f"_INBOX_{role}"}
    servers = [f"{'nats' if keys is None else 'tls'}://{host}" for host in url.removeprefix("nats://").split(",")]
    try:
        async with asyncio.timeout(20):
            await client.connect(
                servers, error_cb=hear, disconnected_cb=link.went_down, reconnected_cb=link.came_up,
                max_reconnect_attempts=-1, connect_timeout=2, ping_interval=2,
                max_outstanding_pings=2, name=f"vitals {role}".strip(), pending_size=64 << 20, **options,
            )  # fmt: skip
    except (TimeoutError, NatsError, OSError, ssl.SSLError) as error:
        why = refused[-1] if refused else str(error) or "no answer"
        with suppress(Exception):  # half a connection; what was wrong is told below
            await client.close()
        cure = "start the cluster, check the address, and name a folder of keys of this cluster with --keys"
        raise FeedError(url, why, "a server that lets us in", cure) from error
    await link.came_up()
    try:
        yield link
    finally:
        with suppress(NatsError, TimeoutError):
            await client.close()


def _role(keys: Path) -> str:
    """Whose keys they are: inboxes are named after it, and others may not read them."""
    path = keys / "cert.pem"
    if not path.is_file():
        raise SettingsError(f"--keys {keys}", "no cert.pem", "ca.pem, cert.pem and key.pem", "name a role's folder")
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (address, *_) = names.get_values_for_type(x509.RFC822Name)
    return str(address).partition("@")[0]


def _context(keys: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=keys / "ca.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(keys / "cert.pem", keys / "key.pem")
    return context


def _read_headers(block: bytes) -> dict[str, str]:
    """``Name: value`` lines after the first, which tells the version."""
    lines = [line.partition(":") for line in block.decode("utf-8", "replace").split("\r\n")[1:] if ":" in line]
    return {name: value.strip() for name, _, value in lines}
