"""A ward that is stopped anywhere and started again says what one says that is never stopped: no line less, none more."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.faults import record
from tests.keeping import Pieces, Torn, by_id, feed_of, run, snapshots_every
from tests.live import model_folder, settings_of
from vitals.durable import snapshot
from vitals.durable.folder import Folder, attested
from vitals.durable.snapshot import read_snapshot, write_snapshot
from vitals.errors import StateError
from vitals.flows.watching import watch

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=[False, True], ids=["content", "seq"])
def lines(request: pytest.FixtureRequest) -> list[bytes]:
    """A feed with lines of every kind, with and without numbers."""
    return feed_of(seq=request.param)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and a policy that alerts."""
    path = model_folder(tmp_path_factory.mktemp("model"), settings_of(hidden=4, grace="30min"))
    (path / "policy.toml").write_text('threshold = 0.5\nclear = 0.3\nsilence = "2h"\n')
    return path


def test_the_feed_leads_to_every_kind_of_line(folder: Path, lines: list[bytes], tmp_path: Path) -> None:
    said = by_id(run(folder, Pieces(b"".join(lines), 300), tmp_path / "state"))
    kinds = {line.get("reason") or line.get("suppressed_by") or line["kind"] for line in said.values()}
    assert kinds >= {
        "risk", "alert", "silence", "event", "late", "duplicate", "discharged", "not_json", "unknown_signal",
        "acknowledged", "event_began", "event_ended", "event_is_open", "no_event_is_open", "admitted_by_sample",
        "started", "summary",
    }  # fmt: skip
    assert ("gap_in_seq" in kinds) == (b"seq" in lines[0])


def test_with_a_folder_a_ward_says_what_it_says_without(folder: Path, tmp_path: Path) -> None:
    feed = b"".join(feed_of()) + b'{"stay":"p1'  # and a line that breaks off
    assert by_id(run(folder, Pieces(feed, 200), tmp_path / "s")) == by_id(run(folder, Pieces(feed, 200), None))


@pytest.mark.parametrize("seed", range(40))
def test_stopped_anywhere_and_started_again_anywhere_before(
    folder: Path, lines: list[bytes], tmp_path: Path, seed: int
) -> None:
    """Several stops in one life; each time the feed begins again at a line that was taken in, or at the next one."""
    draw = random.Random(seed)
    feed = b"".join(lines)
    starts = np.cumsum([0, *map(len, lines)]).tolist()
    outputs, begin, reached = [], 0, 0
    with snapshots_every(draw.choice([1, 40, 10**6])):
        for _ in range(draw.randrange(1, 4)):
            reached = max(reached, draw.randrange(begin, len(feed)))
            torn = Torn(draw.randrange(20_000)) if draw.random() < 0.5 else None
            source = Pieces(feed[begin:], draw.choice([1, 50, 700, 5000]), reached - begin)
            outputs.append(run(folder, source, tmp_path / "state", torn))
            at = line_reached(tmp_path / "state")
            begin = starts[draw.choice(places(lines, at, draw))]
        outputs.append(run(folder, Pieces(feed[begin:], 500), tmp_path / "state"))
    assert by_id(*outputs) == by_id(run(folder, Pieces(feed, 1 << 16), tmp_path / "other"))


def places(lines: list[bytes], at: int, draw: random.Random) -> list[int]:
    """Where a feed may begin again: at its beginning, at a line that was taken in, or behind the last of them.

    Behind it only where no copy follows: a line sent twice, of which one came before the crash and one comes after, looks like
    one that was sent once and is repeated.
    """
    copy = any(lines[at - n : at] == lines[at : at + n] for n in range(1, at + 1))
    return [0, draw.randrange(at) if at else 0, 0 if copy else at]


@pytest.mark.parametrize("snapshots", [1, 10**6])
def test_a_crash_between_two_copies_of_a_line_makes_nothing_new_later(
    folder: Path, tmp_path: Path, snapshots: int
) -> None:
    """Nobody can tell the second copy from a repetition of the first: it is left out, and from then on both ways are known."""
    lines = feed_of()
    between = [i for i in range(1, len(lines)) if lines[i] == lines[i - 1]]
    state, outputs = tmp_path / "state", []
    with snapshots_every(snapshots):
        outputs.append(run(folder, Pieces(b"".join(lines), 1, sum(map(len, lines[: between[0]]))), state))
        assert line_reached(state) == between[0]
        for number, at in enumerate(between):  # each life goes on behind the first of two copies, up to the next two
            upto = [*between[1:], len(lines)][number]
            size = sum(map(len, lines[at:upto]))
            outputs.append(run(folder, Pieces(b"".join(lines[at:]) + b"\n", 1, size), state))
            assert line_reached(state) == upto - number - 1  # all but the second copies
        for begin in (0, between[0], between[0] + 1, between[-1] - 3, 0):
            outputs.append(run(folder, Pieces(b"".join(lines[begin:]), 500), state))
            assert line_reached(state) == len(lines) - len(between)
    once = [line for i, line in enumerate(lines) if i not in between]
    assert by_id(*outputs) == by_id(run(folder, Pieces(b"".join(once), 500), None))
    assert len(between) > 5


