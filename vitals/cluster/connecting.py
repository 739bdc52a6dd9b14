"""Open a connection to the servers: encrypted, with the certificate of a role, and for as long as it is needed."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from nats.aio.client import Client
from nats.errors import Error as NatsError

from vitals.cluster.links import Link, Tell
from vitals.errors import FeedError, SettingsError

_GOODBYE = 3.0  # seconds
_LOOK = 0.2


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
                max_reconnect_attempts=-1, connect_timeout=2, ping_interval=1,
                max_outstanding_pings=3, name=f"vitals {role}".strip(), pending_size=64 << 20, **options,
            )  # fmt: skip
    except (TimeoutError, NatsError, OSError, ssl.SSLError) as error:
        why = refused[-1] if refused else str(error) or "no answer"
        with suppress(Exception):  # half a connection; what was wrong is told below
            await client.close()
        cure = "start the cluster, check the address, and name a folder of keys of this cluster with --keys"
        raise FeedError(url, why, "a server that lets us in", cure) from error
    await link.came_up()
    watching = asyncio.create_task(_cut_what_hangs(client, link))
    try:
        yield link
    finally:
        watching.cancel()
        with suppress(NatsError, TimeoutError):
            async with asyncio.timeout(_GOODBYE):  # a server that hangs does not answer that either
                await client.close()


async def _cut_what_hangs(client: Client, link: Link) -> None:
    """Cut the connection to a server that hangs: nats-py would wait half a minute for its farewell before it tries another."""
    while True:
        await asyncio.sleep(_LOOK)
        writer = getattr(client._transport, "_io_writer", None)  # noqa: SLF001 (nats-py offers no way to abort)
        if client.is_reconnecting and link.is_up() and writer is not None:
            writer.transport.abort()


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
