"""``make faults``: run the tests that cover a row of the fault catalogue, keep what they measured, and write docs/faults.md."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tests.faults.catalogue import DESCRIBED, TITLES

ROOT = Path(__file__).parents[2]
RECORDS, PAGE = ROOT / "docs/faults.jsonl", ROOT / "docs/faults.md"
LONG = "make soak"  # what a record names that no test made

Record = dict[str, str]

_HEAD = """\
# Faults

What was done to a live ward, and what came of it. Rows are those of the fault catalogue; every figure was written down by the
test named beside it, in the run that made this page (`make faults`), or by `make soak`. Figures of a test that runs for many
cases stand one below the other.

*Exact* means: the outputs of all runs, made unique by their `id`, are those of one run without a fault.

| row | fault | required | measured | by |
|---|---|---|---|---|
"""

_TAIL = """
## The simulator

Most of these faults are also let loose together, in virtual time and from one seed (`tests/faults/`): a ward of simulated
patients sends its lines through a network that loses, doubles, delays, reorders and garbles them, from monitors whose clocks
step and drift, to a ward whose disk fails and whose process dies at any write; it is started again on the same input from an
earlier line. While it runs, a law looks at every line of output:

| law | against |
|---|---|
| a ward that dies says what one says that never dies, each `id` once, however the input was cut | a second ward, fed in other pieces |
| risks and alerts are those of what was accepted, in order of event time, to the bit | a ward that is fed just that |
| no sample of one stay is in the output of another | a ward of its own for each stay of some beds |
| each closed step has one risk, and none where too little is known | plain Python, line by line |
| what is left out is what was injected, by reason | the same |
| no acknowledged line is gone after a crash; no sample is younger than its row | looked at directly |
| technical alerts rise once, end once, and whatever has long been missing was told | plain Python |

`make soak SEED=1 BEDS=1000 DAYS=7` is its long form; `CADENCE=` (seconds between two values of a signal), `ALONE=` (every so
many beds are compared with a ward of their own), `NUMBERED=1` (lines carry a `seq`) and `STANDING=1` (no running clock) change
what is simulated. Its memory is that of one process with three wards of that size (the one that dies, the one that never does,
and the one that is fed what counts) and the simulator itself. When a law does not hold, the seed is printed with the command
that shows it again. For every law there is a ward that is broken on purpose (`tests/faults/test_broken_wards.py`), and is caught.

Not simulated: a grace shorter than `skew`, corrected risks (`--rescore`), sources with clocks of their own (`source`), and, in a
feed whose lines carry numbers, lines that lost theirs. Such a line is told by its place; where the feed also repeats lines it may
be taken in again after a crash, and is then counted twice.

More kills, faults and bits than in the usual tests: `VITALS_KILLS=100`, `VITALS_FAULT_STEP=1`, `VITALS_FLIPS=1000`.

What a test in virtual time cannot show: a disk that loses what it said was synced, and a power cut (F31).
"""


def recording() -> dict[str, set[str]]:
    """Tests that write down rows, with the rows that their text names; a whole file where a helper in it writes them."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text("utf-8")
        if "from tests.faults import record" not in text:
            continue
        for node in ast.parse(text).body:
            rows = _rows(node)
            if rows:
                name = f"::{node.name}" if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") else ""
                found.setdefault(f"{path.relative_to(ROOT)}{name}", set()).update(rows)
    whole = {test for test in found if "::" not in test}
    return {test: rows for test, rows in found.items() if test in whole or test.partition("::")[0] not in whole}


def _rows(node: ast.AST) -> set[str]:
    """Rows that a piece of a test file writes down."""
    calls = (call for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name))
    named = (
        call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "record" and call.args
    )
    return {row.value for row in named if isinstance(row, ast.Constant) and isinstance(row.value, str)}


def tests_in(file: str) -> set[str]:
    """Names of the tests of a file."""
    path = ROOT / file
    if not path.is_file():
        return set()
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def exists(test: str) -> bool:
    """Whether there is such a test, or it is a long run."""
    file, _, name = bare(test).partition("::")
    return test == LONG or name in tests_in(file)


def bare(test: str) -> str:
    """A test without its case."""
    return test.partition("[")[0]


def read_records(path: Path) -> list[Record]:
    """What was written down, in that order."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def merged(old: Iterable[Record], new: Iterable[Record]) -> list[Record]:
    """What was measured before, but for tests that have measured again or are gone, and what is new; by row."""
    fresh = [record | {"test": record["test"] or LONG} for record in new]
    again = {(record["row"], bare(record["test"])) for record in fresh}
    kept = [one for one in old if (one["row"], bare(one["test"])) not in again and exists(one["test"])]
    return sorted(kept + fresh, key=lambda one: (int(one["row"][1:]), one["test"]))


def missing(records: Iterable[Record]) -> list[str]:
    """Rows that must be covered, and are not."""
    rows = {record["row"] for record in records}
    return [row for row in TITLES if row not in rows and row not in DESCRIBED]


def page(records: Iterable[Record]) -> str:
    """docs/faults.md from what was written down."""
    by_row: dict[str, dict[tuple[str, str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in records:
        group = by_row[one["row"]][one["fault"], one["required"], bare(one["test"])]
        if one["measured"] not in group:
            group.append(one["measured"])
    lines = []
    for row in sorted({*TITLES, *by_row}, key=lambda row: int(row[1:])):
        title = TITLES.get(row, "")
        for (fault, required, test), measured in by_row[row].items():
            lines.append(_line(row, f"**{title}**: {fault}" if title else fault, required, "<br>".join(measured), test))
        if row in DESCRIBED:
            required, why = DESCRIBED[row]
            lines.append(_line(row, f"**{title}**", required, why, ""))
        elif not by_row[row]:
            lines.append(_line(row, f"**{title}**", "", "**no test has written this down yet**", ""))
    return _HEAD + "".join(lines) + _TAIL


def _line(row: str, fault: str, required: str, measured: str, test: str) -> str:
    file, _, name = test.partition("::")
    by = f"[{name}](../{file})" if name else f"`{test}`" if test else ""
    cells = (re.sub(r"(?<!\\)\|", r"\\|", " ".join(cell.split())) for cell in (row, fault, required, measured, by))
    return f"| {' | '.join(cells)} |\n"


def main() -> int:
    """Run the tests, write the records and the page; 1 where a test fails or a row is missing."""
    tests = sorted(recording())
    with tempfile.TemporaryDirectory() as home:
        written = Path(home) / "records.jsonl"
        environment = {**os.environ, "VITALS_FAULTS": str(written)}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
        status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        new = read_records(written)
    long = os.environ.get("LONG")  # what make soak wrote down
    records = merged(read_records(RECORDS), new + (read_records(Path(long)) if long else []))
    RECORDS.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), "utf-8")
    PAGE.write_text(page(records), "utf-8")
    rest = missing(records)
    sys.stdout.write(f"{len(records)} records of {len(TITLES) - len(rest)} rows: {PAGE.relative_to(ROOT)}\n")
    for row in rest:
        sys.stdout.write(f"missing: {row}, {TITLES[row]}\n")
    return int(status != 0 or bool(rest))


if __name__ == "__main__":
    sys.exit(main())