@pytest.mark.parametrize("many", [1, 20, 100])
def test_an_input_that_breaks_off_while_it_repeats_says_nothing_new(
    folder: Path, lines: list[bytes], tmp_path: Path, many: int
) -> None:
    first = by_id(run(folder, Pieces(b"".join(lines), 500), tmp_path / "s"))
    before = line_reached(tmp_path / "s")
    broken = by_id(run(folder, Pieces(b"".join(lines[:many]), 500), tmp_path / "s"))
    assert line_reached(tmp_path / "s") == before
    assert broken.items() <= first.items()


def line_reached(state: Path) -> int:
    """Lines that were taken in."""
    return attested((state / "head").read_bytes()) or 0


def test_the_comparison_would_notice_one_line_lost_or_doubled(folder: Path, lines: list[bytes], tmp_path: Path) -> None:
    whole = by_id(run(folder, Pieces(b"".join(lines), 500), tmp_path / "s"))
    for number, changed in enumerate((lines[:70] + lines[71:], lines[:71] + lines[70:])):
        other = by_id(run(folder, Pieces(b"".join(changed), 500), tmp_path / f"s{number}"))
        assert other != whole or b"seq" in lines[0]


def test_the_same_input_again_says_nothing_new(folder: Path, lines: list[bytes], tmp_path: Path) -> None:
    feed = b"".join(lines)
    first = by_id(run(folder, Pieces(feed, 500), tmp_path / "s"))
    again = by_id(run(folder, Pieces(feed, 500), tmp_path / "s"))
    assert set(again) <= set(first)
    assert all(again[name] == first[name] for name in again)


def test_an_input_that_grew_goes_on(folder: Path, lines: list[bytes], tmp_path: Path) -> None:
    """The end of a shorter input closed steps, which is said but not kept."""
    feed = b"".join(lines)
    short = run(folder, Pieces(b"".join(lines[:100]), 500), tmp_path / "s")
    long = by_id(run(folder, Pieces(feed, 500), tmp_path / "s"))
    whole = by_id(run(folder, Pieces(feed, 500), tmp_path / "other"))
    assert {name for name, line in whole.items() if line["kind"] == "risk"} <= set(long) | set(_ids(short))
    assert all(whole[name] == line for name, line in long.items())


def _ids(output: bytes) -> set[str]:
    return set(by_id(output))


KILLS = int(os.environ.get("VITALS_KILLS", "5"))


