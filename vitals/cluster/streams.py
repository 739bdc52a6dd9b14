"""Make the streams of a cluster, refuse to change what must not change, and spread their leaders over the nodes."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from vitals.cluster.layout import IN, KEEP, KEPT_IN, KEPT_OUT, LARGEST, OUT, THIS, WHICH, Layout, bell, tag_of
from vitals.cluster.links import Link
from vitals.cluster.routing import partition_of
from vitals.errors import StateError

RECOGNISED = 600
"""Seconds for which the servers know a message that is published again."""

_SECOND = 1_000_000_000  # nanoseconds
_PATIENCE = 30.0
_PROBES = 16
_ANOTHER = "a bed's partition follows from their number: keep it, or begin a new cluster"


async def set_up(link: Link, layout: Layout, replicas: int) -> dict[str, str]:
    """Make the streams where there are none, and spread the leaders of their quarters over the nodes.

    Args:
        link: as ``admin``.
        layout: the partitions.
        replicas: copies of every message.

    Returns:
        Who leads each stream.

    Raises:
        StateError: there is a cluster with other partitions, the servers do not answer, or take small messages only.
    """
    _refuse_small_messages(link)
    began = time.monotonic()
    for kind in (IN, OUT, KEEP):
        for quarter, stream in enumerate(layout.streams(kind)):
            wanted = _config(layout, kind, quarter, stream, replicas)
            while True:
                told = await _api(link, f"STREAM.CREATE.{stream}", wanted)
                if "error" not in told:
                    break
                if told["error"].get("err_code") == 10005:  # servers without tags: anywhere, then
                    wanted.pop("placement", None)
                if told["error"].get("err_code") == 10058:  # it is there, with another configuration
                    refuse_another(layout, await layout_of(link))
                    told = await _api(link, f"STREAM.UPDATE.{stream}", wanted)
                    if "error" not in told:
                        break
                if time.monotonic() - began > _PATIENCE:
                    why = str(told["error"].get("description", "no answer"))
                    raise StateError(stream, why, "a stream", "see the servers' logs; are all nodes up?")
                await asyncio.sleep(0.3)
    await refuse_other_servers(link, layout)
    return await spread(link, layout)


def _refuse_small_messages(link: Link) -> None:
    if link.client.max_payload < LARGEST:
        cure = f"write max_payload: {LARGEST} into the configuration of every server"
        raise StateError("the servers", f"max_payload: {link.client.max_payload}", f"{LARGEST} at least", cure)


async def spread(link: Link, layout: Layout) -> dict[str, str]:
    """Give every quarter's streams one leader, and every node as many quarters as another; returns who leads each stream."""
    led: dict[str, str] = {}
    quarters: dict[str, int] = {}
    for quarter in range(layout.quarters):
        streams = [f"{kind}_{quarter}" for kind in (IN, OUT, KEEP)]
        common = set.intersection(*[await _nodes(link, stream) for stream in streams])
        wanted = min(sorted(common), key=lambda node: quarters.get(node, 0), default="")
        quarters[wanted] = quarters.get(wanted, 0) + 1
        for stream in streams:
            for _ in range(20):
                led[stream] = str((await _api(link, f"STREAM.INFO.{stream}", {})).get("cluster", {}).get("leader"))
                if led[stream] == wanted or not wanted:
                    break
                await _api(link, f"STREAM.LEADER.STEPDOWN.{stream}", {"placement": {"preferred": wanted}})
                await asyncio.sleep(0.2)
    return led


async def _nodes(link: Link, stream: str) -> set[str]:
    """Those with a copy of a stream, as far as they are there; none where there is only one node."""
    cluster = (await _api(link, f"STREAM.INFO.{stream}", {})).get("cluster") or {}
    there = [copy["name"] for copy in cluster.get("replicas") or [] if not copy.get("offline")]
    return {*there, cluster["leader"]} if there and cluster.get("leader") else set()


async def layout_of(link: Link) -> Layout:
    """The partitions of the cluster we are connected to.

    Raises:
        StateError: it has none.
    """
    told = json.loads((await link.ask_until(f"$JS.API.STREAM.INFO.{IN}_0")).data)
    about = (told.get("config") or {}).get("metadata") or {}
    if "partitions" not in about:
        why = str((told.get("error") or {}).get("description", "a stream of somebody else"))
        raise StateError(f"{IN}_0", why, "the streams of a ward", "make them: vitals cluster setup URL --keys admin")
    return Layout(int(about["partitions"]), int(about["quarters"]))


def refuse_another(wanted: Layout, found: Layout) -> None:
    """Refuse to change the number of partitions.

    Raises:
        StateError: it would change.

    Example:
        >>> refuse_another(Layout(32, 4), Layout(64, 4))
        Traceback (most recent call last):
        vitals.errors.StateError: the cluster: came 64 partitions in 4 quarters; wanted 32 in 4; a bed's partition...
    """
    if wanted != found:
        came = f"{found.partitions} partitions in {found.quarters} quarters"
        raise StateError("the cluster", came, f"{wanted.partitions} in {wanted.quarters}", _ANOTHER)


async def refuse_other_servers(link: Link, layout: Layout) -> None:
    """Refuse servers that turn stays into other partitions than we do.

    Raises:
        StateError: their ``mappings`` name another number, or none.
    """
    queue: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    async def hear(message: Any) -> None:
        queue.put_nowait((message.data.decode(), int(message.subject.rpartition(".")[2])))

    subscription = await link.client.subscribe(f"{THIS}.*", cb=hear)
    await link.client.flush()
    names = [f"probe{link.client.client_id}-{i}" for i in range(_PROBES)]
    for name in names:
        await link.client.publish(f"{WHICH}.{name}", name.encode())
    found: dict[str, int] = {}
    try:
        async with asyncio.timeout(2):
            while len(found) < len(names):
                name, partition = await queue.get()
                if name in names:  # another process may be asking, too
                    found[name] = partition
    except TimeoutError:
        pass
    finally:
        await subscription.unsubscribe()
    link.refuse()
    if found != {name: partition_of(name.encode(), layout.partitions) for name in names}:
        raise StateError(
            "the servers", f"mappings to {'no partition' if not found else 'other partitions'}",
            f"partition({layout.partitions},1) in the mappings of every node", _ANOTHER,
        )  # fmt: skip


def _config(layout: Layout, kind: str, quarter: int, stream: str, replicas: int) -> dict[str, Any]:
    subject = {IN: layout.events, OUT: layout.outputs, KEEP: layout.kept}[kind]
    config: dict[str, Any] = {
        "name": stream, "subjects": [subject(p) for p in layout.of_quarter(quarter)], "storage": "file",
        "retention": "limits", "discard": "new" if kind != KEEP else "old", "num_replicas": replicas,
        "placement": {"tags": [tag_of(quarter)]}, "duplicate_window": RECOGNISED * _SECOND, "allow_direct": True,
        "metadata": {"partitions": str(layout.partitions), "quarters": str(layout.quarters)},
    }  # fmt: skip
    if kind == KEEP:
        return config | {"max_msgs_per_subject": 1}
    pattern = subject(0).rpartition(".")[0] + ".>"
    return config | {
        "max_age": (KEPT_IN if kind == IN else KEPT_OUT) * _SECOND,
        "republish": {"src": pattern, "dest": bell(pattern), "headers_only": True},
    }


async def _api(link: Link, verb: str, body: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((await link.ask_until(f"$JS.API.{verb}", json.dumps(body).encode())).data)
    return told
