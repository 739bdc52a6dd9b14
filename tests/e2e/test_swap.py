"""Another model for a running ward that keeps itself in a folder, or that answers every sample, and one for a process."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.faults import record
from tests.keeping import Pieces, by_id, feed_of, run, snapshots_every
from tests.live import lines_of, model_folder, settings_of
from vitals.durable.durable_ward import DurableWard
from vitals.errors import StateError
from vitals.feeds.lines import DIGITS, Answers
from vitals.flows.operating import operating
from vitals.flows.swapping import Swap
from vitals.flows.watching import find_policy
from vitals.operation.running import Running
from vitals.scoring.model import open_model
from vitals.ward.ward import Ward

LINES = feed_of(seq=False)
ASK = len(LINES) // 3
OF_A_PROCESS = {"started", "swap_began", "model_swapped", "swap_refused", "unchanged"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two models with four hours of memory and one policy."""
    home = tmp_path_factory.mktemp("models")
    paths = tuple(model_folder(home / str(seed), settings_of(hidden=3 + seed, lookback="4h"), seed) for seed in (1, 2))
    for path in paths:
        (path / "policy.toml").write_text('threshold = 0.5\nclear = 0.3\nsilence = "2h"\n')
    return paths[0], paths[1]


def name_of(folder: Path) -> str:
    """As risks name the model."""
    return hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()[:DIGITS]


def life(folders: tuple[Path, Path], state: Path | None, stop: int | None = None, provisional: bool = False) -> bytes:
    """What a ward says that is asked for another model in its midst, and that is gone after so many lines."""
    (old, new), sink = [(open_model(path), find_policy(path)) for path in folders], io.BytesIO()
    ward = Ward(*old, provisional=provisional) if state is None else DurableWard(state, *old, provisional=provisional)
    try:
        with operating(Running(), Swap(*old, lambda: new, None, provisional), sink, state) as operation:
            for lines in ward.recover() if isinstance(ward, DurableWard) else ():
                operation.write(lines)
            operation.begin(ward)
            for i, line in enumerate(LINES[:stop]):
                operation.answer(line)
                if i == ASK:
                    operation.requests.reload = True
                    operation.reading(io.BytesIO()).read1(1)
            if stop is None:
                operation.end()
    finally:
        if isinstance(ward, DurableWard):
            ward.release()
    return sink.getvalue()


def of_the_feed(*outputs: bytes) -> dict[str, dict[str, Any]]:
    """What was said of the feed, by id; not what a process says of itself."""
    return {name: line for name, line in by_id(*outputs).items() if line.get("reason") not in OF_A_PROCESS}


@pytest.mark.parametrize(("stop", "every"), [(0.5, 20), (0.7, 20), (0.8, 20), (0.99, 20), (0.5, 10**6), (0.99, 10**6)])
def test_a_ward_in_a_folder_that_stops_after_a_swap_goes_on_with_the_new_model(
    folders: tuple[Path, Path], tmp_path: Path, stop: float, every: int
) -> None:
    """However often snapshots are taken while one model is stepped beside the other; before the swap the old one goes on."""
    with snapshots_every(every):
        whole = life(folders, tmp_path / "whole")
        first = life(folders, tmp_path / "s", int(stop * len(LINES)))
        done = b'"model_swapped"' in first
        mine, other = (folders[1], folders[0]) if done else folders
        with pytest.raises(StateError, match="model: came"):  # nor is an older snapshot taken for its own
            run(other, Pieces(b"".join(LINES), 500), tmp_path / "s")
        again = run(mine, Pieces(b"".join(LINES), 500), tmp_path / "s")
    wanted = whole if done else run(folders[0], Pieces(b"".join(LINES), 500), tmp_path / "alone")
    assert of_the_feed(first, again) == of_the_feed(wanted)


def test_stops_before_and_after_the_swap_were_tried(folders: tuple[Path, Path], tmp_path: Path) -> None:
    done = [b'"model_swapped"' in life(folders, tmp_path / str(stop), int(stop * len(LINES))) for stop in (0.5, 0.99)]
    assert done == [False, True]


