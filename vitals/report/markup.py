"""HTML and SVG as text in which nothing can slip through unescaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


class Markup(str):
    """Text that is markup already; every other text is escaped when it goes into an element."""

    __slots__ = ()


def element(name: str, *content: str | None, **attributes: str | float | None) -> Markup:
    """One element with its content.

    Args:
        name: the element, such as ``"p"``.
        content: texts (escaped), further elements (taken as they are), None for nothing.
        attributes: an underscore at the end is dropped (``class_``), others become hyphens (``stroke_width``); None
            leaves the attribute out.

    Example:
        >>> element("p", "5 < 7, ", element("b", "really"), class_="note")
        '<p class="note">5 &lt; 7, <b>really</b></p>'
    """
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{words}>{join(content)}</{name}>")


def join(content: Iterable[str | None], between: str = "") -> Markup:
    """Texts (escaped) and elements (taken as they are) one after the other.

    Example:
        >>> join(["a & b", element("i", "c")], between=" ")
        'a &amp; b <i>c</i>'
    """
    parts = (part for part in content if part is not None)
    return Markup(between.join(part if isinstance(part, Markup) else html.escape(part) for part in parts))


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], caption: str | None = None, kind: str | None = None
) -> Markup:
    """A table whose first column names the rows.

    Args:
        head: titles of the columns.
        rows: texts or elements, one for each column.
        caption: what the table shows.
        kind: ``"words"`` where the cells hold words rather than numbers.

    Example:
        >>> table(["site", "stays"], [["A", "12"]]).count("<td>")
        1
    """
    top = element("tr", *(element("th", title, scope="col") for title in head))
    body = (
        element("tr", element("th", name, scope="row"), *(element("td", cell) for cell in cells))
        for name, *cells in rows
    )
    whole = element("table", caption and element("caption", caption), element("thead", top), element("tbody", *body))
    return element("div", whole, class_=f"table {kind}" if kind else "table")


def section(title: str, *content: str | None) -> Markup:
    """A section under its heading, which contents can lead to.

    Example:
        >>> section("How early", element("p", "very"))
        '<section id="how-early"><h2>How early</h2><p>very</p></section>'
    """
    name = "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())
    return element("section", element("h2", title), *content, id=name)


def figure(drawing: Markup, caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """A drawing with its caption, and its numbers as a table that opens.

    Args:
        drawing: an ``<svg>`` with its own title and description.
        caption: what to see in it.
        head: titles of the table's columns.
        rows: of the table.
    """
    numbers = element("details", element("summary", "The numbers of this figure"), table(head, rows))
    return element("figure", drawing, element("figcaption", caption), numbers)


def _short(value: str | float) -> str:
    """Coordinates keep two decimals: finer than a screen shows, and half the size."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
