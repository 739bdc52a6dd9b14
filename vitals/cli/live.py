"""Commands for the live ward: ``replay`` and ``watch``, which speak newline-delimited JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from vitals.cli import console
from vitals.cli.options import Cohort, Json, Model

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
    out: Out = None,
    json: Json = False,
) -> None:
    """Score a live feed: events in on stdin, risks and alerts out on stdout, one line each.

    A line that cannot be used never stops the ward: it is dropped, counted, and reported as a technical line.
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
    """
    from vitals.flows.watching import watch as watch_feed

    with _lines(out) as sink:
        summary = watch_feed(model, sys.stdin.buffer, sink, policy)
    console.show(summary, as_json=json, title="Watched", stream=sys.stderr if out is None else sys.stdout)


@contextmanager
def _lines(out: Path | None) -> Iterator[BinaryIO]:
    """Where the lines go: a file, or stdout."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with out.open("wb") as file:
            yield file
