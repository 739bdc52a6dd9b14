"""Commands for the live ward: ``replay`` and ``watch``, which speak newline-delimited JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from vitals.cli import console
from vitals.cli.options import Cohort, Json, Model
from vitals.errors import SettingsError

STREAMS = ("replay", "watch")
"""Commands whose stdout is a stream of lines, so that a summary as JSON goes to stderr."""

Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the lines here instead of to stdout.")]


def replay(
    cohort: Cohort,
    speed: Annotated[
        float | None,
        typer.Option(
            "--speed", min=1e-6, metavar="N", help="N times as fast as it happened; without it, as fast as it reads."
        ),
    ] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Past stays as a live feed: admissions, samples and discharges, one line each, in the order they arrived.

    With --json the summary goes to stdout if --out took the lines, else to stderr.

    \b
    Examples:
      vitals replay cohorts/ward | vitals watch models/ward
      vitals replay cohorts/ward --speed 60 > events.ndjson
    """
    from vitals.flows.replaying import replay as replay_cohort

    with _lines(out) as sink:
        summary = replay_cohort(cohort, sink, speed)
    console.show(summary, as_json=json, title="Replayed", stream=sys.stderr if out is None else sys.stdout)


def watch(
    model: Model,
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="P.toml", help="An alert policy other than the model folder's.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option("--state", metavar="DIR", help="Keep the ward in this folder, so that it survives.")
    ] = None,
    out: Out = None,
    origin: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="Be a worker of this cluster; stdin is not read.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="URL", help="Where risks and alerts go: the same cluster.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", metavar="DIR", help="ca.pem, cert.pem and key.pem of a worker (--from); none: no TLS."),
    ] = None,
    provisional: Annotated[
        bool,
        typer.Option("--provisional", help="Answer every sample at once, too, as if its step closed now."),
    ] = False,
    clock: Annotated[
        str | None,
        typer.Option("--clock", metavar="10s", help="The feed is live: tell the ward what time it is, so often."),
    ] = None,
    rescore: Annotated[
        bool,
        typer.Option("--rescore", help="Tell corrected risks when a sample comes too late (not with --state)."),
    ] = False,
    silent: Annotated[bool, typer.Option("--silent", help="Score and log everything, alert nobody.")] = False,
    metrics: Annotated[
        str | None, typer.Option("--metrics", metavar="HOST:PORT", help="Serve /metrics, /healthz and /readyz here.")
    ] = None,
    metrics_anywhere: Annotated[
        bool, typer.Option("--metrics-anywhere", help="Allow an address that other machines reach: no login there.")
    ] = False,
    log: Annotated[
        str | None, typer.Option("--log", metavar="FILE", help="Structured log in JSON, without stays; - for stderr.")
    ] = None,
    log_level: Annotated[str, typer.Option("--log-level", help="debug, info, warning or error.")] = "info",
    max_lag: Annotated[
        float | None, typer.Option("--max-lag", min=0.001, metavar="SECONDS", help="Say when data may wait longer.")
    ] = None,
    swap_after: Annotated[
        str | None, typer.Option("--swap-after", metavar="6h", help="A new model runs beside the old one so long.")
    ] = None,
    json: Json = False,
) -> None:
    """Score a live feed: events in on stdin, risks and alerts out on stdout, one line each.

    A line that cannot be used never stops the ward: it is dropped, counted, and reported as a technical line.

    With --state DIR what came in is on the disk before it is answered. After a crash start the same command again and
    feed it the same input, from its beginning or from any line before the crash: what it has taken in it recognises, by
    "seq" where lines carry one (rising by one within a "source"), else by what they say. Some answers may come twice;
    every line has an "id", and the same id is the same answer. With --state, --out adds to FILE. DIR belongs to one
    process, one model and one policy, holds what was measured, and must lie on a local disk.

    With --provisional every sample is also answered by a risk marked "provisional": true, which alerts nobody.

    With --clock 10s the ward knows now: what lies more than two minutes in the future is left out ("future"), steps of a bed
    that fell silent close, and a channel, a bed or the whole feed that falls silent is told, once, and once more when it
    is back. Not for a feed of the past. Lines with "source" and "arrival" also tell how far a source's clock is off.

    With --rescore a sample that came too late also leads to the risks as they would have been, marked "corrected": true;
    they alert nobody.

    SIGTERM and SIGINT finish the block in hand and end with 0; a second one ends at once. SIGHUP looks at the model and
    the policy again: one that reads the ward in the same way takes over once it has seen what it needs.

    With --from nats://… or kafka://… this is one of any number of workers that share the beds and take over from each other;
    risks and alerts go back to the cluster, stdout has technical lines about this worker. See vitals cluster --help.

    With --json the summary goes to stdout if --out took the lines, else to stderr.

    \b
    In:
      {"kind":"admit","stay":"p1","time":"2026-01-01T00:00:00Z","subject":"s1"}
      {"stay":"p1","time":"2026-01-01T03:00:00Z","signal":"heart_rate","value":83}
      {"kind":"discharge","stay":"p1","time":"2026-01-02T00:00:00Z"}

    \b
    Examples:
      vitals watch models/ward < events.ndjson > out.ndjson
      mosquitto_sub -t ward/# | vitals watch models/ward --policy night.toml
      vitals watch models/ward --metrics 127.0.0.1:9464 --log ward.log < events.ndjson > out.ndjson
      vitals watch models/ward --clock 10s < /run/gateway.fifo > out.ndjson
      vitals watch models/ward --state /var/lib/vitals/icu --out out.ndjson < events.ndjson
      vitals watch models/ward --from nats://127.0.0.1:4222 --keys vitals-cluster/worker
    """
    from vitals.flows.watching import watch as watch_feed
    from vitals.operation.running import Running
    from vitals.spec.duration import Duration

    running = Running(
        silent=silent, signals=True, max_lag=max_lag, metrics=metrics, metrics_anywhere=metrics_anywhere,
        swap_after=None if swap_after is None else Duration.parse(swap_after, "--swap-after"), log=log is not None,
        log_file=None if log in {None, "-"} else Path(str(log)), log_level=log_level, tell=_tell,
    )  # fmt: skip
    others = {"--state": state, "--provisional": provisional, "--clock": clock, "--rescore": rescore}
    if origin is not None:
        _refuse_beside(origin, to, others | {"--max-lag": max_lag, "--swap-after": swap_after})
    else:
        _refuse_without({"--to": to, "--keys": keys})
    with _lines(out, go_on=state is not None) as sink:
        if origin is not None:
            from vitals.flows.cluster_watching import watch_cluster

            summary = watch_cluster(model, origin, sink, policy, keys, running)
        else:
            summary = watch_feed(
                model, sys.stdin.buffer, sink, policy, state=state, provisional=provisional, running=running,
                clock=None if clock is None else Duration.parse(clock, "--clock"), rescore=rescore,
            )  # fmt: skip
    console.show(summary, as_json=json, title="Watched", stream=sys.stderr if out is None else sys.stdout)


