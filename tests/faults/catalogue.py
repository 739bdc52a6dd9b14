"""Rows of the fault catalogue that a ward must live up to, by their short titles."""

from __future__ import annotations

TITLES = {
    "F1": "a channel falls silent",
    "F2": "a bed falls silent",
    "F3": "the whole feed falls silent",
    "F4": "a sample is late, within the grace",
    "F5": "a sample is later than the grace",
    "F6": "a sample comes twice",
    "F7": "samples overtake each other",
    "F8": "a sender's clock is off, drifts, or names no zone",
    "F9": "a time in the future",
    "F10": "the ward's own clock steps back",
    "F12": "numbers that stand for nothing",
    "F15": "artefacts of a sensor",
    "F23": "the process is killed",
    "F24": "a node of the broker is killed",
    "F25": "the broker has lost its quorum",
    "F26": "the broker stands still, or its line is half open",
    "F27": "a worker is cut off, and comes back",
    "F28": "the disk is full",
    "F29": "a write fails, or is torn",
    "F30": "a bit turns",
    "F31": "the power is cut",
    "F32": "another model, while lines flow",
    "F33": "ten times more than the ward can take",
    "F34": "state of another version",
    "F37": "a thousand beds for seven days",
    "F38": "another window, model or number of partitions",
}

DESCRIBED = {
    "F31": (
        "nothing that was answered is lost",
        "described, not run: every line is synced before it is answered, and a file of outputs is synced before the log "
        "behind it is dropped",
    )
}
"""Rows that cannot be run here: what must come of them, and why it should."""
