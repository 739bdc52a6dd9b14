"""``vitals watch --clock --state`` as its own process, killed while its clock runs: a feed without numbers is known again."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from tests.faults import record
from tests.keeping import by_id, feed_of, logged, run
from tests.live import model_folder, settings_of
from vitals.durable.folder import attested
from vitals.feeds.steady import Tick, is_tick

ROOT = Path(__file__).parents[2]
MINUTE = 60_000_000

WATCH = """import sys
from vitals.cli.main import main
from vitals.durable import durable_ward, folder
from vitals.flows import ticking, watching
durable_ward.LINES, folder.KEPT = 100, 10**6  # snapshots on the way, and every log is kept
watching.Ticking = lambda source, every: ticking.Ticking(source, every / 200)  # many clock lines lie in what is repeated
sys.exit(main(sys.argv[1:]))
"""


class Given:
    """A source that gives these pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter([*pieces, b""])

    def read1(self, most: int) -> bytes:
        """The next one."""
        return next(self._pieces)


def wait_for(state: Path, more: int) -> None:
    """Wait until so many more lines are in the log, be they the clock's, or twenty seconds."""
    end, before = time.monotonic() + 20, reached(state)
    while time.monotonic() < end and reached(state) < before + more:
        time.sleep(0.002)


def reached(state: Path) -> int:
    """Lines in the log."""
    head = state / "head"
    return (attested(head.read_bytes()) or 0) if head.exists() else 0


def a_life(command: list[str], lines: list[bytes], torn: bytes, state: Path) -> None:
    """Feed lines bit by bit; where a torn one is behind them kill the process in the midst of it, else let it end."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)
    assert process.stdin is not None
    try:
        wait_for(state, 1)  # its clock runs
        for at in range(0, len(lines), 5):
            process.stdin.write(b"".join(lines[at : at + 5]))
            process.stdin.flush()
            time.sleep(0.01)
        if torn:
            wait_for(state, 10)
            process.stdin.write(torn)
            process.stdin.flush()
        else:
            process.stdin.close()
            assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


def test_killed_while_its_clock_runs_a_feed_without_numbers_is_known_again(tmp_path: Path) -> None:
    """All that was ever logged, clock lines and all, leads in a new folder to all that was said in all lives."""
    model = model_folder(tmp_path / "model", settings_of(hidden=4))
    (model / "policy.toml").write_text('threshold = 0.5\nclear = 0.3\nsilence = "2h"\n')
    lines, draw = feed_of(begin=time.time_ns() // 1000 - 18 * 60 * MINUTE), random.Random(5)
    state, out = tmp_path / "state", tmp_path / "out.ndjson"
    command = [
        sys.executable,
        "-c",
        WATCH,
        "watch",
        str(model),
        "--clock",
        "1s",
        "--state",
        str(state),
        "--out",
        str(out),
    ]
    begin = repeated = 0
    for end in (len(lines) // 3, len(lines) // 2, len(lines) * 3 // 4, len(lines)):
        a_life(command, lines[begin:end], b"".join(lines[end : end + 1])[:9], state)
        fed = sum(text.count(b"\n") for text in logged(state) if not is_tick(text))
        begin = draw.randrange(max(fed, 1) // 2 + 1)
        repeated += (fed - begin) * (end < len(lines))
    pieces = logged(state)
    ticks = sum(map(is_tick, pieces))
    assert b"".join(text for text in pieces if not is_tick(text)) == b"".join(lines)
    assert min(ticks, repeated) > 50
    said = by_id(out.read_bytes())
    assert said == by_id(
        run(model, Given([Tick(text) if is_tick(text) else text for text in pieces]), tmp_path / "other")
    )
    record(
        "F23", "kill -9 of `vitals watch --clock --state` while its clock runs, started again from an earlier line of a feed "
        "without numbers", "every line taken in once; outputs those of the log",
        f"3 kills, {len(lines):,} lines and {ticks:,} of the clock, {repeated:,} repeated: each once, "
        f"{len(said):,} outputs identical",
    )  # fmt: skip
