"""What staff say of a patient: checked as it is heard, and obeyed before the first score that it concerns."""

from __future__ import annotations

from bisect import insort
from typing import Any, NamedTuple

import numpy as np

from vitals.alerting.machine import Ward, empty_ward
from vitals.windowing.types import NEVER

ACKNOWLEDGE, EVENT, EVENT_END = "acknowledge", "event", "event_end"
OPEN = int(np.iinfo(np.int64).max)
"""The end of an event that is not over."""


class Word(NamedTuple):
    """One thing that was said of a patient.

    Attributes:
        time: no score before it is concerned, microseconds UTC.
        kind: ``acknowledge``, ``event`` or ``event_end``.
        until: when the acknowledgement, or the time without alerts after an event, ends.
    """

    time: int
    kind: str
    until: int


class Words:
    """What was said and still waits for a score at or after its time, and the latest event of each bed.

    However late scores come and in whatever order words do, a word acts on scores from its time on and on no others.

    Attributes:
        waiting: of each bed, in order of time.
        event: begin and end of the latest event of each bed; ``OPEN`` while it lasts.

    Example:
        >>> words = Words()
        >>> words.event_fault(0, EVENT_END, 5), words.event_fault(0, EVENT, 5)
        ('no_event_is_open', None)
        >>> words.add(0, Word(5, EVENT, OPEN))
        >>> words.event_fault(0, EVENT, 9), words.event_fault(0, EVENT_END, 4)
        ('event_is_open', 'ends_before_it_begins')
    """

    def __init__(self) -> None:
        self.waiting: dict[int, list[Word]] = {}
        self.event: dict[int, tuple[int, int]] = {}

    def event_fault(self, bed: int, kind: str, time: int) -> str | None:
        """Why an event cannot begin or end at this time; None where it can."""
        begin, end = self.event.get(bed, (NEVER, NEVER))
        if kind == EVENT:
            if end == OPEN:
                return "event_is_open"
            return "begins_before_the_last_ended" if time < end else None
        if end != OPEN:
            return "no_event_is_open"
        return "ends_before_it_begins" if time < begin else None

    def add(self, bed: int, word: Word) -> None:
        """Let a word wait, behind those of its time."""
        if word.kind == EVENT:
            self.event[bed] = (word.time, OPEN)
        elif word.kind == EVENT_END:
            self.event[bed] = (self.event[bed][0], word.time)
        insort(self.waiting.setdefault(bed, []), word, key=lambda one: one.time)

    def due(self, bed: int, time: int) -> Word | None:
        """The next word of a bed, which waits no longer, if there is one at or before this time."""
        words = self.waiting.get(bed)
        if not words or words[0].time > time:
            return None
        word = words.pop(0)
        if not words:
            del self.waiting[bed]
        return word

    def acknowledged_until(self, ward: Ward, bed: int, time: int) -> int:
        """When an acknowledgement that holds at a time will end, with all that waits until then."""
        alone = Ward(*(array[[bed]] for array in ward))  # copies
        for word in self.waiting.get(bed, []):
            if word.time <= time:
                obey(alone, 0, word)
        one = alone.bed[0]
        # said during an event or the time without alerts after it, it is forgotten with that
        within = one["snoozed_from"] < one["event_until"]
        return int(min(one["snoozed_until"], one["event_until"]) if within else one["snoozed_until"])

    def kept(self) -> dict[str, Any]:
        """All that is remembered, as plain values."""
        waiting = [[bed, *word] for bed, words in self.waiting.items() for word in words]
        return {"waiting": waiting, "event": [[bed, *span] for bed, span in self.event.items()]}

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from what was kept."""
        self.event = {bed: (begin, end) for bed, begin, end in kept["event"]}
        for bed, *word in kept["waiting"]:
            self.waiting.setdefault(bed, []).append(Word(*word))

    def forget(self, bed: int) -> None:
        """A new patient."""
        self.waiting.pop(bed, None)
        self.event.pop(bed, None)


def obey(ward: Ward, bed: int, word: Word) -> None:
    """Change what is remembered of a bed; its next score must not be before the word."""
    one = ward.bed[bed]
    over = one["event_from"] < word.time >= one["event_until"]  # and no score has come since
    if word.kind == ACKNOWLEDGE:
        if (over and one["snoozed_from"] < one["event_until"]) or word.time >= one["snoozed_until"]:
            one["snoozed_from"], one["snoozed_until"] = word.time, word.until
        else:
            one["snoozed_until"] = max(word.until, int(one["snoozed_until"]))
    elif word.kind == EVENT:
        if over:
            _forget(ward, bed)
        if not one["event_from"] <= word.time < one["event_until"]:
            one["event_from"] = word.time
        one["event_until"] = OPEN
    else:
        one["event_until"] = word.until


def _forget(ward: Ward, bed: int) -> None:
    """A bed without a past, but for what was acknowledged after the event that is over."""
    one, snooze = ward.bed[bed], ("snoozed_from", "snoozed_until")
    kept = [int(one[name]) for name in snooze] if one["snoozed_from"] >= one["event_until"] else [NEVER, NEVER]
    for old, new in zip(ward, empty_ward(1), strict=True):
        old[bed] = new[0]
    one["snoozed_from"], one["snoozed_until"] = kept
