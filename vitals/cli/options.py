"""Options that several commands share, so that each is spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; people's text stays on stderr.")]
Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A model folder, a model.onnx file, or a shipped model by name.")
]
Data = Annotated[Path, typer.Option("--data", metavar="DST", help="A cohort folder.")]
Cohort = Annotated[Path, typer.Argument(metavar="DST", help="A cohort folder.")]
Source = Annotated[Path, typer.Argument(metavar="SRC", help="What to read.")]
Sources = Annotated[list[Path], typer.Argument(metavar="SRC...", help="What to read; several are joined.")]
Destination = Annotated[Path, typer.Argument(metavar="DST", help="The cohort folder to write.")]
