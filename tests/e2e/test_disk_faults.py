"""Disks that fill up, fail at any write, or turn bits: refused and said, never misread, and nothing answered is lost."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.faults import record
from tests.keeping import Pieces, by_id, feed_of, run, snapshots_every
from tests.live import model_folder, settings_of
from vitals.errors import ModelError, StateError
from vitals.scoring.model import read_model

ROOT = Path(__file__).parents[2]
# a fault needs its own process
DRIVER = """
import ctypes, os, sys
from pathlib import Path
from tests.faults import record
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
# one process for many faults: each falls on a child of it, which has everything loaded
FORKING = """
import json, os, sys, traceback
from pathlib import Path
from tests.faults import record
from tests.keeping import Pieces, snapshots_every
from vitals.flows.watching import watch
from vitals.errors import StateError
folder, feed, places, library, torn = sys.argv[1:6]
content = Path(feed).read_bytes()
def run(home):
    with snapshots_every(40), open(home / "out", "ab") as sink:
        try:
            watch(folder, Pieces(content, 70), sink, state=home / "state")
        except StateError as error:
            return 2
    return 0
def child(home, **more):
    number = os.fork()
    if number:
        return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    os.environ.update(more)
    try:
        code = run(home)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)
warm = Path(places) / "warm"
warm.mkdir()
run(warm)
for line in sys.stdin:
    k = int(line)
    home = Path(places) / str(k)
    home.mkdir()
    more = {"VITALS_FAIL_IN": str(home / "state"), "VITALS_FAIL_AT": str(k)} | ({"VITALS_FAIL_TORN": "1"} if torn else {})
    first = child(home, VITALS_FAIL_ERRNO="5" if k % 2 else "28", **more)
    print(json.dumps([k, first, child(home)]), flush=True)
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


def driven(
    folder: Path, feed: Path, home: Path, setup: str = "", out: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """A run in its own process."""
    home.mkdir(exist_ok=True)
    arguments = [str(folder), str(home / "state"), str(out or home / "out"), str(feed), setup]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
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
    record(
        "F28", "a file of the state may not grow (RLIMIT_FSIZE of 9, 40 and 70 kB)", "refused and said; exact once there is room",
        "3 of 3: exit 2 with place and cure, then exact",
    )  # fmt: skip


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a disk of so many kilobytes, or makes the one that was mounted as large."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(size: int) -> Path:
        options = f"{'remount,' if place.is_mount() else ''}size={size}k"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"a disk can be mounted by root only: {done.stderr.decode().strip()}")
        return place

    if shutil.which("mount") is None:
        pytest.skip("no command to mount a disk")
    yield mount
    if place.is_mount():
        subprocess.run(["umount", place], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("size", [16, 160])
def test_a_disk_that_is_full(
    folder: Path, feed: Path, whole: dict[str, Any], tmp_path: Path, disk: Callable[[int], Path], size: int
) -> None:
    """F28: a real one, for the state alone; made larger it goes on."""
    home = disk(size)
    ended = driven(folder, feed, home, out=tmp_path / "out")
    assert ended.returncode == 2
    assert b"make room" in ended.stderr
    answered = without_failures((tmp_path / "out").read_bytes())
    disk(8192)
    assert driven(folder, feed, home, out=tmp_path / "out").returncode == 0
    said = without_failures((tmp_path / "out").read_bytes())
    assert answered.items() <= said.items()
    assert said == whole
    record(
        "F28", f"a disk of {size} kB (tmpfs) under the state", "refused and said; exact once there is room",
        f"exit 2 after {len(answered)} lines of output; with more room exact, 0 of them lost",
    )  # fmt: skip


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


FAULTS = range(1, 501, int(os.environ.get("VITALS_FAULT_STEP", "37")))


@pytest.mark.slow
@pytest.mark.parametrize("torn", [False, True], ids=["whole", "torn"])
def test_the_kth_write_sync_or_rename_fails(
    folder: Path, feed: Path, whole: dict[str, Any], failing: Path, tmp_path: Path, torn: bool
) -> None:
    """F29: whatever of it reached the disk, the next run goes on from what is sound."""
    arguments = [str(folder), str(feed), str(tmp_path), str(failing), "torn" if torn else ""]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "LD_PRELOAD": str(failing)}
    ended = subprocess.run(
        [sys.executable, "-c", FORKING, *arguments], env=environment, cwd=ROOT, capture_output=True, check=True,
        input="".join(f"{k}\n" for k in FAULTS).encode(),
    )  # fmt: skip
    codes = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [k for k, _, _ in codes] == list(FAULTS)
    assert [code for code in codes if code[1] not in {0, 2} or code[2]] == [], ended.stderr.decode()[-5000:]
    for k in FAULTS:
        assert without_failures((tmp_path / str(k) / "out").read_bytes()) == whole, k
    failed = sum(code == 2 for _, code, _ in codes)
    assert failed == len(FAULTS)
    record(
        "F29", f"the k-th write, sync or rename of the state folder fails, and all after it, {'torn in half' if torn else 'whole'}; "
        f"k = 1, {1 + FAULTS.step}, … {FAULTS[-1]}", "the snapshot before and the log: exact",
        f"{len(FAULTS)} of {len(FAULTS)} k exact; all said what failed",
    )  # fmt: skip


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


FLIPS = int(os.environ.get("VITALS_FLIPS", "100")) // 5
TURNED = {
    "snapshot": "a snapshot", "log": "the log", "consumed": "the fingerprints", "head": "the note of the log's end"
}  # fmt: skip
NAMED = {"state": "the state folder", "policy": "`policy.toml`", "run": "`run.json`"}


@pytest.mark.parametrize("kind", sorted(TURNED))
def test_a_bit_that_turns_is_found_or_harmless_never_misread(
    folder: Path, feed: Path, whole: dict[str, Any], stopped: tuple[Path, bytes], tmp_path: Path, kind: str
) -> None:
    """F30: a run either refuses and names the place, or says what it would have said."""
    state, said = stopped
    draw, refused, many = random.Random(kind), 0, FLIPS
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
    record(
        "F30", f"one random bit turned in {TURNED[kind]}", "refused with the place named, or harmless; never misread",
        f"{refused:,} of {many:,} refused, {many - refused:,} exact, 0 misread",
    )  # fmt: skip


@pytest.mark.parametrize("by", ["state", "policy", "run"])
def test_a_bit_that_turns_in_the_model_is_refused_by_whatever_names_its_digest(
    folder: Path, feed: Path, stopped: tuple[Path, bytes], tmp_path: Path, by: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """F30: the file has no digest of itself, so many such files open, as another model; nothing else may go on with one."""
    content, draw, opened = (folder / "model.onnx").read_bytes(), random.Random(by), 0
    digest, home, many = hashlib.sha256(content).hexdigest(), tmp_path / "model", max(30, FLIPS // 3)
    state: Path | None = None
    home.mkdir()
    if by == "state":
        shutil.copytree(stopped[0], state := tmp_path / "state")
    text = (folder / "policy.toml").read_text()
    (home / "policy.toml").write_text(text + (f'model_digest = "{digest}"\n' if by == "policy" else ""))
    if by == "run":
        (home / "run.json").write_text(json.dumps({"model_digest": digest}))
    for _ in range(many):
        turned = bytearray(content)
        turned[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        (home / "model.onnx").write_bytes(turned)
        with suppress(ModelError):
            opened += bool(read_model(bytes(turned)))
        with pytest.raises((ModelError, StateError)):
            run(home, Pieces(feed.read_bytes(), 700), state)
    (home / "model.onnx").write_bytes(content)
    assert run(home, Pieces(feed.read_bytes(), 700), state)
    assert capfd.readouterr().out == ""  # where a ward writes its lines
    assert opened  # or ONNX Runtime would refuse them all, and nothing were to be tested
    record(
        "F30", f"one random bit turned in the model file, its digest named by {NAMED[by]}", "refused",
        f"{many:,} of {many:,} refused; {opened:,} of the files open by themselves, as other models",
    )  # fmt: skip


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
    record(
        "F30", "one random bit turned in a snapshot, or the snapshot cut off anywhere", "refused",
        "1,000 of 1,000 bits and 1,000 of 1,000 cuts refused",
    )  # fmt: skip


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
