"""Each use of the house as one straight page, and as one function: ``vitals.flows.train(settings, cohorts, out)``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitals.flows.benchmarking import benchmark as benchmark
    from vitals.flows.checking import check as check
    from vitals.flows.comparing import compare as compare
    from vitals.flows.demonstration import demo as demo
    from vitals.flows.evaluation import evaluate_model as evaluate
    from vitals.flows.importing import import_challenge2012 as import_challenge2012
    from vitals.flows.importing import import_challenge2019 as import_challenge2019
    from vitals.flows.importing import import_table as import_table
    from vitals.flows.replaying import replay as replay
    from vitals.flows.reporting import report_model as report
    from vitals.flows.scores import score as score
    from vitals.flows.searching import search as search
    from vitals.flows.simulation import simulate_cohort as simulate
    from vitals.flows.training import train as train
    from vitals.flows.tuning import tune_model as tune
    from vitals.flows.watching import watch as watch

_HOME = {
    "benchmark": ("benchmarking", "benchmark"),
    "import_challenge2012": ("importing", "import_challenge2012"),
    "import_challenge2019": ("importing", "import_challenge2019"),
    "import_table": ("importing", "import_table"),
    "check": ("checking", "check"),
    "compare": ("comparing", "compare"),
    "demo": ("demonstration", "demo"),
    "evaluate": ("evaluation", "evaluate_model"),
    "replay": ("replaying", "replay"),
    "report": ("reporting", "report_model"),
    "score": ("scores", "score"),
    "search": ("searching", "search"),
    "simulate": ("simulation", "simulate_cohort"),
    "train": ("training", "train"),
    "tune": ("tuning", "tune_model"),
    "watch": ("watching", "watch"),
}
__all__ = [
    "benchmark",
    "check",
    "compare",
    "demo",
    "evaluate",
    "import_challenge2012",
    "import_challenge2019",
    "import_table",
    "replay",
    "report",
    "score",
    "search",
    "simulate",
    "train",
    "tune",
    "watch",
]


def __getattr__(name: str) -> object:
    """Load a flow when it is first used: watching a ward must not import what training needs."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, function = _HOME[name]
    return getattr(importlib.import_module(f"{__name__}.{module}"), function)
