"""What a person reads: progress and summaries on stderr, so that stdout stays clean for machines."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

Report = Callable[[int, int, str], None]
"""What a flow calls to tell how far it is: ``(done, total, label)``."""

NOTICE = "Research use only: not a medical device."
_PLAIN_EVERY = 10.0  # seconds between two lines of progress where there is no terminal


def people() -> Console:
    """The console for people's text: stderr as it is now."""
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


@contextmanager
def progress() -> Iterator[Report]:
    """Progress for a flow: a bar on a terminal, now and then a plain line elsewhere."""
    if sys.stderr.isatty():
        columns = TextColumn("{task.description:<28}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
        with Progress(*columns, console=people()) as bars:
            yield _Bars(bars)
    else:
        yield _Lines()


class _Bars:
    """One bar a label, in the order in which the labels came."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, Any] = {}

    def __call__(self, done: int, total: int, label: str) -> None:
        if label not in self._tasks:
            self._tasks[label] = self._bars.add_task(label, total=total)
        self._bars.update(self._tasks[label], completed=done, total=total)


class _Lines:
    """The first and the last word on each label, and one line every few seconds between them."""

    def __init__(self) -> None:
        self._label, self._said, self._done = "", 0.0, False

    def __call__(self, done: int, total: int, label: str) -> None:
        now = time.monotonic()
        if label == self._label and self._done:
            return
        self._done = done >= total
        if label != self._label or self._done or now - self._said >= _PLAIN_EVERY:
            print(f"{label}: {done:,} of {total:,}", file=sys.stderr, flush=True)  # noqa: T201 (this is the console)
            self._label, self._said = label, now


def show(
    summary: Mapping[str, Any],
    *,
    as_json: bool,
    title: str = "",
    lines: Sequence[str] | None = None,
    stream: TextIO | None = None,
) -> None:
    """Print what a flow returned: one JSON object on stdout, or a screen for people on stderr.

    Args:
        summary: what the flow returned. ``"files"`` (names → paths, or paths) are printed last.
        as_json: the whole summary as one line of JSON, and nothing for people.
        title: stands above the screen.
        lines: the screen; without it the summary's ``"headline"``, or else every fact on a line of its own.
        stream: takes the JSON instead of stdout.
    """
    if as_json:
        stream = stream or sys.stdout
        stream.write(to_json(summary) + "\n")
        stream.flush()
        return
    console = people()
    if title:
        console.print(f"\n[bold]{title}[/bold]")
    facts = {name: value for name, value in summary.items() if name != "files"}
    for line in lines or facts.get("headline") or _facts(plain(facts)):
        console.print(line, markup=False, soft_wrap=True)
    for name, path in _named(summary.get("files", {})):
        console.print(f"  {name}: {path}", markup=False, soft_wrap=True, style="cyan")
    console.print(f"[dim]{NOTICE}[/dim]")


def to_json(value: object) -> str:
    """One line of JSON; what JSON has no word for (NaN, infinity) becomes null.

    Example:
        >>> to_json({"recall": float("nan"), "stays": 3})
        '{"recall": null, "stays": 3}'
    """
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """Numbers, texts, lists and tables only: numpy's numbers and arrays become Python's, paths become texts."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)


def _facts(facts: Mapping[str, Any], indent: str = "  ") -> Iterator[str]:
    """One line a fact; a table of plain facts stays on one line, a longer one is indented, a list gets one line each."""
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        words = f"{indent}{name.replace('_', ' '):<{width}}  "
        if isinstance(value, dict) and (len(value) > 6 or not _plain_facts(value)):
            yield words.rstrip()
            yield from _facts(value, indent + "  ")
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            yield words.rstrip()
            yield from (f"{indent}  - {text(item)}" for item in value)
        else:
            yield words + text(value)


def _plain_facts(table: Mapping[str, Any]) -> bool:
    return not any(isinstance(item, dict | list) for item in table.values())


def text(value: object) -> str:
    """A value as a person reads it.

    Example:
        >>> text(32239), text(0.8312345), text(None), text([0.64, 0.77])
        ('32,239', '0.8312', '–', '0.64, 0.77')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    if isinstance(value, list):
        return ", ".join(map(text, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{str(name).replace('_', ' ')} {text(item)}" for name, item in value.items()) or "none"
    return str(value)


def _named(files: Any) -> list[tuple[str, str]]:
    """``files`` as pairs, whether a table or a list came."""
    if isinstance(files, Mapping):
        return [(str(name).replace("_", " "), str(path)) for name, path in files.items()]
    return [("file", str(path)) for path in files]
