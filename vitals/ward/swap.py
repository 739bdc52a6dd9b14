"""Another model or policy for a ward that is running: first beside the one that scores, then in its place.

A network's state cannot be carried over to another network, and rows that are gone cannot be scored again. So the new model
is stepped beside the old one, on the same rows, until it has seen what it needs; until then every risk is the old one's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vitals.errors import ModelError
from vitals.scoring.model import Model
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Settings
from vitals.ward.outputs import refuse_other_model
from vitals.ward.ward import Ward
from vitals.windowing.types import NEVER, Float32

_SAME = ("signals", "demographics", "window", "label")


@dataclass(frozen=True)
class Beside(Model):
    """The model that scores, with another that learns what the ward is like.

    Attributes:
        other: its state stands behind that of the first, in the same row.
    """

    other: Model | None = None

    def step(self, value: Float32, age: Float32, hidden: Float32) -> tuple[Float32, Float32]:
        """Step both; the risk is the first one's."""
        assert self.other is not None
        at = self.hidden_size - self.other.hidden_size
        first = np.ascontiguousarray(hidden[:, :at])
        risk, first = super().step(value, age, first)
        _, second = self.other.step(value, age, np.ascontiguousarray(hidden[:, at:]))
        return risk, np.concatenate([first, second], 1)


def refuse_unlike(old: Settings, new: Settings, where: str = "new model") -> None:
    """Refuse a model that reads the ward in another way, or predicts something else.

    Raises:
        ModelError: names the first setting that differs.

    Example:
        >>> tables = {"name": "x", "signals": {"spo2": {}}, "window": {"step": "1h"},
        ...           "label": {"kind": "sepsis", "horizon": "6h"}}
        >>> one = Settings.from_tables(tables)
        >>> refuse_unlike(one, Settings.from_tables(tables | {"window": {"step": "10min"}}))
        Traceback (most recent call last):
        vitals.errors.ModelError: new model [window] step: came 10min; wanted 1h, as the ward has it; start a ward of its...
    """
    ours, theirs = old.to_tables(), new.to_tables()
    cure = "start a ward of its own for it"
    if old.channels != new.channels:
        came, wanted = (", ".join(settings.channels) for settings in (new, old))
        raise ModelError(f"{where} signals", came, f"{wanted}, as the ward has them", cure)
    for table in _SAME:
        if ours.get(table) != theirs.get(table):
            name, came, wanted = _difference(ours[table], theirs[table])
            raise ModelError(f"{where} [{table}] {name}", came, f"{wanted}, as the ward has it", cure)


def begin_swap(ward: Ward, old: Model, policy: AlertPolicy | None, new: Model, provisional: bool = False) -> Ward:
    """A ward that says what this one says, with a new model beside the old one; this one must not be used any more.

    Args:
        ward: the ward that is running.
        old: its model.
        policy: its policy.
        new: begins with nothing known of any bed.
        provisional: whether every sample is answered at once.

    Raises:
        ModelError: a model that reads the ward in another way.
    """
    refuse_unlike(old.settings, new.settings)
    both = Beside(old.settings, old.digest, old.hidden_size + new.hidden_size, old.about, old.session, other=new)
    kept = ward.kept()
    hidden = kept["hidden"]["hidden"]
    hidden = np.concatenate([hidden, new.initial_hidden(len(hidden))], 1)
    return going_on(both, policy, kept | {"hidden": {"hidden": hidden}}, provisional)


def end_swap(
    ward: Ward, old: Model, new: Model, policy: AlertPolicy | None, keep_new: bool = True, provisional: bool = False
) -> Ward:
    """A ward with one of the two models alone, between two blocks: no risk is lost and none comes twice.

    Alerts go on: silences, acknowledgements and what was high stay as they are, and are judged by the policy given.

    Args:
        ward: from :func:`begin_swap`.
        old: the model that scored.
        new: the model beside it.
        policy: of the model that is to score from now on.
        keep_new: whether the new one takes over; else everything goes on as before the swap.
        provisional: whether every sample is answered at once.

    Raises:
        ModelError: a policy that was tuned on another model.
    """
    kept = ward.kept()
    hidden = kept["hidden"]["hidden"]
    if not keep_new:
        return going_on(old, policy, kept_of_first(ward, old), provisional)
    part = np.ascontiguousarray(hidden[:, old.hidden_size :])
    return going_on(new, policy, kept | {"hidden": {"hidden": part}}, provisional)


def kept_of_first(ward: Ward, model: Model) -> dict[str, Any]:
    """What a ward keeps, without what another model beside this one has learned so far."""
    kept = ward.kept()
    return kept | {"hidden": {"hidden": np.ascontiguousarray(kept["hidden"]["hidden"][:, : model.hidden_size])}}


def with_policy(ward: Ward, model: Model, policy: AlertPolicy | None, provisional: bool = False) -> Ward:
    """The same ward under another policy.

    Raises:
        ModelError: a policy that was tuned on another model.
    """
    return going_on(model, policy, ward.kept(), provisional)


def ward_clock(ward: Ward) -> int | None:
    """How far most beds have come, microseconds UTC: the median end of their last closed steps; None in an empty ward.

    One bed with a wrong clock, or one that has fallen silent, does not move it.
    """
    slabs = ward.kept()["slabs"]
    there = slabs["admitted"] != NEVER
    return int(np.median(np.maximum(slabs["closed"], slabs["admitted"])[there])) if there.any() else None


def present(ward: Ward) -> int:
    """Stays that are in the ward."""
    return int((ward.kept()["slabs"]["admitted"] != NEVER).sum())


def going_on(model: Model, policy: AlertPolicy | None, kept: dict[str, Any], provisional: bool = False) -> Ward:
    """A ward that goes on from what another one kept, and does not say that it began.

    Args:
        model: scores from now on.
        policy: decides from now on.
        kept: of the other ward, which must not be used any more.
        provisional: whether every sample is answered at once.

    Raises:
        ModelError: a policy that was tuned on another model.
        StateError: what was kept is of another form than this ward's.
    """
    refuse_other_model(model, policy)
    ward = Ward.restored(model, policy, kept, provisional)
    ward.take([])  # says "started", which it is not
    return ward


def _difference(ours: Any, theirs: Any) -> tuple[str, str, str]:
    """The first entry that differs: its name, theirs, ours."""
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return "", str(theirs), str(ours)
    name = next(name for name in [*ours, *theirs] if ours.get(name) != theirs.get(name))
    return str(name), str(theirs.get(name)), str(ours.get(name))
