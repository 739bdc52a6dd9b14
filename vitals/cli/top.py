"""``vitals top``: a running ward on a terminal, from its metrics and, where given, its output."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from vitals.cli import console
from vitals.cli.options import Json
from vitals.errors import DataError, SettingsError

_SHOWN = 10  # stays
_TAIL = 1 << 20  # bytes of the output that are read
Figures = dict[str, Any]


def top(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where the ward serves its metrics.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The ward's lines: shows the highest latest risks.")
    ] = None,
    every: Annotated[float, typer.Option("--every", min=0.1, metavar="SECONDS", help="Between two looks.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="One look, and stop.")] = False,
    json: Json = False,
) -> None:
    """A running ward on the terminal: stays, events a second, lag, risks, alerts by tier, and what was left out.

    With --json one look as one JSON object.

    \b
    Examples:
      vitals watch models/ward --metrics 127.0.0.1:9464 < events.ndjson > out.ndjson &
      vitals top 127.0.0.1:9464
      vitals top 127.0.0.1:9464 --out out.ndjson --once
    """
    figures = look(address, out)
    if json:
        console.show(figures, as_json=True)
        return
    if once:
        Console().print(screen(figures))
        return
    with Live(screen(figures), console=Console(), auto_refresh=False) as live:
        while True:
            time.sleep(every)
            figures = look(address, out, figures)
            live.update(screen(figures), refresh=True)


def look(address: str, out: Path | None = None, before: Mapping[str, Any] | None = None) -> Figures:
    """What a ward tells of itself now.

    Args:
        address: ``HOST:PORT``, with or without ``http://``.
        out: its lines of output.
        before: the last look, for events a second since; without it since the ward began.

    Raises:
        SettingsError: nobody answers there.
        DataError: something else answers.
    """
    from prometheus_client.parser import text_string_to_metric_families

    try:
        text = _fetch(address)
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except ValueError as error:
        raise DataError(
            address, "a page that is none of ours", "the address of vitals watch --metrics", "check it"
        ) from error
    found: dict[str, float] = {sample.name: sample.value for sample in samples if not sample.labels}
    if "vitals_input_lines_total" not in found:
        raise DataError(address, "no metrics of a ward", "the address of vitals watch --metrics", "check it")
    words: dict[str, dict[str, int]] = defaultdict(dict)
    for sample in samples:
        if sample.labels and sample.name.endswith("_total"):
            words[sample.name[len("vitals_") : -len("_total")]][" ".join(sample.labels.values())] = int(sample.value)
    now = time.time()
    since = (before["at"], before["events"]) if before else (found["vitals_started_time_seconds"], 0)
    events = int(found["vitals_input_lines_total"])
    answered = found["vitals_answer_seconds_count"]
    return {
        "at": now, "ready": found["vitals_ready"] == 1, "stays": int(found["vitals_stays"]), "events": events,
        "events_per_second": max(0.0, events - since[1]) / max(now - since[0], 1e-3),
        "lag_seconds": found["vitals_lag_seconds"], "feed_silent_seconds": found["vitals_feed_silent_seconds"],
        "answer_mean_seconds": found["vitals_answer_seconds_sum"] / answered if answered else None,
        **{name: words[name] for name in ("risks", "risks_missing", "alerts", "alerts_held_back", "technical_lines")},
        "left_out": words["left_out"], "highest": [] if out is None else _highest(out),
    }  # fmt: skip


def screen(figures: Mapping[str, Any]) -> Group:
    """One look as a screen.

    Example:
        >>> figures = {"ready": True, "stays": 3, "events": 7, "events_per_second": 3.5, "lag_seconds": 0.0,
        ...            "feed_silent_seconds": 1.0, "answer_mean_seconds": None, "highest": []}
        >>> len(screen(figures).renderables)
        2
    """
    head = Table(title="vitals top", show_header=False)
    facts = {
        "takes input": figures["ready"], "stays": figures["stays"], "events": figures["events"],
        "events a second": figures["events_per_second"], "lag, s": figures["lag_seconds"],
        "feed silent, s": figures["feed_silent_seconds"], "mean answer, s": figures["answer_mean_seconds"],
    }  # fmt: skip
    for name, fact in facts.items():
        head.add_row(name, console.text(fact))
    counts = Table("what", "which", "how many")
    for name in ("risks", "risks_missing", "alerts", "alerts_held_back", "technical_lines", "left_out"):
        for which, many in sorted(figures.get(name, {}).items()):
            counts.add_row(name.replace("_", " "), which, console.text(many))
    parts = [head, counts]
    if figures["highest"]:
        stays = Table("stay", "time", "risk", title="highest latest risks")
        for stay, when, risk in figures["highest"]:
            stays.add_row(stay, when, console.text(risk))
        parts.append(stays)
    return Group(*parts)


def _fetch(address: str) -> str:
    bare = address.removeprefix("http://").partition("/")[0]
    try:
        with urllib.request.urlopen(f"http://{bare}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        came = f"no answer ({getattr(error, 'reason', error)})"
        raise SettingsError(
            address, came, "a running ward", "start it: vitals watch MODEL --metrics HOST:PORT"
        ) from error


def _highest(out: Path) -> list[tuple[str, str, float]]:
    """The highest of the stays' latest risks, from the end of the output."""
    import msgspec

    from vitals.feeds.lines import Risk

    with out.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        lines = file.read().split(b"\n")[1 if size > _TAIL else 0 : -1]
    latest: dict[str, tuple[str, float | None]] = {}
    decoder = msgspec.json.Decoder(Risk)
    for line in lines:
        if line.startswith(b'{"kind":"risk"'):
            risk = decoder.decode(line)
            latest[risk.stay] = (risk.time, risk.risk)
    known = [(stay, when, risk) for stay, (when, risk) in latest.items() if risk is not None]
    return sorted(known, key=lambda one: -one[2])[:_SHOWN]
