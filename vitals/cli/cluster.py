"""Commands for a ward on several machines: ``cluster local``, ``setup``, ``feed`` and ``read``; workers are ``vitals watch``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from vitals.cli import console
from vitals.cli.options import Json
from vitals.errors import SettingsError

cluster = typer.Typer(
    no_args_is_help=True, help="The live ward on several machines: try it, set it up, feed it, read from it."
)

Url = Annotated[str, typer.Argument(metavar="URL", help="nats://host:port, several with commas: all of one cluster.")]
Keys = Annotated[
    Path | None,
    typer.Option(
        "--keys", metavar="DIR", help="ca.pem, cert.pem and key.pem of a role: gateway, reader or admin; none: no TLS."
    ),
]
Partitions = Annotated[
    int, typer.Option("--partitions", min=1, metavar="N", help="Shares the beds are dealt into; fixed for life.")
]
Quarters = Annotated[
    int, typer.Option("--quarters", min=1, metavar="N", help="Groups of partitions that lose their leader together.")
]


@cluster.command()
def local(
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Keys, configuration and stores.")] = Path(
        "vitals-cluster"
    ),
    nodes: Annotated[int, typer.Option("--nodes", min=1, max=9, metavar="N", help="Servers.")] = 3,
    partitions: Partitions = 64,
    quarters: Quarters = 4,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, metavar="PORT", help="Of the first server; the others follow.")
    ] = 4222,
    json: Json = False,
) -> None:
    """Start a cluster on this machine for trying it: encrypted, authenticated, on loopback. Ctrl-C or SIGTERM stops it.

    Started again with the same folder it goes on where it was. Its keys are made once, for a year.

    Kill a server to see what happens: while a majority serves the others go on, and it is started again ten seconds later with
    what it had. Without a majority all are stopped. On Linux no server outlives this command.

    \b
    Example:
      vitals cluster local --nodes 3 --dir vitals-cluster
    """
    from vitals.cluster.layout import Layout
    from vitals.flows.clustering import local_cluster

    with (
        suppress(KeyboardInterrupt),
        _ended_by_signals(),
        local_cluster(folder, nodes, Layout(partitions, quarters), port) as running,
    ):
        keys = running.folder
        told = {
            "url": running.url,
            "commands": [
                f"vitals watch MODEL --from {running.url} --keys {keys}/worker",
                f"vitals cluster feed {running.url} --keys {keys}/gateway < events.ndjson",
                f"vitals cluster read {running.url} --keys {keys}/reader",
            ],
        }
        if json:
            console.show(told, as_json=True)
            sys.stdout.flush()
        else:
            console.people().print(f"{nodes} servers run: {running.url}. Ctrl-C stops them. In other terminals:")
            for command in told["commands"]:
                console.people().print(f"  {command}", markup=False, soft_wrap=True)
        running.serve(lambda sentence: console.people().print(sentence, markup=False, soft_wrap=True))


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM, and SIGHUP of a terminal that is closed, do what Ctrl-C does; what is ignored (nohup) stays so."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    heard = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@cluster.command()
def setup(
    url: Url,
    keys: Keys = None,
    partitions: Partitions = 64,
    quarters: Quarters = 4,
    replicas: Annotated[
        int, typer.Option("--replicas", min=1, max=5, metavar="N", help="Copies of every message; 3 survive one loss.")
    ] = 3,
    new_model: Annotated[
        bool,
        typer.Option("--new-model", help="Forget the states, for workers of another model (stop the old ones first)."),
    ] = False,
    begin_anew: Annotated[
        bool,
        typer.Option("--begin-anew", help="With --new-model: yes, stays older than the kept events lose their past."),
    ] = False,
    json: Json = False,
) -> None:
    """Make the streams of a ward on servers that run, and spread their leaders. Again after a node came back: spread only.

    With --new-model workers of another model or policy may begin: they take in the events of the last day without saying what
    has been said up to then, and go on from there. A stay that began earlier begins anew: its demographics, its earlier
    measurements, where its steps begin and its alerts are lost, so its risks differ from those of a ward that saw all of it.
    --begin-anew says that this is known; how many stays it concerns is told on stderr (stays_begin_anew).

    \b
    Example:
      vitals cluster setup nats://a:4222,b:4222,c:4222 --keys keys/admin
    """
    from vitals.cluster.layout import Layout
    from vitals.flows.clustering import set_up_cluster

    if new_model != begin_anew:
        came = "it without --begin-anew" if new_model else "--begin-anew without it"
        cure = "stays longer than the events that are kept (24 h) lose what came before: add --begin-anew where that may be"
        raise SettingsError("--new-model", came, "both or neither", cure)
    led = set_up_cluster(url, keys, Layout(partitions, quarters), replicas, new_model, sys.stderr.buffer)
    console.show({"partitions": partitions, "leaders": led}, as_json=json, title="Set up")


@cluster.command()
def feed(
    url: Url,
    keys: Keys = None,
    pack: Annotated[bool, typer.Option("--pack", help="Several lines a message, up to 64 KB: for throughput.")] = False,
    json: Json = False,
) -> None:
    """Publish events from stdin, each to the partition of its stay, a clock line to all of them.

    A line is acknowledged once a majority of the servers has it on disk. While there is no majority nothing is, and what is
    not read waits in the pipe. Fed again within ten minutes, lines are recognised by what they say (without --pack).

    \b
    Example:
      vitals cluster feed nats://127.0.0.1:4222 --keys vitals-cluster/gateway < events.ndjson
    """
    from vitals.flows.clustering import feed_cluster

    summary = feed_cluster(url, sys.stdin.buffer, sys.stderr.buffer, keys, pack)
    console.show(summary, as_json=json, title="Fed")


@cluster.command()
def read(
    url: Url,
    keys: Keys = None,
    once: Annotated[bool, typer.Option("--once", help="End with what is there now; else follow until Ctrl-C.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Begin with what comes from now on, not with the oldest.")] = False,
    json: Json = False,
) -> None:
    """Write risks, alerts and technical lines of all workers to stdout, each once, in order of each stay.

    \b
    Example:
      vitals cluster read nats://127.0.0.1:4222 --keys vitals-cluster/reader > out.ndjson
    """
    from vitals.flows.clustering import read_cluster

    with suppress(KeyboardInterrupt):
        summary = read_cluster(url, sys.stdout.buffer, keys, once, new)
        console.show(summary, as_json=json, title="Read", stream=sys.stderr)
