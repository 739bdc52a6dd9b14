"""A cluster on one machine, for trying it: servers on loopback, each with a folder, encrypted and authenticated links."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vitals.cluster.certificates import NODE, ROLES, write_certificates
from vitals.cluster.layout import LARGEST, Layout, rights, tag_of
from vitals.cluster.nodes import Node, hold, program, refuse_taken
from vitals.errors import SettingsError, StateError

PORT = 4222
"""Of the first node; the others have the next ones, and links between nodes are 2,000 above."""

_BETWEEN = 2000

BACK_AFTER = 10.0
"""Seconds after which a server that ended is started again: long enough to see the others take over."""


class LocalCluster:
    """Servers on loopback.

    Args:
        folder: keeps everything: certificates, one folder a node.
        nodes: how many.
        layout: the partitions.
        port: of the first node.

    Raises:
        StateError: the folder has a cluster with another number of partitions, or another process holds it.
        SettingsError: ``nats-server`` is not installed, or the ports would be above the largest there is.

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
        program()
        self.nodes = [Node(self.folder / f"node-{i}", i, port + i) for i in range(nodes)]
        self.url = "nats://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        largest = 65_536 - nodes - (_BETWEEN if nodes > 1 else 0)
        if not 1 <= port <= largest:
            cure = "those of the other servers and of the links between them lie above it"
            raise SettingsError("--port", str(port), f"a port from 1 to {largest}", cure)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._held: int | None = hold(self.folder)
        try:
            self._write(nodes)
        except BaseException:
            self._let_go()
            raise

    def _write(self, nodes: int) -> None:
        self._refuse_another(nodes)
        write_certificates(self.folder)
        for node in self.nodes:
            node.folder.mkdir(mode=0o700, exist_ok=True)
            (node.folder / "server.conf").write_text(self._conf(node))

    def _let_go(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    @property
    def replicas(self) -> int:
        """Copies of every message."""
        return min(3, len(self.nodes))

    def start(self) -> None:
        """Start every node.

        Raises:
            StateError: another program has one of the ports; nothing was started.
        """
        between = _BETWEEN if len(self.nodes) > 1 else 0
        refuse_taken([port for node in self.nodes for port in {node.port, node.port + between}])
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
        try:
            self.start()
            yield self
        finally:
            self.stop()
            self._let_go()

    def refuse_ended(self) -> None:
        """Be sure that every node that was started runs.

        Raises:
            StateError: one does not.
        """
        for node in self.nodes:
            if node.ended:
                said = (node.folder / "output.txt").read_text("utf-8", "replace").splitlines()[-1:]
                raise StateError(str(node.folder), f"a server that ended: {' '.join(said)}", "a running server", "see output.txt there")  # fmt: skip

    def serve(self, tell: Callable[[str], None]) -> None:
        """Start servers again that end, for as long as a majority runs.

        Args:
            tell: takes sentences about servers that end and come back.

        Raises:
            StateError: no majority runs.
        """
        due: dict[Node, float] = {}
        while True:
            for node in self.nodes:
                if node.ended and node not in due:
                    due[node] = time.monotonic() + BACK_AFTER
                    left = sum(not other.ended for other in self.nodes)
                    self._refuse_minority(node, left)
                    tell(f"{node.name} ended; {left} of {len(self.nodes)} still serve. It is started again in {BACK_AFTER:.0f} s.")  # fmt: skip
                elif node in due and due[node] < time.monotonic():
                    del due[node]
                    node.start()
                    tell(f"{node.name} was started again, with what it had.")
            time.sleep(0.2)

    def _refuse_minority(self, last: Node, left: int) -> None:
        if left <= len(self.nodes) // 2:
            came = f"{last.name} ended, and {left} of {len(self.nodes)} servers are left"
            raise StateError(str(self.folder), came, "a majority", f"see {last.name}/output.txt there, and start again")

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
