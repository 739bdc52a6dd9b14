"""Silent mode: everything is scored, decided and written down, and nothing reaches a nurse."""

from __future__ import annotations

from collections.abc import Sequence

from vitals.feeds.lines import Alert, Output

SILENT = "silent"
"""What holds back an alert that would have been sent on."""


def silence(lines: Sequence[Output]) -> None:
    """Mark every alert that would have been sent on as held back; the policy goes on as if it had been.

    So a silent ward writes the alerts of a loud one, with the same ids, and counting those held back by ``silent`` tells
    how often it would have called.

    Args:
        lines: of output, changed in place.

    Example:
        >>> alert = Alert("1f", "p1", "1970-01-01T01:00:00Z", 0.4, None, "red")
        >>> silence([alert])
        >>> alert.suppressed_by
        'silent'
    """
    for line in lines:
        if isinstance(line, Alert) and line.suppressed_by is None:
            line.suppressed_by = SILENT
