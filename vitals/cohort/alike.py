"""Read thousands of small text files of one layout as one table.

One parse for many files: what takes time is not the parsing but starting a parser for each file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from vitals.errors import DataError, nearest
from vitals.windowing.types import Int64


def read_alike(
    paths: Sequence[Path], delimiter: str, types: Mapping[str, pa.DataType], missing: str = ""
) -> tuple[pa.Table, Int64]:
    """The rows of all files one after the other, and where each file begins.

    Args:
        paths: files that all have one header, in one order.
        delimiter: what separates the values of a line.
        types: every column by name; a column more or less is refused.
        missing: the one text that means "not measured" ("" for none).

    Returns:
        The table ``(n, columns)``, and the first row of each file with the number of rows at the end, ``(F + 1,)``.

    Raises:
        DataError: an empty file, another header, a short or long line, a value of another type; with file and line.
    """
    header = _header(paths[0])
    check_columns(header.split(delimiter), list(types), paths[0])
    bodies = [_body(path, header) for path in paths]
    starts = np.concatenate([[0], np.cumsum([body.count(b"\n") for body in bodies])]).astype(np.int64)
    names = header.split(delimiter)
    convert = pc.ConvertOptions(
        column_types=dict(types), null_values=[missing] if missing else [], strings_can_be_null=False
    )
    parse = pc.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False)
    try:
        text = pa.BufferReader(b"".join(bodies))
        return pc.read_csv(text, pc.ReadOptions(column_names=names), parse, convert), starts
    except pa.ArrowInvalid as error:
        number = f"a number, or {missing} for none" if missing else "a number"
        kinds = {name: number if pa.types.is_floating(types[name]) else "" for name in names}
        other = DataError(str(paths[0].parent), str(error), "text files of the challenge", "download them again")
        raise _explain(paths, bodies, delimiter, kinds) or other from None


def check_columns(found: Sequence[str], wanted: Sequence[str], path: Path) -> None:
    """Refuse a file that lacks a column or has one more.

    Raises:
        DataError: the first such column, with the nearest name on the other side.
    """
    for name in wanted:
        if name not in found:
            raise DataError(str(path), f'no column "{name}"', "the columns of the challenge", nearest(name, found))
    for name in found:
        if name not in wanted:
            raise DataError(
                f"{path}, column {name}", "an unknown column", "the columns of the challenge", nearest(name, wanted)
            )


def _header(path: Path) -> str:
    with path.open("rb") as file:
        header = file.readline().decode("utf-8", "replace").strip()
    if not header:
        raise DataError(str(path), "an empty file", "a header and rows below it", "download it again")
    return header


def _body(path: Path, header: str) -> bytes:
    head, _, body = path.read_bytes().partition(b"\n")
    found = head.decode("utf-8", "replace").strip()
    if not found:
        raise DataError(str(path), "an empty file", "a header and rows below it", "download it again")
    if found != header:
        came = f'the header "{_short(found)}"'
        raise DataError(f"{path}, line 1", came, f'"{_short(header)}", as in the files before', "download it again")
    if not body.strip():
        raise DataError(str(path), "a header with no row below it", "at least one row", "leave the empty stay out")
    return body if body.endswith(b"\n") else body + b"\n"


def _explain(
    paths: Sequence[Path], bodies: Sequence[bytes], delimiter: str, kinds: Mapping[str, str]
) -> DataError | None:
    """Find the line that the parser stumbled over, and say what is wrong with it; ``kinds``: what a cell must be."""
    for path, body in zip(paths, bodies, strict=True):
        for number, line in enumerate(body.decode("utf-8", "replace").splitlines(), start=2):
            cells, where = line.split(delimiter), f"{path}, line {number}"
            if len(cells) != len(kinds):
                wanted = f"{len(kinds)} values, as in the header"
                return DataError(where, f"{len(cells)} values", wanted, "mend the line or leave the file out")
            for cell, (name, kind) in zip(cells, kinds.items(), strict=True):
                if kind and not _is_number(cell):
                    return DataError(f"{where}, column {name}", f'"{cell}"', kind, "mend the value")
    return None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
