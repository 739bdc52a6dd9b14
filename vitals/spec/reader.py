"""One reader for every settings table: unknown keys refused with the nearest name, types checked, places named."""

from __future__ import annotations

import dataclasses
import json
import tomllib
import types
import typing
from pathlib import Path
from typing import Any

from vitals.errors import SettingsError, nearest
from vitals.spec.duration import Duration

T = typing.TypeVar("T")
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", dict: "a table"}


def load(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        SettingsError: no such file, or not TOML.
    """
    try:
        with Path(path).open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise SettingsError(str(path), "no such file", "a TOML settings file", "check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise SettingsError(str(path), str(error), "a TOML file", "mend the line named") from None


def read(kind: type[T], table: object, where: str) -> T:
    """Build the frozen dataclass ``kind`` from a TOML table.

    Args:
        kind: a dataclass whose fields are text, numbers, durations, tuples, tables or further dataclasses.
        table: what the TOML file holds there.
        where: the place to name in an error, such as ``"ward.toml [window]"``.

    Raises:
        SettingsError: an unknown or missing key, a wrong type, or a value that the dataclass itself refuses.
    """
    if not isinstance(table, dict):
        raise SettingsError(where, repr(table), "a table", "write it as [section]")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise SettingsError(f"{where} {key}", "an unknown key", "a known one", nearest(key, fields))
    hints = typing.get_type_hints(kind)
    values = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _convert(hints[name], table[name], f"{where} {name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise SettingsError(f"{where} {name}", "nothing", "a value", f"add {name} = …")
    return kind(**values)


def _convert(hint: Any, value: object, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Duration:
        return Duration.parse(value, where)
    if dataclasses.is_dataclass(hint):
        return read(typing.cast("type[Any]", hint), value, where)
    if origin is typing.Literal:
        if value not in args:
            cure = nearest(str(value), map(str, args))
            raise SettingsError(where, repr(value), "one of " + ", ".join(map(repr, args)), cure)
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise SettingsError(where, repr(value), "a list", "write it as [..., ...]")
        return tuple(_convert(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise SettingsError(where, repr(value), "a table", "write it as { key = value }")
        return {key: _convert(args[1], item, f"{where}.{key}") for key, item in value.items()}
    if origin in (types.UnionType, typing.Union):
        return _convert(next(arg for arg in args if arg is not type(None)), value, where)
    return _scalar(hint, value, where)


def _scalar(hint: type, value: object, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise SettingsError(where, repr(value), _WORDS[hint], "change the value")
    return value


def plain(value: object) -> Any:
    """The inverse of :func:`read`: tables, lists, texts and numbers only, so that it survives TOML and JSON."""
    if isinstance(value, Duration):
        return value.text
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: plain(item) for name, item in items if item is not None}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def to_toml(tables: dict[str, Any]) -> str:
    """Write plain tables as TOML text (scalars first, then one level of sections, nested tables inline)."""
    lines = [f"{key} = {_toml_value(value)}" for key, value in tables.items() if not isinstance(value, dict)]
    for key, value in tables.items():
        if isinstance(value, dict):
            lines += ["", f"[{key}]", *(f"{name} = {_toml_value(item)}" for name, item in value.items())]
    return "\n".join(lines) + "\n"


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for DEL, which JSON leaves as it is and TOML refuses.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml_value(item)}" for key, item in value.items()) + " }"
    return repr(value)
