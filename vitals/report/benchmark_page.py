"""A benchmark as one HTML file and as Markdown: figures, tables, what others published, and how it was judged."""

from __future__ import annotations

import importlib.resources
import math
from collections.abc import Mapping, Sequence
from typing import Any

from vitals.report.benchmark_cells import Cell, columns, data_words, groups, method, table_note
from vitals.report.dots import Dot, Series, dot_chart
from vitals.report.markup import Markup, element, join, table
from vitals.report.page import NOTICE
from vitals.report.svg import BLUE, ORANGE, VERMILLION, Axis, share_axis
from vitals.report.words import DASH, dig, known, number, score

Found = Mapping[str, Any]
_PUBLISHED = ("published elsewhere", "protocol", "utility", "AUROC", "AUPRC", "source")
_TITLE, _TRIAL = "Benchmark on public data", "Quick trial of the benchmark: these figures mean nothing"


def benchmark_page(whole: Mapping[str, Found]) -> Markup:
    """The whole page.

    Args:
        whole: what ``benchmark.json`` holds: the figures of each challenge by its name.
    """
    style = importlib.resources.files("vitals.report").joinpath("page.css").read_text("utf-8")
    head = element(
        "head", Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"),
        element("title", _title(whole)), element("style", Markup(style)),
    )  # fmt: skip
    body = element(
        "body", element("p", NOTICE, class_="notice", role="note"),
        element("main", element("h1", _title(whole)), *(_challenge(found) for found in whole.values())),
    )  # fmt: skip
    return join([Markup("<!doctype html>\n"), element("html", head, body, lang="en"), "\n"])


def _title(whole: Mapping[str, Found]) -> str:
    return _TRIAL if any(found["quick"] for found in whole.values()) else _TITLE


def _challenge(found: Found) -> Markup:
    warned = element("ul", *(element("li", words) for words in found["warnings"]), class_="warnings")
    said = [element("p", words, class_=None if i else "first") for i, words in enumerate(found["headline"])]
    return element(
        "section", element("h2", found["title"]), element("p", data_words(found), class_="about"),
        element("div", *said, class_="verdict") if said else None, warned if found["warnings"] else None,
        *(_table(found, one) for one in found["tables"]), _published(found),
        element("h3", "How it was judged"), *(element("p", words, class_="note") for words in method(found)),
        element("footer", element("p", _made(found), class_="note")),
    )  # fmt: skip


def _table(found: Found, one: Found) -> Markup:
    tables = [
        table(
            ["", *(column.title for column in group)],
            [[_name(line["name"]), *(_stacked(column.cell(line)) for column in group)] for line in one["lines"]], words,
        )
        for words, group in groups(found).items()
    ]  # fmt: skip
    return element(
        "section", element("h3", one["title"]), element("p", table_note(found, one), class_="note"),
        *(element("figure", drawing) for drawing in _drawings(found, one)), *tables,
    )  # fmt: skip


def _name(words: str) -> Markup:
    return element("span", words, style="display: inline-block; min-width: 11rem")


def _stacked(cell: Cell) -> Markup:
    interval = element("small", cell.interval) if cell.interval else None
    return element("span", cell.value, interval, class_="stacked")


def _drawings(found: Found, one: Found) -> list[Markup]:
    """Dots for the tables with lines to compare: utility and recall, or the AUROC of one risk a stay."""
    if len(one["lines"]) < 2:
        return []
    names = [line["name"] for line in one["lines"]]
    if found["rows"] == "last":
        ranks = Series("AUROC", _dots(one, "auroc"), BLUE)
        return [
            dot_chart(f"{one['title']}: AUROC", "Dots with 95% intervals.", _axis("AUROC", [ranks]), names, [ranks])
        ]
    gained = Series("utility", _dots(one, "utility"), BLUE)
    caught = [
        Series(f"at the burden of NEWS2 ≥ {points}", _dots(one, "alarms", f"at_news2_{points}", "recall"), colour)
        for points, colour in ((5, VERMILLION), (7, ORANGE))
    ]
    return [
        dot_chart(f"{one['title']}: utility", "Dots with 95% intervals.", _axis("utility", [gained]), names, [gained]),
        dot_chart(f"{one['title']}: recall", "Event recall with no more alarms than NEWS2 raises, with 95% intervals.",
                  share_axis("event recall"), names, caught),
    ]  # fmt: skip


def _dots(one: Found, *path: str) -> list[Dot]:
    return [Dot(*(dig(line, *path) or (None,))) for line in one["lines"]]


def _axis(title: str, series: Sequence[Series]) -> Axis:
    """A scale in steps of a tenth around all values; a figure far below nothing is drawn at the edge."""
    values = [value for one in series for dot in one.dots for value in dot if known(value)]
    low = max(math.floor(10 * min(values, default=0.0)) / 10, -0.5)
    high = max(math.ceil(10 * max(values, default=1.0)) / 10, low + 0.1)
    ticks = tuple(round(low + i / 10, 1) for i in range(round(10 * (high - low)) + 1))
    return Axis(title, low, high, ticks)


def _published(found: Found) -> Markup | None:
    if not found["published"]:
        return None
    rows = [_published_row(one) for one in found["published"]]
    note = "Other patients, splits or tasks: read the protocol before comparing."
    return element(
        "section", element("h3", "What others published"), element("p", note, class_="note"), table(_PUBLISHED, rows)
    )


def _published_row(one: Found) -> list[str]:
    figures = [score(one.get(name)) for name in ("utility", "auroc", "auprc")]
    return [one["model"], one["protocol"], *figures, one["source"]]


def _made(found: Found) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    hours = number(found["seconds"] / 3600, 2) if known(found["seconds"]) else DASH
    return f"Data {found['data']['data_digest']}. All runs together took {hours} hours of one core. {versions}."


def benchmark_markdown(whole: Mapping[str, Found]) -> str:
    """The same as Markdown, without the drawings.

    Args:
        whole: what ``benchmark.json`` holds.
    """
    lines = [f"# {_title(whole)}", "", f"**{NOTICE}**", ""]
    for found in whole.values():
        lines += [f"## {found['title']}", "", data_words(found), ""]
        lines += [
            *(f"- {words}" for words in found["headline"]),
            *(f"- Warning: {words}" for words in found["warnings"]),
            "",
        ]
        for one in found["tables"]:
            head = ["", *(column.title for column in columns(found))]
            rows = [[line["name"], *(_joined(column.cell(line)) for column in columns(found))] for line in one["lines"]]
            lines += [f"### {one['title']}", "", table_note(found, one), "", *_rows(head, rows), ""]
        if found["published"]:
            lines += [
                "### What others published",
                "",
                *_rows(list(_PUBLISHED), map(_published_row, found["published"])),
                "",
            ]
        lines += ["### How it was judged", "", *(f"{words}\n" for words in method(found)), _made(found), ""]
    return "\n".join(lines).rstrip() + "\n"


def _joined(cell: Cell) -> str:
    return f"{cell.value} ({cell.interval})" if cell.interval else cell.value


def _rows(head: Sequence[str], rows: Any) -> list[str]:
    whole = [list(head), ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in whole]