def test_where_the_snapshot_of_a_swap_is_damaged_no_older_one_serves_the_new_model(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    life(folders, tmp_path / "s", int(0.99 * len(LINES)))
    last = max((tmp_path / "s").glob("snapshot-*"))
    last.write_bytes(last.read_bytes()[:-1])
    with pytest.raises(StateError, match="model: came"):
        run(folders[1], Pieces(b"", 1), tmp_path / "s")


@pytest.mark.parametrize("kept", [False, True], ids=["alone", "state"])
def test_with_provisional_answers_a_swap_changes_them_from_its_place_on(
    folders: tuple[Path, Path], tmp_path: Path, kept: bool
) -> None:
    said = lines_of(life(folders, tmp_path / "s" if kept else None, provisional=True))
    plain = of_the_feed(life(folders, None))
    assert of_the_feed(b"".join(encoded(line) for line in said if "id" in line)) == plain
    at = [line.get("reason") for line in said].index("model_swapped")
    answers = [[line for line in part if line.get("provisional")] for part in (said[:at], said[at:])]
    assert len(answers[0]) > ASK // 2
    for part, folder in zip(answers, folders, strict=True):
        alone = Ward(open_model(folder), find_policy(folder), provisional=True)
        lines = [text for line in LINES for text in alone.feed(line)]
        every = [risk for text in lines if isinstance(text, Answers) for risk in risks(text)]
        assert part
        assert all(line in every for line in part)


def encoded(line: dict[str, Any]) -> bytes:
    """A line again."""
    return msgspec.json.encode(line) + b"\n"


def risks(answers: Answers) -> list[dict[str, Any]]:
    """As plain tables."""
    return lines_of(answers.text)


def test_provisional_answers_are_given_once_and_committed_ones_as_ever(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    first = life((folders[0], folders[0]), tmp_path / "s", len(LINES) // 2, provisional=True)
    again = life((folders[0], folders[0]), tmp_path / "s", provisional=True)
    alone = lines_of(life((folders[0], folders[0]), None, provisional=True))
    told = [[line for line in lines_of(part) if line.get("provisional")] for part in (first, again)]
    assert told[0] + told[1] == [line for line in alone if line.get("provisional")]
    committed = [b"".join(encoded(line) for line in lines_of(part) if "id" in line) for part in (first, again)]
    assert of_the_feed(*committed) == of_the_feed(life((folders[0], folders[0]), None))


def wait_for(path: Path, text: bytes) -> None:
    """Wait until a file says something."""
    until = time.monotonic() + 60
    while text not in (path.read_bytes() if path.exists() else b""):
        assert time.monotonic() < until, f"{text!r} was not said"
        time.sleep(0.02)


def lead(link: Path, to: Path) -> None:
    """Let a symbolic link lead elsewhere, at once."""
    link.with_suffix(".new").symlink_to(to)
    link.with_suffix(".new").replace(link)


@pytest.mark.parametrize("options", [[], ["--state"], ["--provisional"]], ids=["alone", "state", "provisional"])
def test_a_process_swaps_its_model_while_lines_flow(
    folders: tuple[Path, Path], tmp_path: Path, options: list[str]
) -> None:
    """F32: a file that is no model is refused and the old one goes on; another one takes over; every risk names its own."""
    bad, link, out = tmp_path / "bad", tmp_path / "link", tmp_path / "out"
    bad.mkdir()
    (bad / "model.onnx").write_bytes((folders[1] / "model.onnx").read_bytes()[:-100])
    lead(link, folders[0])
    arguments = [*options, *([str(tmp_path / "state")] if "--state" in options else [])]
    command = [sys.executable, "-m", "vitals", "watch", str(link), "--out", str(out), *arguments]
    refused, swapping = threading.Event(), threading.Event()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ) as process:
        pipe = process.stdin
        assert pipe is not None

        def flow() -> None:
            for i, line in enumerate(LINES):
                pipe.write(line)
                pipe.flush()
                time.sleep(0.005)  # or all that is left would be one block
                if i == len(LINES) // 4:
                    refused.wait(60)
                if i == len(LINES) // 2:
                    swapping.wait(60)
            pipe.close()

        feeder = threading.Thread(target=flow)
        feeder.start()
        wait_for(out, b'"kind":"risk"')
        for to, told, heard in ((bad, b"swap_refused", refused), (folders[1], b"swap_began", swapping)):
            lead(link, to)
            process.send_signal(signal.SIGHUP)
            wait_for(out, told)
            heard.set()
        feeder.join()
        assert process.wait(60) == 0
    said = lines_of(out.read_bytes())
    at = [line.get("reason") for line in said].index("model_swapped")
    parts = [[line for line in part if line["kind"] == "risk"] for part in (said[:at], said[at:])]
    for part, folder in zip(parts, folders, strict=True):
        assert {line["model"] for line in part} == {name_of(folder)}
    committed = [(line["stay"], line["time"]) for part in parts for line in part if "provisional" not in line]
    alone = lines_of(run(folders[0], Pieces(b"".join(LINES), 500), None))
    assert sorted(committed) == sorted((line["stay"], line["time"]) for line in alone if line["kind"] == "risk")
    record(
        "F32", f"SIGHUP while lines flow{' with ' + options[0] if options else ''}: first to a file that is cut off, then to "
        "another model", "the old one goes on; atomic; every risk names its model",
        f"refused, then swapped: {len(committed)} risks, 0 without a model, 0 lost, 0 twice; {len(parts[0])} lines of risk "
        f"name the old one and {len(parts[1])} behind the swap the new one",
    )  # fmt: skip
