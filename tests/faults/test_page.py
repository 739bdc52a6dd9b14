"""docs/faults.md says what tests wrote down, and speaks of no test that is not there."""

from __future__ import annotations

import re

from tests import faults
from tests.faults.catalogue import DESCRIBED, TITLES
from tests.faults.page import LONG, PAGE, RECORDS, ROOT, bare, exists, merged, missing, page, read_records, recording

ONE = {"row": "F7", "fault": "a | b", "required": "exact", "measured": "12 of 12", "test": "tests/x.py::test_x[1]"}


def test_the_page_is_made_of_the_records() -> None:
    records = read_records(RECORDS)
    assert PAGE.read_text("utf-8") == page(records), "make faults writes it"
    assert [one["test"] for one in records if not exists(one["test"])] == []


def test_every_row_that_a_test_writes_down_is_in_the_page() -> None:
    """A row is in the page as soon as a test for it is, by whichever test that was run last."""
    told = {row for rows in recording().values() for row in rows}
    assert told <= {one["row"] for one in read_records(RECORDS)}, "make faults writes them down"
    assert told <= set(TITLES)


def test_links_lead_to_files() -> None:
    for link in set(re.findall(r"\]\(\.\./([^)]+)\)", PAGE.read_text("utf-8"))):
        assert (ROOT / link).is_file()


def test_a_row_has_one_line_a_test_with_all_that_it_measured() -> None:
    again = ONE | {"measured": "40 of 40", "test": "tests/x.py::test_x[2]"}
    lines = [line for line in page([ONE, again, ONE]).splitlines() if line.startswith("| F7 |")]
    assert lines == [
        "| F7 | **samples overtake each other**: a \\| b | exact | 12 of 12<br>40 of 40 | [test_x](../tests/x.py) |"
    ]


def test_a_row_without_a_record_is_missing_unless_it_is_only_described() -> None:
    assert missing([ONE]) == [row for row in TITLES if row != "F7" and row not in DESCRIBED]
    assert "| F1 | **a channel falls silent** |  | **no test has written this down yet** |  |" in page([ONE])
    assert "described, not run" in page([])


def test_a_test_that_measured_again_replaces_what_it_had_measured_and_long_runs_stay() -> None:
    here = f"tests/faults/test_page.py::{test_links_lead_to_files.__name__}"
    old = [ONE, ONE | {"test": here}, ONE | {"test": LONG}]
    new = ONE | {"test": f"{here}[2]", "measured": "13 of 13"}
    assert merged(old, [new]) == sorted([old[2], new], key=lambda one: one["test"])
    again = merged(old, [ONE | {"test": "", "measured": "later"}])
    assert [one["measured"] for one in again if bare(one["test"]) == LONG] == ["later"]


def test_a_record_is_written_only_where_a_file_is_named(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv("VITALS_FAULTS", raising=False)
    faults.record("F7", "a", "b", "c")
    monkeypatch.setenv("VITALS_FAULTS", str(tmp_path / "records"))
    faults.record("F7", "a", "b", "c")
    (line,) = read_records(tmp_path / "records")
    assert line == {
        "row": "F7", "fault": "a", "required": "b", "measured": "c",
        "test": "tests/faults/test_page.py::test_a_record_is_written_only_where_a_file_is_named",
    }  # fmt: skip
