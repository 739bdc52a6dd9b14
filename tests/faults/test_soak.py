"""The short form of ``make soak``: three days of a small ward, with faults of every kind all the time."""

from __future__ import annotations

import io
from dataclasses import replace

from tests.faults import record
from tests.faults.kinds import USUAL
from tests.faults.patients import MINUTE
from tests.faults.simulator import Trial
from tests.faults.soak import FLAT, Memory, half_of, report, soak

TRIAL = Trial(
    seed=5, beds=16, hours=72, cadence=15 * MINUTE, alone=4,
    faults=replace(USUAL, crashes=8.0, failures=4.0, unsaid=4.0),
)  # fmt: skip


def test_days_of_a_small_ward_leave_memory_flat_and_every_law_holds() -> None:
    said = io.StringIO()
    outcome, memory = soak(TRIAL, said)
    assert "of 72 h" in said.getvalue()
    assert memory.slope() < FLAT
    assert len(memory.hours) == TRIAL.hours
    assert min(outcome.compared.values()) > 500
    assert outcome.digest in report(TRIAL, outcome, memory, 1.0)
    again, _ = soak(TRIAL)
    assert again == outcome
    disk = outcome.disk
    record(
        "F37", f"{TRIAL.beds} beds for {TRIAL.hours / 24:g} days of virtual time, faults of every kind all the time",
        "memory grows by less than 1 MB an hour; the same seed gives the same hash",
        f"{memory.slope():+.3f} MB an hour, {half_of(memory)}; {outcome.lines:,} lines, {outcome.deaths} deaths, "
        f"every law held; the same hash twice ({outcome.digest[:12]})",
    )  # fmt: skip
    crashed = disk["crashed before"] + disk["crashed after"] + disk["unsaid"]
    record(
        "F23", "in virtual time: the process dies before or after any of its writes, or before its answer is heard; "
        "started again on the same input from an earlier line",
        "exact, nothing acknowledged lost",
        f"{crashed} deaths in {outcome.lines:,} lines: "
        f"{outcome.compared['a ward that dies says what one says that never dies']:,} of {outcome.outputs:,} outputs equal, "
        f"{outcome.repeated:,} said again with the same id",
    )  # fmt: skip
    record(
        "F29", "in virtual time: any write to the log, a snapshot or the note of the log's end fails, or is torn",
        "exact, nothing acknowledged lost", f"{disk['failed']} failed and {disk['torn']} torn: all outputs equal",
    )  # fmt: skip


def test_the_slope_of_memory_is_that_of_its_second_half() -> None:
    growing = Memory([float(hour) for hour in range(10)], [9.0] * 5 + [10.0, 12.0, 14.0, 16.0, 18.0])
    assert abs(growing.slope() - 2) < 1e-9
    assert half_of(growing) == "10 MB half-way and 18 MB at the end"
