"""Disks that fill up, fail at any write, or turn bits: refused and said, never misread, and nothing answered is lost."""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.keeping import Pieces, by_id, feed_of, run, snapshots_every
from tests.live import model_folder, settings_of
from vitals.errors import StateError

ROOT = Path(__file__).parents[2]
# a fault needs its own process
DRIVER = """
import ctypes, os, sys
from pathlib import Path
from tests.keeping import Pieces, snapshots_every
from vitals.flows.watching import watch
from vitals.errors import StateError
folder, state, out, feed, setup = sys.argv[1:6]
exec(setup)
with snapshots_every(40), open(out, "ab") as sink:
    try:
        watch(folder, Pieces(Path(feed).read_bytes(), 700), sink, state=state)
    except StateError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and a policy that alerts."""
    path = model_folder(tmp_path_factory.mktemp("model"), settings_of(hidden=4, grace="30min"))
    (path / "policy.toml").write_text('threshold = 0.5\nclear = 0.3\nsilence = "2h"\n')
    return path


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feed of some 180 lines, in a file."""
    path = tmp_path_factory.mktemp("feed") / "feed.ndjson"
    path.write_bytes(b"".join(feed_of(stays=3)))
    return path


@pytest.fixture(scope="module")
def whole(folder: Path, feed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is said where nothing fails."""
    return by_id(run(folder, Pieces(feed.read_bytes(), 700), tmp_path_factory.mktemp("whole") / "s"))


def driven(folder: Path, feed: Path, home: Path, setup: str = "", **more: str) -> subprocess.CompletedProcess[bytes]:
    """A run in its own process."""
    home.mkdir(exist_ok=True)
    arguments = [str(folder), str(home / "state"), str(home / "out"), str(feed), setup]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}
    return subprocess.run(
        [sys.executable, "-c", DRIVER, *arguments], env=environment, cwd=ROOT, capture_output=True, check=False
    )


def without_failures(output: bytes) -> dict[str, Any]:
    """Whole lines by id, without the news that the state failed."""
    return {name: line for name, line in by_id(output).items() if line.get("reason") != "state_failed"}


def test_a_file_that_may_not_grow_is_a_full_disk(
    folder: Path, feed: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    """F28: the outputs do not go where the state goes, so they could be written; yet nothing is answered unkept."""
    for room in (9_000, 40_000, 70_000):
        home = tmp_path / str(room)
        limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, resource.RLIM_INFINITY))"
        ended = driven(folder, feed, home, limit)
        assert ended.returncode == 2
        assert b"make room" in ended.stderr
        assert driven(folder, feed, home).returncode == 0
        assert without_failures((home / "out").read_bytes()) == whole
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that fails writes."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    path = tmp_path_factory.mktemp("library") / "fail_write.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", str(path), str(ROOT / "tests/fail_write.c"), "-ldl"], check=True
    )
    return path


FAULTS = range(1, 1 + int(os.environ.get("VITALS_FAULTS", "400")), int(os.environ.get("VITALS_FAULT_STEP", "37")))


@pytest.mark.slow
@pytest.mark.parametrize("torn", [False, True], ids=["whole", "torn"])
def test_the_kth_write_sync_or_rename_fails(
    folder: Path, feed: Path, whole: dict[str, Any], failing: Path, tmp_path: Path, torn: bool
) -> None:
    """F29: whatever of it reached the disk, the next run goes on from what is sound."""
    failed = 0
    for k in FAULTS:
        home = tmp_path / str(k)
        why = errno.EIO if k % 2 else errno.ENOSPC
        more = {"VITALS_FAIL_TORN": "1"} if torn else {}
        ended = driven(
            folder, feed, home, LD_PRELOAD=str(failing), VITALS_FAIL_IN=str(home / "state"), VITALS_FAIL_AT=str(k),
            VITALS_FAIL_ERRNO=str(why), **more,
        )  # fmt: skip
        failed += ended.returncode == 2
        assert ended.returncode in (0, 2), (k, ended.stderr.decode())
        assert driven(folder, feed, home).returncode == 0, k
        assert without_failures((home / "out").read_bytes()) == whole, k
    assert failed > len(FAULTS) // 2


@pytest.fixture(scope="module")
def stopped(folder: Path, feed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """The folder of a ward that was killed with two snapshots and a log behind each, and what it had said."""
    home = tmp_path_factory.mktemp("stopped")
    setup = """
from vitals.durable.durable_ward import DurableWard
accept = DurableWard._accept
def accept_some(self, text):
    lines = accept(self, text)
    return os._exit(9) if self.line > 150 else lines
DurableWard._accept = accept_some
"""
    assert driven(folder, feed, home, setup).returncode == 9
    assert len(list((home / "state").glob("snapshot-*"))) == 2
    return home / "state", (home / "out").read_bytes()


@pytest.mark.parametrize("kind", ["snapshot", "log", "consumed", "head"])
def test_a_bit_that_turns_is_found_or_harmless_never_misread(
    folder: Path, feed: Path, whole: dict[str, Any], stopped: tuple[Path, bytes], tmp_path: Path, kind: str
) -> None:
    """F30: a run either refuses and names the place, or says what it would have said."""
    state, said = stopped
    draw, refused, many = random.Random(kind), 0, int(os.environ.get("VITALS_FLIPS", "100")) // 4
    for number in range(many):
        home = tmp_path / str(number)
        shutil.copytree(state, home)
        path = draw.choice(sorted(path for path in home.glob(f"{kind}*") if path.stat().st_size))
        content = bytearray(path.read_bytes())
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        try:
            with snapshots_every(40):
                again = run(folder, Pieces(feed.read_bytes(), 700), home)
        except StateError as error:
            refused += str(home) in error.where
        else:
            assert by_id(said, again) == whole
        shutil.rmtree(home)
    assert refused or kind != "log"  # for everything else something stands in


def test_every_bit_of_a_snapshot_counts(folder: Path, stopped: tuple[Path, bytes], tmp_path: Path) -> None:
    """F30: 1,000 turned bits, 1,000 refused; and so is a snapshot that was cut off anywhere."""
    from vitals.durable.snapshot import read_snapshot

    source = max(stopped[0].glob("snapshot-*"))
    content, path, draw = source.read_bytes(), tmp_path / source.name, random.Random(1)
    for _ in range(1_000):
        turned = bytearray(content)
        turned[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(turned)
        with pytest.raises(StateError, match="damaged snapshot"):
            read_snapshot(path)
        path.write_bytes(content[: draw.randrange(len(content))])
        with pytest.raises(StateError, match="damaged snapshot"):
            read_snapshot(path)


def test_where_the_last_snapshot_is_damaged_the_one_before_and_the_log_serve(
    folder: Path, feed: Path, whole: dict[str, Any], stopped: tuple[Path, bytes], tmp_path: Path
) -> None:
    state, said = stopped
    shutil.copytree(state, tmp_path / "s")
    last = max((tmp_path / "s").glob("snapshot-*"))
    last.write_bytes(last.read_bytes()[:-1])
    assert by_id(said, run(folder, Pieces(feed.read_bytes(), 700), tmp_path / "s")) == whole
    assert list((tmp_path / "s").glob("unused-*"))


def test_where_all_snapshots_are_damaged_nothing_starts(
    folder: Path, stopped: tuple[Path, bytes], tmp_path: Path
) -> None:
    shutil.copytree(stopped[0], tmp_path / "s")
    for path in (tmp_path / "s").glob("snapshot-*"):
        path.write_bytes(b"")
    with pytest.raises(StateError, match="move it away and feed the input again"):
        run(folder, Pieces(b"", 1), tmp_path / "s")