def command(folder: Path, state: Path, out: Path, every: int) -> list[str]:
    """``vitals watch --state`` as its own process, with snapshots often enough to be met by a kill."""
    code = (
        "import sys; from vitals.durable import durable_ward; durable_ward.LINES = int(sys.argv.pop(1));"
        "from vitals.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    return [sys.executable, "-c", code, str(every), "watch", str(folder), "--state", str(state), "--out", str(out)]


@pytest.mark.slow
@pytest.mark.parametrize("seq", [False, True], ids=["content", "seq"])
def test_killed_at_random_points(folder: Path, tmp_path: Path, seq: bool) -> None:
    """kill -9 while lines flow, again and again: what was acknowledged is there, and all is as without a kill."""
    lines = feed_of(stays=40, hours=24, seed=3, seq=seq)
    draw, out, state, kills = random.Random(7), tmp_path / "out.ndjson", tmp_path / "state", 0
    per_life = max(1, len(lines) // KILLS)
    done = 0
    while kills < KILLS:
        process = subprocess.Popen(command(folder, state, out, 300), stdin=subprocess.PIPE, cwd=ROOT)
        assert process.stdin is not None
        begin = draw.choice(places(lines, done, draw))
        target = min(len(lines), done + draw.randrange(1, 2 * per_life))
        acknowledged: dict[str, Any] = {}
        try:
            for at in range(begin, target, 20):
                process.stdin.write(b"".join(lines[at : min(target, at + 20)]))
                process.stdin.flush()
            wait_for_lines(state, done)
            time.sleep(draw.random() * 0.05)
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
        kills += 1
        acknowledged |= by_id(out.read_bytes()) if out.exists() else {}
        done = line_reached(state) if (state / "head").exists() else 0
    rest = draw.choice(places(lines, done, draw))
    subprocess.run(command(folder, state, out, 300), input=b"".join(lines[rest:]), check=True, cwd=ROOT)
    found, whole = by_id(out.read_bytes()), by_id(run(folder, Pieces(b"".join(lines), 1 << 16), tmp_path / "other"))
    assert done > len(lines) // 10
    assert set(acknowledged) <= set(found)
    assert found == whole
    record(
        "F23", f"kill -9 of `vitals watch --state` at random points of a feed {'with' if seq else 'without'} numbers, started "
        "again on it from its beginning, a line taken in, or the next one", "0 acknowledged lost; outputs identical",
        f"{kills} kills, {done:,} lines: 0 of {len(acknowledged):,} acknowledged lost, {len(found):,} outputs identical",
    )  # fmt: skip


def wait_for_lines(state: Path, done: int) -> None:
    """Wait until more lines than so many were taken in, or ten seconds."""
    end = time.monotonic() + 10
    while time.monotonic() < end and not ((state / "head").exists() and line_reached(state) > done):
        time.sleep(0.002)


def test_two_processes_never_share_a_folder(folder: Path, tmp_path: Path) -> None:
    other = Folder(tmp_path / "s")
    with pytest.raises(StateError, match="stop the other one first"):
        run(folder, Pieces(b"", 1), tmp_path / "s")
    other.close()
    assert run(folder, Pieces(b"", 1), tmp_path / "s")


@pytest.mark.parametrize(
    ("change", "named"), [({"step": "30min"}, "step"), ({"grace": "5min"}, "grace"), ({}, "model")]
)
def test_the_state_of_another_window_or_model_is_refused(
    folder: Path, tmp_path: Path, change: dict[str, str], named: str
) -> None:
    run(folder, Pieces(b"".join(feed_of()[:50]), 500), tmp_path / "s")
    other = model_folder(tmp_path / "m", settings_of(hidden=4, **{"grace": "30min"} | change), seed=2)
    (other / "policy.toml").write_bytes((folder / "policy.toml").read_bytes())
    with pytest.raises(StateError, match=rf"{named}: came .*begin a new folder"):
        run(other, Pieces(b"", 1), tmp_path / "s")
    assert line_reached(tmp_path / "s") == 50  # and nothing is lost
    run(folder, Pieces(b"".join(feed_of()), 500), tmp_path / "s")
    assert line_reached(tmp_path / "s") == len(feed_of())
    record(
        "F38", f"another {'[window] ' + named if change else 'model'} on a state folder", "refused at the start",
        f"refused, naming {named}; all 50 lines still there, and the first model goes on",
    )  # fmt: skip


def test_another_policy_is_refused(folder: Path, tmp_path: Path) -> None:
    run(folder, Pieces(b"", 1), tmp_path / "s")
    night = tmp_path / "night.toml"
    night.write_text("threshold = 0.7\n")
    with pytest.raises(StateError, match="policy: came"):
        watch(folder, io.BytesIO(), io.BytesIO(), night, state=tmp_path / "s")
    record("F38", "another policy on a state folder", "refused at the start", "refused, naming the policy")


@pytest.mark.parametrize("cut", [60, 100, 170])
def test_a_folder_of_an_older_version_goes_on_or_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """F34: one without what newer snapshots hold, then one whose format has to be migrated, in the midst of a feed."""
    lines, state = feed_of(), tmp_path / "s"
    feed, stop = b"".join(lines), sum(map(len, lines[:cut]))
    with snapshots_every(30):
        first = run(folder, Pieces(feed, 100, stop), state)
    for path in state.glob("snapshot-*"):
        values = read_snapshot(path)
        del values["doubts"]
        write_snapshot(path, {**values, "row": values.pop("ward")})  # as an older version would have called it
    monkeypatch.setattr(snapshot, "FORMAT", snapshot.FORMAT + 1)
    with pytest.raises(StateError, match="state of format"):
        run(folder, Pieces(feed, 100), state)
    monkeypatch.setitem(snapshot.MIGRATIONS, snapshot.FORMAT - 1, lambda kept: {**kept, "ward": kept.pop("row")})
    again = run(folder, Pieces(feed, 100), state)
    assert by_id(first, again) == by_id(run(folder, Pieces(feed, 100), None))
    record(
        "F34", f"state of the format before, after {cut} lines, with snapshots and a log behind them",
        "migrated or refused, never misread; exact", "refused where no migration is known, untouched; with one exact",
    )  # fmt: skip
