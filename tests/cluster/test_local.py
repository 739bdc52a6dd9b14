"""``vitals cluster local`` as a person has it in a terminal: servers are killed, it is killed, it is started twice."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clusters import ROOT, free_port, until
from vitals.flows.clustering import feed_cluster

PARTITIONS = 8


def command(folder: Path, port: int, nodes: int) -> list[str]:
    options = ["--nodes", str(nodes), "--partitions", str(PARTITIONS), "--dir", str(folder), "--port", str(port)]
    return [sys.executable, "-m", "vitals", "cluster", "local", *options]


def servers(folder: Path) -> dict[int, str]:
    """By process id the server of this folder that runs under it."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            called = (process / "cmdline").read_text()
        except OSError:  # it ended as we looked
            continue
        if f"{folder}/node-" in called:
            found[int(process.name)] = called.partition(f"{folder}/")[2].partition("/")[0]
    return found


@contextmanager
def launcher(folder: Path, port: int, nodes: int) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """It, once it said that its servers run, and the file of what it says."""
    said = folder.with_name("said.txt")
    with said.open("wb") as sink, subprocess.Popen(command(folder, port, nodes), cwd=ROOT, stderr=sink) as process:
        try:
            until(lambda: "servers run" in said.read_text() or process.poll() is not None, 60)
            assert process.poll() is None, said.read_text()
            yield process, said
        finally:
            process.kill()


def refusal(folder: Path, port: int, nodes: int = 1) -> str:
    """What somebody reads who starts another one."""
    ended = subprocess.run(
        command(folder, port, nodes), cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode in {1, 2}
    assert "servers run" not in ended.stderr
    return ended.stderr


def test_a_server_that_is_killed_comes_back_and_the_others_serve(tmp_path: Path) -> None:
    folder, port = tmp_path / "c", free_port()
    with launcher(folder, port, 3) as (process, said):
        first = servers(folder)
        assert sorted(first.values()) == ["node-0", "node-1", "node-2"]
        victim = next(number for number, name in first.items() if name == "node-1")
        os.kill(victim, signal.SIGKILL)
        until(lambda: "node-1 ended; 2 of 3 still serve" in said.read_text(), 10)
        url = f"nats://127.0.0.1:{port},127.0.0.1:{port + 2}"
        lines = io.BytesIO(b"".join(b'{"stay":"p%d"}\n' % stay for stay in range(20)))
        assert feed_cluster(url, lines, io.BytesIO(), folder / "gateway")["acknowledged"] == 20
        until(lambda: "node-1 was started again" in said.read_text(), 30)
        second = servers(folder)
        assert sorted(second.values()) == ["node-0", "node-1", "node-2"]
        assert len(first.keys() & second.keys()) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert servers(folder) == {}


def test_without_a_majority_all_are_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with launcher(folder, free_port(), 3) as (process, said):
        for number in sorted(servers(folder))[:2]:
            os.kill(number, signal.SIGKILL)
        assert process.wait(60) == 2
        assert "1 of 3 servers are left" in " ".join(said.read_text().split())
        assert servers(folder) == {}


def test_servers_end_with_a_launcher_that_is_killed_and_its_folder_and_ports_are_its_own(tmp_path: Path) -> None:
    folder, port = tmp_path / "c", free_port()
    with launcher(folder, port, 1) as (process, _):
        configured = (folder / "node-0" / "server.conf").read_text()
        (server,) = servers(folder)
        assert f"another vitals cluster local (process {process.pid}) holds it" in refusal(folder, port + 1)
        assert f"port {port} is taken" in refusal(tmp_path / "other", port)
        assert list(servers(folder)) == [server]
        assert servers(tmp_path / "other") == {}
        assert (folder / "node-0" / "server.conf").read_text() == configured
        process.kill()
        process.wait(10)
        until(lambda: not servers(folder), 10)
    with launcher(folder, port, 1) as (process, _):  # neither the lock nor the port is left behind
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 0
        assert servers(folder) == {}


@pytest.mark.parametrize(("port", "nodes", "largest"), [(65_535, 3, 63_533), (63_534, 3, 63_533)])
def test_ports_that_do_not_exist_are_refused_before_a_folder_is_made(
    tmp_path: Path, port: int, nodes: int, largest: int
) -> None:
    assert f"a port from 1 to {largest}" in refusal(tmp_path / "c", port, nodes)
    assert not (tmp_path / "c").exists()


def test_a_port_between_the_servers_is_looked_at_too(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port + 2001)):
        assert f"port {port + 2001} is taken" in refusal(tmp_path / "c", port, 3)
    assert servers(tmp_path / "c") == {}
