"""Who may come in and what they may do; where servers listen; how they deal beds; what a gateway recognises."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters import (
    LAYOUT,
    ROOT,
    about_stays,
    cluster_in,
    differences,
    free_port,
    one_ward,
    outputs_of,
    until,
    workers,
)
from tests.keeping import feed_of
from tests.live import model_folder, settings_of
from vitals.cli.main import main
from vitals.cluster import nats_port
from vitals.cluster.certificates import write_certificates
from vitals.cluster.connecting import linked
from vitals.cluster.local import LocalCluster
from vitals.errors import FeedError, SettingsError, StateError
from vitals.flows.cluster_watching import watch_cluster
from vitals.flows.clustering import feed_cluster, read_cluster, set_up_cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """One server that runs."""
    with cluster_in(tmp_path_factory.mktemp("doors") / "cluster", 1) as one:
        yield one


def test_each_role_does_its_own_and_no_more(cluster: LocalCluster) -> None:
    keys, nothing = cluster.folder, io.BytesIO()
    with pytest.raises(FeedError, match="permissions violation"):
        feed_cluster(cluster.url, io.BytesIO(b'{"stay":"p1"}\n'), nothing, keys / "reader")

    async def may(role: str, subject: str) -> bool:
        async with linked(cluster.url, keys / role, lambda *_: None) as link:
            await link.client.publish(subject, b"{}")
            await link.client.flush()
            await asyncio.sleep(0.1)
            return link.forbidden is None

    allowed = {
        ("gateway", "vitals.in.p1"): True, ("gateway", "vitals.out.1"): False, ("gateway", "vitals.keep.1"): False,
        ("gateway", "$JS.API.DIRECT.GET.VITALS_OUT_1"): False, ("gateway", "$JS.API.STREAM.DELETE.VITALS_IN_0"): False,
        ("worker", "vitals.out.99"): True, ("worker", "vitals.in.p1"): False,
        ("worker", "$JS.API.STREAM.PURGE.VITALS_OUT_0"): False, ("reader", "vitals.out.1"): False,
        ("reader", "$JS.API.DIRECT.GET.VITALS_KEEP_0"): False, ("reader", "$JS.API.DIRECT.GET.VITALS_IN_0"): False,
        ("reader", "$JS.API.DIRECT.GET.VITALS_OUT_0"): True,
    }  # fmt: skip
    found = {(role, subject): asyncio.run(may(role, subject)) for role, subject in allowed}
    assert found == allowed


def test_nobody_comes_in_without_a_certificate_of_this_cluster(cluster: LocalCluster, tmp_path: Path) -> None:
    write_certificates(tmp_path / "rogue")
    shutil.copy(cluster.folder / "worker" / "ca.pem", tmp_path / "rogue" / "worker" / "ca.pem")
    plain = ssl.create_default_context(cafile=cluster.folder / "worker" / "ca.pem")
    old = ssl.create_default_context(cafile=cluster.folder / "worker" / "ca.pem")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.load_cert_chain(cluster.folder / "worker" / "cert.pem", cluster.folder / "worker" / "key.pem")
    rogue = ssl.create_default_context(cafile=cluster.folder / "worker" / "ca.pem")
    rogue.load_cert_chain(tmp_path / "rogue" / "worker" / "cert.pem", tmp_path / "rogue" / "worker" / "key.pem")
    good = ssl.create_default_context(cafile=cluster.folder / "worker" / "ca.pem")
    good.load_cert_chain(cluster.folder / "worker" / "cert.pem", cluster.folder / "worker" / "key.pem")
    assert [answers(cluster, context) for context in (plain, old, rogue, good)] == [False, False, False, True]


def answers(cluster: LocalCluster, context: ssl.SSLContext) -> bool:
    """Whether a server lets somebody in: it answers a ping."""
    with socket.create_connection(("127.0.0.1", cluster.nodes[0].port), 5) as bare:
        assert bare.recv(4096).startswith(b"INFO")
        try:
            with context.wrap_socket(bare, server_hostname="127.0.0.1") as link:
                link.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
                return b"PONG" in link.recv(4096)
        except (OSError, ssl.SSLError):
            return False


def test_servers_listen_on_loopback_only(cluster: LocalCluster) -> None:
    process = cluster.nodes[0].process
    assert process is not None
    links = {str(path.readlink()) for path in Path(f"/proc/{process.pid}/fd").iterdir() if path.is_symlink()}
    inodes = {name[8:-1] for name in links if name.startswith("socket:[")}
    rows = [
        row.split()
        for table in ("tcp", "tcp6")
        if (file := Path(f"/proc/{process.pid}/net/{table}")).exists()
        for row in file.read_text().splitlines()[1:]
    ]
    listening = [row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes]
    assert listening
    assert set(listening) == {"0100007F"}


def test_a_cluster_without_its_address_or_keys_is_told(cluster: LocalCluster, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no cert\.pem"):
        feed_cluster(cluster.url, io.BytesIO(), io.BytesIO(), tmp_path)
    assert main(["watch", "sepsis-vitals", "--from", "amqp://x"]) == 1
    assert main(["watch", "sepsis-vitals", "--from", "nats://a:1", "--to", "nats://b:1"]) == 1
    assert main(["watch", "sepsis-vitals", "--from", "nats://a:1", "--state", str(tmp_path)]) == 1
    for option in (["--max-lag", "3"], ["--swap-after", "6h"]):  # nothing that a worker would not heed
        assert main(["watch", "sepsis-vitals", "--from", cluster.url, *option]) == 1
    for option in (["--to", cluster.url], ["--keys", str(tmp_path)]):  # nor what only a worker would
        assert main(["watch", "sepsis-vitals", *option]) == 1


@pytest.mark.parametrize("url", ["nats://ward-1:4222", "nats://127.0.0.1:4222,10.0.0.7:4222", "kafka://ward-1:9092"])
def test_nothing_crosses_a_network_in_plain_text_by_an_oversight(url: str) -> None:
    with pytest.raises(SettingsError, match="say --keys none"):
        watch_cluster("sepsis-vitals", url, io.BytesIO())
    with pytest.raises(SettingsError, match="say --keys none"):
        feed_cluster(url, io.BytesIO(), io.BytesIO())


def test_servers_that_deal_otherwise_are_refused(tmp_path: Path) -> None:
    with cluster_in(tmp_path / "cluster", 1) as cluster:
        conf = cluster.nodes[0].folder / "server.conf"
        cluster.nodes[0].stop()
        conf.write_text(conf.read_text().replace("partition(8,1)", "partition(16,1)"))
        cluster.nodes[0].start()
        with pytest.raises(StateError, match="came mappings to other partitions"):
            feed_cluster(cluster.url, io.BytesIO(b"{}\n"), io.BytesIO(), cluster.folder / "gateway")


def test_a_packed_feed_fed_twice_gives_the_risks_of_one_ward(model: Path, tmp_path: Path) -> None:
    lines = feed_of(stays=20, hours=12, seed=2)
    with cluster_in(tmp_path / "cluster", 1) as cluster, workers(cluster, model, 1):
        for pack in (False, True):
            said = feed_cluster(
                cluster.url, io.BytesIO(b"".join(lines)), io.BytesIO(), cluster.folder / "gateway", pack
            )
            assert said["lines"] == len(lines)
        wanted = {k: v for k, v in one_ward(model, lines).items() if v[0]["kind"] != "technical"}
        until(lambda: wanted.keys() <= outputs_of(cluster).keys(), 60)
        found = {k: v for k, v in outputs_of(cluster).items() if v[0]["kind"] != "technical"}
        sink = io.BytesIO()
        read_cluster(cluster.url, sink, cluster.folder / "reader", once=True)
    assert differences(found, wanted) == (0, 0, 0)
    starts = [line for line in map(json.loads, sink.getvalue().splitlines()) if line.get("reason") == "started"]
    assert len(starts) == 1  # though each partition said so
    assert about_stays(sink.getvalue()).keys() >= wanted.keys()


def test_the_state_of_another_model_is_refused(model: Path, tmp_path: Path) -> None:
    other = model_folder(tmp_path / "other", settings_of(hidden=4, grace="30min"), seed=9)
    with cluster_in(tmp_path / "cluster", 1) as cluster:
        with workers(cluster, model, 1) as (worker,):
            feed_cluster(cluster.url, io.BytesIO(b"".join(feed_of(4))), io.BytesIO(), cluster.folder / "gateway")
            said = one_ward(model, feed_of(4)).keys()
            until(lambda: said <= outputs_of(cluster).keys(), 60)
            assert worker.end() == 0
        with pytest.raises(StateError, match=r"as this (model|policy) has it"):
            watch_cluster(other, cluster.url, io.BytesIO(), keys=cluster.folder / "worker")
        before = outputs_of(cluster)
        assert (
            main(["cluster", "setup", cluster.url, "--partitions", "8", "--new-model"]) == 1
        )  # not without a word more
        told = io.BytesIO()
        set_up_cluster(cluster.url, cluster.folder / "admin", LAYOUT, 1, new_model=True, sink=told)
        said = json.loads(told.getvalue())
        assert (said["reason"], said["named"][0].split()[0]) == ("stays_begin_anew", "0")  # all events are still there
        more = [line for line in feed_of(4, hours=20) if line not in set(feed_of(4))]
        with workers(cluster, other, 1):
            feed_cluster(cluster.url, io.BytesIO(b"".join(more)), io.BytesIO(), cluster.folder / "gateway")
            wanted = one_ward(other, feed_of(4) + more).keys() - one_ward(other, feed_of(4)).keys()
            assert wanted
            until(lambda: wanted <= outputs_of(cluster).keys(), 30)
        said_before = one_ward(other, feed_of(4)).keys()
        assert outputs_of(cluster).keys() == before.keys() | wanted
        assert not said_before & outputs_of(cluster).keys()


def test_stays_older_than_the_events_are_told_when_a_model_changes(model: Path, tmp_path: Path) -> None:
    with cluster_in(tmp_path / "cluster", 1) as cluster:
        with workers(cluster, model, 1) as (worker,):
            feed_cluster(cluster.url, io.BytesIO(b"".join(feed_of(4))), io.BytesIO(), cluster.folder / "gateway")
            until(lambda: one_ward(model, feed_of(4)).keys() <= outputs_of(cluster).keys(), 60)
            assert worker.end() == 0

        async def forget_events() -> None:  # as a day does
            async with linked(cluster.url, cluster.folder / "admin", lambda *_: None) as link:
                for stream in LAYOUT.streams("VITALS_IN"):
                    await link.ask_until(f"$JS.API.STREAM.PURGE.{stream}", b"{}")

        asyncio.run(forget_events())
        told = io.BytesIO()
        set_up_cluster(cluster.url, cluster.folder / "admin", LAYOUT, 1, new_model=True, sink=told)
    anew, _, known = json.loads(told.getvalue())["named"][0].split()
    assert int(anew) == int(known) > 0


def test_a_partition_that_nobody_served_for_a_day_says_so(
    cluster: LocalCluster, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    async def load() -> None:
        async with linked(cluster.url, cluster.folder / "worker", lambda reason, _: told.append(reason)) as link:
            port = nats_port.NatsPort(link, LAYOUT, f"loads-{len(told)}")
            await port.load(0)
            await port.release(0)

    asyncio.run(load())
    asyncio.run(load())
    assert told == []
    monkeypatch.setattr(nats_port, "KEPT_IN", -10.0)
    asyncio.run(load())
    assert told == ["events_may_be_missing"]


def test_a_worker_says_how_it_ended(cluster: LocalCluster, model: Path) -> None:
    with workers(cluster, model, 1) as (worker,):
        assert worker.end() == 0
    assert b"taken" in worker.errors
    assert len([reason for _, reason, _ in worker.heard if reason == "partition_given_back"]) == LAYOUT.partitions


def test_cluster_local_is_started_and_stopped_by_hand(tmp_path: Path) -> None:
    command = ["cluster", "local", "--nodes", "1", "--partitions", "8", "--dir", str(tmp_path / "c"), "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "vitals", *command, "--port", str(free_port())], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        keys = tmp_path / "c" / "gateway"
        assert feed_cluster(told["url"], io.BytesIO(b'{"stay":"p1"}\n'), io.BytesIO(), keys)["acknowledged"] == 1
        process.send_signal(2)
        assert process.wait(30) == 0
    with socket.socket() as gone:
        assert gone.connect_ex(("127.0.0.1", int(told["url"].rpartition(":")[2]))) != 0