def _refuse_beside(origin: str, to: str | None, others: dict[str, Any]) -> None:
    """Refuse what a worker of a cluster cannot do."""
    if to not in {None, origin}:
        cure = "leave --to out: what a partition takes in and what it gives stay together, or neither would be exact"
        raise SettingsError("--to", str(to), f"{origin}, as --from", cure)
    cures = {
        "--state": "the cluster keeps the state; leave it out",
        "--clock": "put clock lines into the events that are fed",
        "--max-lag": "leave it out; put an alert on vitals_lag_seconds (--metrics)",
        "--swap-after": "leave it out; a cluster changes its model with vitals cluster setup --new-model",
    }
    for came in [name for name, given in others.items() if given]:
        raise SettingsError("--from", f"{came} beside it", "one of them", cures.get(came, "leave one out"))


def _refuse_without(others: dict[str, Any]) -> None:
    """Refuse what only a worker of a cluster heeds."""
    for came in [name for name, given in others.items() if given]:
        raise SettingsError(came, "it without --from", "--from nats://…", "name the cluster, or leave it out")


def _tell(text: str) -> None:
    console.people().print(text, markup=False)


@contextmanager
def _lines(out: Path | None, go_on: bool = False) -> Iterator[BinaryIO]:
    """Where the lines go: a file, or stdout; with ``go_on`` behind the whole lines that are in the file."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif go_on:
        with out.open("ab") as file:
            file.truncate(_whole(out))
            yield file
    else:
        with out.open("wb") as file:
            yield file


def _whole(path: Path) -> int:
    """Bytes of a file up to the end of its last whole line: a crash may have torn the one behind it."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        while end > 0:
            start = max(0, end - (1 << 16))
            file.seek(start)
            found = file.read(end - start).rfind(b"\n") + 1
            if found:
                return start + found
            end = start
    return 0
