"""Arrays to output lines: rows and risks, decisions, and what windowing left out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
import numpy as np

from vitals.alerting.decide import Decisions, Notice, Outcome
from vitals.feeds.lines import Alert, Output, Risk, Technical
from vitals.feeds.times import time_text
from vitals.spec.policy import AlertPolicy
from vitals.spec.reader import plain
from vitals.ward.tally import Tally
from vitals.windowing.types import REPAIRED, Drop, Dropped, Float32, Reason, Rows

NO_NUMBER = "model_gave_no_number"

_WHY = {int(reason): reason.name.lower() for reason in Reason}
_TIER = {int(outcome): outcome.tier for outcome in Outcome}
_HELD_BACK = {int(outcome): outcome.suppressed_by for outcome in Outcome}
_NOTICE = {int(Notice.STALE): "no_valid_score", int(Notice.FRESH): "valid_score_again"}
_DROP = {int(reason): reason.name.lower() for reason in Drop}


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


def scored(stays: Sequence[str], rows: Rows, risk: Float32, decisions: Decisions | None, key: str) -> list[Output]:
    """Risks in order of time, each followed by the alert it raised and by news of scores that went missing or came back.

    Args:
        stays: who lies in each bed.
        rows: the rows that were scored.
        risk: their risks, ``(R,)``, NaN where there is none.
        decisions: what alerting made of them.
        key: digests of model and policy, for the alerts' ids.
    """
    order = np.argsort(rows.time, kind="stable").tolist()
    beds, times, reasons = rows.bed.tolist(), rows.time.tolist(), rows.reason.tolist()
    risks = risk.astype(np.float64).tolist()
    due, noticed = _due(decisions)
    lines: list[Output] = []
    for r in order:
        stay, text, p = stays[beds[r]], time_text(times[r]), risks[r]
        if p - p == 0:  # False for NaN and for infinities
            lines.append(Risk(stay, text, p))
        else:
            lines.append(Risk(stay, text, None, _WHY[reasons[r]] if reasons[r] else NO_NUMBER))
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


def count_dropped(tally: Tally, stays: Sequence[str], dropped: Dropped) -> None:
    """Count what windowing left out or repaired, by arrival, and by time where a step's close found it."""
    late = dropped.reason != Drop.DUPLICATE
    told = dropped.repaired
    bed, time = np.append(dropped.bed, told.bed), np.append(dropped.time, told.time)
    place = np.append(np.where(late, dropped.event, dropped.time), told.event)
    reasons = [_DROP[reason] for reason in dropped.reason.tolist()] + [REPAIRED] * len(told)
    for i in np.lexsort((place, bed)).tolist():
        tally.note(reasons[i], stays[bed[i]], int(time[i]))
