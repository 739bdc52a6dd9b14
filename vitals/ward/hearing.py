"""What somebody said of a patient holds from its time on, for scores that are still to come, and is confirmed."""

from __future__ import annotations

from vitals.alerting.decide import AlertState
from vitals.feeds.lines import Technical
from vitals.feeds.times import LATEST, time_text
from vitals.spec.policy import AlertPolicy
from vitals.ward.tally import Tally

Word = tuple[str, int, int, int]
"""Kind, bed, time, and until when."""


def hear_word(policy: AlertPolicy, alerts: AlertState, tally: Tally, stay: str, word: Word, ahead: bool) -> None:
    """Take in an acknowledgement, or that an event began or ended.

    Args:
        policy: bounds what is said.
        alerts: remembers it.
        tally: tells the confirmation, or why it cannot be.
        stay: of whom.
        word: what was said.
        ahead: whether its time is too far ahead of all that is known of the stay: it would wait for scores of that time.
    """
    kind, bed, time, until = word
    told, ends, fault = "acknowledged", None, None
    if ahead:
        fault = "ahead"
    elif kind == "acknowledge":
        ends = alerts.acknowledge(policy, bed, time, until)
    elif kind == "event":
        told, fault = "event_began", alerts.event_begins(bed, time)
    else:
        told, fault = "event_ended", alerts.event_ends(policy, bed, time)
        ends = min(time + int(policy.reset), LATEST)
    if fault is None:
        text = None if ends is None else time_text(ends)
        tally.tell(Technical(stay, time_text(time), told, until=text))
    else:
        tally.note(fault, stay, time)
