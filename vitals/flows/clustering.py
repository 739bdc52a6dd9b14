"""A ward on several machines: a gateway that feeds it, readers of what its workers say, and servers to try it on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from vitals.cluster.keys import keys_of
from vitals.cluster.layout import Layout
from vitals.durable.gather import gathered
from vitals.flows.cluster_watching import News


def feed_cluster(
    url: str, source: BinaryIO, sink: BinaryIO, keys: str | Path | None = None, pack: bool = False
) -> dict[str, Any]:
    """Publish lines of events, each to the partition of its stay; a line counts once a majority of servers has it on disk.

    Args:
        url: ``nats://host:port,…``.
        source: lines of input.
        sink: takes technical lines about this process.
        keys: a folder with ``ca.pem``, ``cert.pem`` and ``key.pem`` of a gateway; None for servers of this machine without
            encryption, ``none`` for others.
        pack: put lines that wait together into one message of up to 64 KB.

    Returns:
        ``lines``, ``messages``, ``acknowledged`` lines, ``longest_wait`` in seconds, ``stalled_partitions``.

    Raises:
        FeedError: no server answers or lets us in.
        StateError: the servers turn stays into other partitions.
    """
    from vitals.cluster.connecting import linked
    from vitals.cluster.gateway import Gateway
    from vitals.cluster.streams import layout_of, refuse_other_servers

    async def run() -> dict[str, Any]:
        async with linked(url, keys_of(url, keys), News(sink).tell) as link:
            layout = await layout_of(link)
            await refuse_other_servers(link, layout)
            return await Gateway(link, layout, pack).feed(gathered(source, 1 << 16))

    return asyncio.run(run())


def read_cluster(
    url: str, sink: BinaryIO, keys: str | Path | None = None, once: bool = False, new: bool = False
) -> dict[str, Any]:
    """Write the lines that the workers gave, each once, in order of each stay.

    Args:
        url: ``nats://host:port,…``.
        sink: takes the lines.
        keys: a folder with ``ca.pem``, ``cert.pem`` and ``key.pem`` of a reader; None for servers of this machine without
            encryption, ``none`` for others.
        once: end with what is there now; else follow until stopped.
        new: begin with what comes from now on.

    Returns:
        How many ``lines``.

    Raises:
        FeedError: no server answers or lets us in.
    """
    from vitals.cluster.connecting import linked
    from vitals.cluster.outlet import Outlet
    from vitals.cluster.streams import layout_of

    async def run() -> dict[str, Any]:
        async with linked(url, keys_of(url, keys), _nobody) as link:
            return await Outlet(link, await layout_of(link), sink).read(once, new)

    return asyncio.run(run())


def set_up_cluster(
    url: str, keys: str | Path | None = None, layout: Layout | None = None, replicas: int = 3, new_model: bool = False,
    sink: BinaryIO | None = None,
) -> dict[str, str]:  # fmt: skip
    """Make a cluster's streams where there are none, and spread their leaders over the nodes; returns who leads each.

    Args:
        url: ``nats://host:port,…``.
        keys: a folder with ``ca.pem``, ``cert.pem`` and ``key.pem`` of an admin; None for servers of this machine without
            encryption, ``none`` for others.
        layout: partitions and quarters, fixed for the cluster's life.
        replicas: copies of every message.
        new_model: forget the states, so that workers of another model may begin: they take in the events that are still there,
            and say what comes after the outputs that are there. A stay that is longer than these events begins anew, without
            its demographics, its earlier measurements and its alerts. No worker may run.
        sink: takes technical lines: ``stays_begin_anew`` with how many of how many stays that concerns.

    Raises:
        StateError: there is a cluster with other partitions.
    """
    from vitals.cluster.connecting import linked
    from vitals.cluster.renewing import forget_states
    from vitals.cluster.streams import set_up

    async def run() -> dict[str, str]:
        async with linked(url, keys_of(url, keys), _nobody if sink is None else News(sink).tell) as link:
            if new_model:
                await forget_states(link, layout or Layout())
            return await set_up(link, layout or Layout(), replicas)

    return asyncio.run(run())


@contextmanager
def local_cluster(folder: str | Path, nodes: int = 3, layout: Layout | None = None, port: int = 4222) -> Iterator[Any]:
    """A cluster on loopback, set up and running within, stopped after.

    Args:
        folder: certificates, configuration and stores of the nodes.
        nodes: how many.
        layout: partitions and quarters.
        port: of the first node.

    Raises:
        StateError: another process holds the folder, a port is taken, or a server ended while it was set up.
        SettingsError: ``nats-server`` is not installed, or there are no such ports.
    """
    from vitals.cluster.local import LocalCluster

    cluster = LocalCluster(Path(folder), nodes, layout, port)
    with cluster.running():
        try:
            set_up_cluster(cluster.url, cluster.folder / "admin", cluster.layout, cluster.replicas)
        finally:
            cluster.refuse_ended()  # says more than that nobody answers
        yield cluster


def _nobody(_reason: str, _named: str) -> None:
    """Nobody is told."""
