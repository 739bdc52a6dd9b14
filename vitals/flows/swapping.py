"""Swap the model of a running ward: what was asked for is tried, and what does not fit is refused and said."""

from __future__ import annotations

from collections.abc import Callable

from vitals.errors import VitalsError
from vitals.feeds.lines import Technical
from vitals.scoring.model import Model
from vitals.spec.duration import HOUR, Duration
from vitals.spec.policy import AlertPolicy
from vitals.spec.settings import Settings
from vitals.ward.outputs import policy_digest, refuse_other_model
from vitals.ward.swap import begin_swap, end_swap, ward_clock, with_policy
from vitals.ward.ward import Ward

UNBOUNDED = Duration(24 * HOUR)
"""A network that remembers the whole stay is stepped beside the old one for so long."""

_ROWS_OF_TREES = 24  # that the summaries of a boosting reach back

Look = Callable[[], tuple[Model, AlertPolicy | None]]


class Swap:
    """The model and policy of a ward, and the model that is to come.

    Args:
        model: scores now.
        policy: decides now.
        look: opens what the paths that the ward was started with now lead to.
        after: how long a new model is stepped beside the old one; None takes :func:`seen_by` it.
        provisional: whether every sample is answered at once.

    Attributes:
        model: scores now.
        policy: decides now.
    """

    def __init__(
        self, model: Model, policy: AlertPolicy | None, look: Look, after: Duration | None = None,
        provisional: bool = False,
    ) -> None:  # fmt: skip
        self.model, self.policy = model, policy
        self._look, self._after, self._provisional = look, after, provisional
        self._next: tuple[Model, AlertPolicy | None] | None = None
        self._begun: int | None = None

    def ask(self, ward: Ward) -> tuple[Ward, Technical]:
        """Look again, and begin to swap what has changed.

        Args:
            ward: the ward; it must not be used any more.

        Returns:
            The ward that goes on, and what is to be said.
        """
        try:
            model, policy = self._look()
            refuse_other_model(model, policy)
            if model.digest == self.model.digest:
                return self._decide_by(ward, policy)
            if self._next is not None:
                ward = self._undone(ward)
            ward = begin_swap(ward, self.model, self.policy, model, self._provisional)
        except (VitalsError, OSError) as error:
            return ward, Technical(None, None, "swap_refused", model=self.model.digest, notice=str(error))
        self._next, self._begun = (model, policy), ward_clock(ward)
        notice = "it takes over at once" if self._begun is None else f"it takes over after {self._wait(model).text}"
        return ward, Technical(
            None, None, "swap_began", model=model.digest, policy=policy_digest(policy), notice=notice
        )  # fmt: skip

    def go_on(self, ward: Ward) -> tuple[Ward, Technical | None]:
        """Let the new model take over when it has seen what it needs; to be called between two blocks."""
        if self._next is None:
            return ward, None
        model, policy = self._next
        now = ward_clock(ward)
        if now is not None and self._begun is not None and now - self._begun < int(self._wait(model)):
            return ward, None
        ward = end_swap(ward, self.model, model, policy, provisional=self._provisional)
        self.model, self.policy, self._next = model, policy, None
        return ward, Technical(None, None, "model_swapped", model=model.digest, policy=policy_digest(policy))

    def _wait(self, model: Model) -> Duration:
        return seen_by(model.settings) if self._after is None else self._after

    def _decide_by(self, ward: Ward, policy: AlertPolicy | None) -> tuple[Ward, Technical]:
        same = policy_digest(policy) == policy_digest(self.policy)
        reason = "unchanged" if same else "policy_swapped"
        if self._next is not None:  # back to the old one
            ward, reason = self._undone(ward), "swap_abandoned"
        ward = with_policy(ward, self.model, policy, self._provisional)
        return ward, self._policy_news(reason, policy)

    def _undone(self, ward: Ward) -> Ward:
        assert self._next is not None
        new, self._next = self._next[0], None
        return end_swap(ward, self.model, new, self.policy, keep_new=False, provisional=self._provisional)

    def _policy_news(self, reason: str, policy: AlertPolicy | None) -> Technical:
        self.policy = policy
        return Technical(None, None, reason, model=self.model.digest, policy=policy_digest(policy))


def seen_by(settings: Settings) -> Duration:
    """How far back a risk of such a model looks: exact where that is bounded, :data:`UNBOUNDED` for the whole stay.

    Example:
        >>> tables = {"name": "x", "signals": {"spo2": {}}, "window": {"step": "1h", "lookback": "8h"},
        ...           "label": {"kind": "sepsis", "horizon": "6h"}}
        >>> seen_by(Settings.from_tables(tables)).text
        '8h'
    """
    window, network = settings.window, settings.network
    reaches = []
    for kind in (network.kind, *network.beside):
        if kind in {"tcn", "transformer"}:
            reaches.append(int(network.reach))
        elif kind == "boosting":
            reaches.append(_ROWS_OF_TREES * int(window.step))
        else:
            reaches.append(int(window.lookback_steps * window.step or UNBOUNDED))
    return Duration(max(reaches))
