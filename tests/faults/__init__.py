"""What a test did to a ward and what came of it, written down where ``VITALS_FAULTS`` names a file; ``docs/faults.md`` is made of it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path


def record(row: str, fault: str, required: str, measured: str) -> None:
    """Write down one figure of the fault catalogue; called by a test after its assertions, so that it speaks of what held.

    Args:
        row: of the catalogue, such as ``F23``.
        fault: what was done, and how.
        required: what must come of it.
        measured: what did, in numbers of this run.
    """
    assert re.fullmatch(r"F\d{1,2}", row), f"{row}: wanted a row of the catalogue, such as F23"
    file = os.environ.get("VITALS_FAULTS")
    if file is None:
        return
    test = os.environ.get("PYTEST_CURRENT_TEST", "").split(" ")[0]
    line = {"row": row, "fault": fault, "required": required, "measured": measured, "test": test}
    with Path(file).open("a") as sink:  # one write a line: processes may share the file
        sink.write(json.dumps(line) + "\n")
