"""Check: everything odd about a cohort, told before anything is trained on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vitals.cohort.check import check_cohort
from vitals.cohort.reading import read_manifest


def check(path: Path) -> dict[str, Any]:
    """Look a cohort over: units, gaps, duplicates, impossible values, labels that leak. Nothing is repaired.

    Args:
        path: a cohort folder.

    Returns:
        Counts of ``errors``, ``warnings`` and ``notes``, where known of how stays ``ended`` (as they were imported), and
        the ``findings``, errors first: level, where, what came, what was wanted, the cure, and how often.

    Raises:
        DataError: the folder cannot be opened at all.

    Example:
        >>> check(Path("no/such/folder"))
        Traceback (most recent call last):
        vitals.errors.DataError: no/such/folder: came no such folder; wanted a cohort folder; make one with: ...
    """
    findings = check_cohort(path)
    levels = Counter(finding.level for finding in findings)
    counts = {"errors": levels["error"], "warnings": levels["warning"], "notes": levels["note"]}
    ended = {name: value for name, value in read_manifest(path).items() if name == "ended"}
    return {"cohort": str(path), **counts, **ended, "findings": [asdict(finding) for finding in findings]}
