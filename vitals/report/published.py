"""Results that others published on the same data."""

from __future__ import annotations

import importlib.resources
import tomllib
from typing import Any


def published(challenge: str) -> list[dict[str, Any]]:
    """What was published on a challenge: model, protocol, source, and the figures that were given.

    Example:
        >>> published("challenge2012")[0]["model"], published("none")
        ('GRU-D', [])
    """
    text = importlib.resources.files("vitals.report").joinpath("published.toml").read_text("utf-8")
    found: list[dict[str, Any]] = tomllib.loads(text).get(challenge, [])
    return found
