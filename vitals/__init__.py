"""Early warning from bedside streams: past stays in, one ONNX file out, and the same file scores the live ward.

    import vitals

    model = vitals.open_model("sepsis-icu")
    vitals.flows.train(settings, [Path("cohorts/icu")], Path("models/mine"))

Both names are loaded when first used, so ``import vitals`` itself costs nothing. Research use; not a medical device.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from vitals.caching import find_place

if TYPE_CHECKING:
    from vitals import flows as flows
    from vitals.scoring.model import open_model as open_model

__version__ = "0.1.0"
__all__ = ["__version__", "flows", "open_model"]

find_place()


def __getattr__(name: str) -> object:
    if name == "open_model":
        return importlib.import_module("vitals.scoring.model").open_model
    if name == "flows":
        return importlib.import_module("vitals.flows")
    raise AttributeError(f"module 'vitals' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
