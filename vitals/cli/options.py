"""Options that several commands share, so that each is spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitals.errors import SettingsError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; people's text stays on stderr.")]
Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A model folder, a model.onnx file, or a shipped model by name.")
]
Data = Annotated[Path, typer.Option("--data", metavar="DST", help="A cohort folder.")]
Cohort = Annotated[Path, typer.Argument(metavar="DST", help="A cohort folder.")]
Source = Annotated[Path, typer.Argument(metavar="SRC", help="What to read.")]
Sources = Annotated[list[Path], typer.Argument(metavar="SRC...", help="What to read; several are joined.")]
Destination = Annotated[Path, typer.Argument(metavar="DST", help="The cohort folder to write.")]
Prevalence = Annotated[
    str | None,
    typer.Option(
        "--prevalence", metavar="P|unknown",
        help="Where some stays were left out: the share with the event among all, such as 0.05, or the word unknown.",
    ),
]  # fmt: skip


def prevalence_of(text: str | None) -> float | str | None:
    """What ``--prevalence`` means.

    Raises:
        SettingsError: neither a share nor ``unknown``.

    Example:
        >>> prevalence_of("0.05"), prevalence_of("unknown"), prevalence_of(None)
        (0.05, 'unknown', None)
    """
    if text is None or text == "unknown":
        return text
    wanted = 'a share between 0 and 1, or the word "unknown"'
    try:
        share = float(text)
    except ValueError:
        share = float("nan")
    if not 0 < share < 1:
        raise SettingsError("--prevalence", repr(text), wanted, "write 0.05 for five stays in a hundred, for example")
    return share
