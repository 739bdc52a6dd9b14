"""When a risk reaches a nurse: the alert policy at work, judged as a hospital judges it, and tuned."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitals.alerting.judge import judge as evaluate
    from vitals.alerting.judgement import Judgement as Judgement
    from vitals.alerting.meds import from_meds as from_meds
    from vitals.spec.policy import AlertPolicy as AlertPolicy

_HOME = {
    "AlertPolicy": ("vitals.spec.policy", "AlertPolicy"),
    "Judgement": ("vitals.alerting.judgement", "Judgement"),
    "evaluate": ("vitals.alerting.judge", "judge"),
    "from_meds": ("vitals.alerting.meds", "from_meds"),
}
__all__ = ["AlertPolicy", "Judgement", "evaluate", "from_meds"]


def __getattr__(name: str) -> object:
    """Load what is asked for when it is first used: deciding at a bedside needs no judge."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOME[name]
    return getattr(importlib.import_module(module), attribute)
