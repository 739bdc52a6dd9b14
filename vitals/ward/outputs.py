"""Arrays to output lines: rows and risks, decisions, and what windowing left out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
import numpy as np

from vitals.alerting.decide import Decisions, Notice, Outcome
from vitals.errors import ModelError
from vitals.feeds.lines import DIGITS, Alert, Output, Risk, Technical
from vitals.feeds.times import time_text
from vitals.scoring.model import Model
from vitals.spec.policy import AlertPolicy
from vitals.spec.reader import plain
from vitals.ward.counting import WHY
from vitals.windowing.types import Float32, Rows

_ENCODER = msgspec.json.Encoder()

_TIER = {int(outcome): outcome.tier for outcome in Outcome}
_HELD_BACK = {int(outcome): outcome.suppressed_by for outcome in Outcome}
_NOTICE = {int(Notice.STALE): "no_valid_score", int(Notice.FRESH): "valid_score_again"}


def policy_digest(policy: AlertPolicy | None) -> str | None:
    """SHA-256 of what a policy says, hexadecimal; None without one.

    Example:
        >>> len(policy_digest(AlertPolicy(threshold=0.5)))
        64
    """
    if policy is None:
        return None
    return hashlib.sha256(msgspec.json.encode(plain(policy), order="sorted")).hexdigest()


def alert_id(key: str, stay: str, time: int, tier: str) -> str:
    """The same 16 hexadecimal digits for the same model and policy (``key``), stay, prediction time and tier."""
    text = "\0".join((key, stay, str(time), tier))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def risk_id(model: str, stay: str, time: int) -> str:
    """The same 16 hexadecimal digits for the same model (its digest), stay and prediction time.

    Example:
        >>> risk_id("m", "p1", 0) == risk_id("m", "p1", 0) != risk_id("m", "p1", 1)
        True
    """
    return hashlib.blake2b(f"{model}\0{stay}\0{time}".encode(), digest_size=8).hexdigest()


def with_ids(key: str, lines: list[Output]) -> list[Output]:
    """Give each technical line its id: the same for the same model and policy (``key``) and the same news.

    Example:
        >>> [line.id for line in with_ids("k", [Technical("p1", None, "late"), Technical("p1", None, "late")])]
        ['...', '...']
    """
    for line in lines:
        if isinstance(line, Technical):
            line.id = hashlib.blake2b(key.encode() + _ENCODER.encode(line), digest_size=8).hexdigest()
    return lines


def scored(stays: Sequence[str], rows: Rows, risk: Float32, decisions: Decisions | None, key: str) -> list[Output]:
    """Risks in order of time, each followed by the alert it raised and by news of scores that went missing or came back.

    Args:
        stays: who lies in each bed.
        rows: the rows that were scored.
        risk: their risks, ``(R,)``, NaN where there is none.
        decisions: what alerting made of them.
        key: digests of model and policy, for the ids.
    """
    model = key.partition("\0")[0]
    name = model[:DIGITS]
    order = np.argsort(rows.time, kind="stable").tolist()
    beds, times, reasons = rows.bed.tolist(), rows.time.tolist(), rows.reason.tolist()
    risks = risk.astype(np.float64).tolist()
    due, noticed = _due(decisions)
    lines: list[Output] = []
    for r in order:
        stay, text, p = stays[beds[r]], time_text(times[r]), risks[r]
        if p - p == 0:  # False for NaN and for infinities
            lines.append(Risk(stay, text, p, id=risk_id(model, stay, times[r]), model=name))
        else:
            why = WHY[reasons[r]]
            lines.append(Risk(stay, text, None, why, risk_id(model, stay, times[r]), model=name))
        if r in due:
            tier = _TIER[due[r]]
            lines.append(Alert(alert_id(key, stay, times[r], tier), stay, text, p, _HELD_BACK[due[r]], tier))
        if r in noticed:
            lines.append(Technical(stay, text, _NOTICE[noticed[r]]))
    return lines


def _due(decisions: Decisions | None) -> tuple[dict[int, int], dict[int, int]]:
    """Outcomes and notices by row."""
    if decisions is None:
        return {}, {}
    return (
        dict(zip(decisions.row.tolist(), decisions.outcome.tolist(), strict=True)),
        dict(zip(decisions.noticed.tolist(), decisions.notice.tolist(), strict=True)),
    )


def refuse_other_model(model: Model, policy: AlertPolicy | None) -> None:
    """Refuse a policy whose thresholds were tuned on another model; one written by hand names no model and may pass.

    Raises:
        ModelError: the policy names another model.
    """
    if policy is not None and policy.model_digest not in ("", model.digest):
        raise ModelError(
            "policy model_digest", f"{policy.model_digest[:12]}, another model", f"{model.digest[:12]}, this one",
            "tune a policy for this model: vitals tune MODEL --data COHORT --max-alerts 5/100pd",
        )  # fmt: skip
