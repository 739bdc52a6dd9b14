"""Each use of the house as one straight page, and as one function: ``vitals.flows.train(settings, cohorts, out)``."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vitals.flows.check import check as check
    from vitals.flows.demo import demo as demo
    from vitals.flows.evaluate import evaluate_model as evaluate
    from vitals.flows.replay import replay as replay
    from vitals.flows.score import score as score
    from vitals.flows.simulate import simulate_cohort as simulate
    from vitals.flows.train import train as train
    from vitals.flows.tune import tune_model as tune
    from vitals.flows.watch import watch as watch

_FUNCTIONS = {
    "check": "check",
    "demo": "demo",
    "evaluate": "evaluate_model",
    "replay": "replay",
    "score": "score",
    "simulate": "simulate_cohort",
    "train": "train",
    "tune": "tune_model",
    "watch": "watch",
}
__all__ = ["check", "demo", "evaluate", "replay", "score", "simulate", "train", "tune", "watch"]


class _Flows(ModuleType):
    """This package, in which the name of a flow is its function, whether or not its module has been loaded before.

    Python binds a loaded module here under the same name; its function is bound instead. The module itself stays
    reachable: ``from vitals.flows.train import train``.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and name in _FUNCTIONS:
            value = getattr(value, _FUNCTIONS[name])
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name not in _FUNCTIONS:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        importlib.import_module(f"{self.__name__}.{name}")
        return self.__dict__[name]


sys.modules[__name__].__class__ = _Flows
