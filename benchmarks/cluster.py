"""Events through a one-node JetStream (file, synced, acknowledged) to risks: packed, beside the stock client one by one.

    python benchmarks/cluster.py [--beds 2000] [--events 2000000] [--hidden 64] [--rounds 3] [--single 20000]

Packed: a gateway process, the server and a worker process (`vitals watch --from`) on the cores there are; seconds that passed
from the storing of the first event to the storing of the last state that has seen everything (half a second of waiting included). The stock client: nats-py publishes each event with
an acknowledgement window, and a pull consumer fetches 1,000 at a time, into the same ward; one process, the same server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, sleep, time_ns

import _timing  # noqa: F401 (one thread)
import numpy as np
from durable import feed_of, write_model

from vitals.cluster.connecting import linked
from vitals.cluster.layout import IN, KEEP, Layout
from vitals.cluster.links import Link
from vitals.cluster.local import LocalCluster
from vitals.cluster.nats_port import POSITION
from vitals.flows.clustering import local_cluster
from vitals.scoring.model import open_model
from vitals.ward.ward import Ward

LAYOUT = Layout(16, 4)
PORT = 20_000 + os.getpid() % 4000 * 2
ROOT = Path(__file__).parent.parent


def process(*arguments: str | Path, source: Path | None = None) -> subprocess.Popen[bytes]:
    with (source or Path(os.devnull)).open("rb") as stdin:
        return subprocess.Popen(
            [sys.executable, "-m", "vitals", *map(str, arguments)], stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip


async def span(cluster: LocalCluster) -> tuple[int, float]:
    """Partitions whose state has not seen the last event yet; and seconds from the first event's to the last state's storing."""
    late, began, ended = 0, [], []
    async with linked(cluster.url, cluster.folder / "admin", lambda *_: None) as link:
        for partition in range(cluster.layout.partitions):
            last = await link.last(cluster.layout.stream(IN, partition), cluster.layout.events(partition))
            kept = await link.last(cluster.layout.stream(KEEP, partition), cluster.layout.kept(partition))
            late += int(kept.headers.get(POSITION, 0)) < last.sequence
            ended.append(await stored_at(link, cluster.layout.stream(KEEP, partition), kept.sequence))
        for stream in cluster.layout.streams(IN):
            told = json.loads((await link.ask_until(f"$JS.API.STREAM.INFO.{stream}")).data)
            began.append(np.datetime64(told["state"]["first_ts"].rstrip("Z"), "ns"))
    return late, float((max(ended) - min(began)) / np.timedelta64(1, "s"))


async def stored_at(link: Link, stream: str, sequence: int) -> np.datetime64:
    question = json.dumps({"seq": sequence}).encode()
    told = json.loads((await link.ask_until(f"$JS.API.STREAM.MSG.GET.{stream}", question)).data)
    if "message" not in told:  # another state took its place since
        return np.datetime64(time_ns(), "ns")
    return np.datetime64(told["message"]["time"].rstrip("Z"), "ns")


def processor(pid: int) -> float:
    """Seconds that a process has computed."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def packed(home: Path, model: Path, feed: Path, events: int) -> tuple[float, dict[str, float]]:
    """Events a second, from the first event's storing to states that have seen the last; processor seconds by process."""
    with local_cluster(home, 1, LAYOUT, PORT) as cluster:
        worker = process("watch", model, "--from", cluster.url, "--keys", cluster.folder / "worker")
        assert worker.stdout is not None
        server = cluster.nodes[0].process
        assert server is not None
        taken = 0
        while taken < LAYOUT.partitions:
            taken += json.loads(worker.stdout.readline())["reason"] == "partition_taken"
        before = {"server": processor(server.pid), "worker": processor(worker.pid)}
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = ("cluster", "feed", cluster.url, "--keys", cluster.folder / "gateway", "--pack", "--json")
        process(*command, source=feed).communicate()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        late, took = asyncio.run(span(cluster))
        while late:
            sleep(0.1)
            late, took = asyncio.run(span(cluster))
        spent = {"server": processor(server.pid) - before["server"], "worker": processor(worker.pid) - before["worker"]}
        spent["gateway"] = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
        worker.send_signal(signal.SIGTERM)
        worker.communicate()
    return events / took, spent


async def stock(cluster: LocalCluster, model: Path, lines: list[bytes]) -> float:
    """Events a second with nats-py as its documentation shows it: publish with acknowledgements, fetch, feed the ward."""
    async with linked(cluster.url, cluster.folder / "admin", lambda *_: None) as link:
        stream = link.client.jetstream(publish_async_max_pending=500)
        await stream.add_stream(name="STOCK", subjects=["stock"])
        subscription = await stream.pull_subscribe("stock", durable="stock")
        ward = Ward(open_model(model), None)
        began = perf_counter()
        for line in lines:
            await stream.publish_async("stock", line)
        await stream.publish_async_completed()
        seen = 0
        while seen < len(lines):
            messages = await subscription.fetch(1000, timeout=5)
            ward.feed(b"".join(message.data for message in messages))
            for message in messages:
                await message.ack()
            seen += len(messages)
        return seen / (perf_counter() - began)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beds", type=int, default=2000)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--single", type=int, default=20_000, help="events of the stock client")
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    home = Path(tempfile.mkdtemp())
    model, feed = home / "model.onnx", home / "feed.ndjson"
    content = feed_of(options.beds, options.events)
    feed.write_bytes(content)
    write_model(model, options.hidden)
    many, one, spent = [], [], []
    for number in range(options.rounds):
        rate, seconds = packed(home / f"packed-{number}", model, feed, options.events)
        many.append(rate)
        spent.append(seconds)
        with local_cluster(home / f"stock-{number}", 1, LAYOUT, PORT) as cluster:
            one.append(asyncio.run(stock(cluster, model, content.splitlines(keepends=True)[: options.single])))
    for name, values in {"packed, cluster feed to watch": many, "stock client, one by one": one}.items():
        rate = float(np.median(values))
        print(f"{name:<30} {rate:>10,.0f} events/s ({min(values):,.0f} to {max(values):,.0f})")
    print(f"ratio {np.median(many) / np.median(one):.0f}")
    for name in spent[0]:
        micro = float(np.median([seconds[name] for seconds in spent])) / options.events * 1e6
        print(f"{name:<30} {micro:>10.2f} processor microseconds an event")
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
