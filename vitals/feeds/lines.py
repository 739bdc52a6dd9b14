"""The lines of a feed: what comes in (samples, admissions, discharges, the clock) and what goes out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeGuard

import msgspec

DIGITS = 12
"""Of the digest of a model, as a risk names it; the line ``started`` or ``model_swapped`` has all of them."""


class Line(msgspec.Struct, gc=False):
    """One line of input, typed but not yet judged: a field that is missing is None.

    Attributes:
        kind: ``sample``, ``admit``, ``discharge``, ``clock`` (time has passed for the whole ward), ``acknowledge`` (somebody
            has seen to the patient), ``event`` (what is predicted has set in) or ``event_end`` (it is over).
        stay: the monitored stay.
        time: ISO 8601 text with a time zone, or microseconds since 1970.
        signal: a name of the catalogue.
        value: in the catalogue's unit.
        unit: UCUM, where the source names it.
        arrival: when the source received it.
        subject: the person (admit).
        site: the hospital or unit (admit).
        demographics: what is known at admission, by name (admit).
        until: when an acknowledgement ends; without it as late as the policy allows.
        source: who sent it: whose clock ``time`` was read from, and who numbers lines where they carry a ``seq``.
        every: seconds until the next such line at most (clock): with it the clock is a running one, which tells now.
    """

    kind: str = "sample"
    stay: str | None = None
    time: str | int | None = None
    signal: str | None = None
    value: float | None = None
    unit: str | None = None
    arrival: str | int | None = None
    subject: str | None = None
    site: str | None = None
    demographics: dict[str, Any] | None = None
    until: str | int | None = None
    source: str | None = None
    every: float | None = None


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value from JSON is a finite number that a float can hold.

    Example:
        >>> [is_number(value) for value in (83, 36.6, True, "83", float("nan"), 10**400)]
        [True, True, False, False, False, False]
    """
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


class Malformed(Line):
    """A line of input that could not be read.

    Attributes:
        reason: why.
        number: which line of the feed it was, from 1.
    """

    kind: str = "malformed"
    reason: str = ""
    number: int = 0


class Risk(msgspec.Struct, tag_field="kind", tag="risk", omit_defaults=True, gc=False):
    """The risk at a prediction time.

    Attributes:
        stay: the monitored stay.
        time: prediction time.
        risk: a probability; None where none can be given.
        reason: why none can be given.
        id: the same for the same model, stay and time, so that a repeat is recognised.
        provisional: whether the step still runs: ``time`` is that of the sample then, and there is no ``id``.
        corrected: whether it is what the risk would have been had a sample come in time that came too late.
        model: the first :data:`DIGITS` of the digest of the model that gave it.
    """

    stay: str
    time: str
    risk: float | None
    reason: str | None = None
    id: str | None = None
    provisional: bool = False
    corrected: bool = False
    model: str | None = None


class Alert(msgspec.Struct, tag_field="kind", tag="alert", gc=False):
    """An alert, or one that was held back.

    Attributes:
        id: the same for the same model, policy, stay, time and tier, so that a repeat is recognised.
        stay: the monitored stay.
        time: prediction time.
        risk: what raised it.
        suppressed_by: None for an alert that is to reach a nurse, else ``silence``, ``episode``, ``acknowledged``, ``cap``
            or ``event``.
        tier: ``amber`` or ``red``.
    """

    id: str
    stay: str
    time: str
    risk: float
    suppressed_by: str | None
    tier: str = "amber"


class Technical(msgspec.Struct, tag_field="kind", tag="technical", omit_defaults=True, gc=False):
    """News about the feed itself.

    Attributes:
        stay: the stay concerned; None for the whole ward.
        time: event time; None where no line has told the time yet.
        reason: what happened.
        count: how often since the last such line.
        line: the first line of the feed that it happened to, where lines were unreadable.
        counts: everything left out so far, by reason (``summary``).
        model: digest of the model (``started``).
        policy: digest of the alert policy (``started``; None without alerts).
        notice: what this output may be used for (``started``).
        until: when an acknowledgement ends (``acknowledged``), from when on alerts may come again (``event_ended``).
        named: the first few stays that lines named and nobody knows (``unknown_stay`` and others), signals or kinds that
            are not known (``unknown_signal``, ``unknown_kind``); the first few gaps (``gap_in_seq``); a source whose numbers
            began anew (``seq_restarted``).
        signal: the signal concerned, where it is one (``stale_channel``, ``late`` and others).
        source: whose clock is wrong, or is right again (``skew`` and others).
        seconds: by how much its times have to be put later (``skew``); negative where they are ahead.
        id: the same for the same news, so that a repeat is recognised. Until a line leaves the ward it holds what tells
            the line from others that would say the same, if there are any.
    """

    stay: str | None
    time: str | None
    reason: str
    count: int | None = None
    line: int | None = None
    counts: dict[str, int] | None = None
    model: str | None = None
    policy: str | None = None
    notice: str | None = None
    until: str | None = None
    named: list[str] | None = None
    signal: str | None = None
    source: str | None = None
    seconds: float | None = None
    id: str | None = None


@dataclass(frozen=True)
class Answers:
    """Provisional risks, as lines that are written already: one object a sample would cost more than the risk.

    Attributes:
        text: the lines, each with its end.
        many: how many they are.
    """

    text: bytes
    many: int

    def risks(self) -> list[Risk]:
        r"""The same as typed lines.

        Example:
            >>> text = b'{"kind":"risk","stay":"p1","time":"2026-01-01T03:00:00Z","risk":0.25,"provisional":true}\n'
            >>> [line.risk for line in Answers(text, 1).risks()]
            [0.25]
        """
        return _RISKS.decode_lines(self.text)


_RISKS = msgspec.json.Decoder(Risk)

Output = Risk | Alert | Technical | Answers
