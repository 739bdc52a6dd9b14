"""A ward as a process: told to stop once and twice, given more than it can take, and looked at."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import termios
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import record
from tests.keeping import Pieces, by_id, feed_of, run
from tests.live import BEGIN, lines_of, model_folder, settings_of

LINES = feed_of(seq=False)
ROOT = Path(__file__).parents[2]
# a ward that needs so long for each block that any feed is too fast for it
SLOW = """
import sys, time
from vitals.ward.ward import Ward
feed = Ward.feed
def slow(self, block):
    time.sleep(0.03)
    return feed(self, block)
Ward.feed = slow
from vitals.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model and a policy that alerts."""
    path = model_folder(tmp_path_factory.mktemp("model"), settings_of(hidden=4))
    (path / "policy.toml").write_text('threshold = 0.5\nclear = 0.3\nsilence = "2h"\n')
    return path


def started(*arguments: object, code: str | None = None) -> subprocess.Popen[bytes]:
    """``vitals watch`` as a process of its own."""
    how = ["-m", "vitals"] if code is None else ["-c", code]
    command = [sys.executable, *how, "watch", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT, env=os.environ)


def until(what: Callable[[], object]) -> None:
    """Wait for something, a minute at most."""
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def address_of(process: subprocess.Popen[bytes]) -> str:
    """Where it serves its metrics."""
    assert process.stderr is not None
    found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline().decode())
    assert found is not None
    return found[0]


def metric(address: str, name: str) -> float:
    """One number of its metrics."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


def wait_for(address: str, name: str, number: float) -> None:
    """Wait until one number of its metrics is so high."""
    until(lambda: metric(address, name) >= number)


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_to_stop_ends_at_once(folder: Path, first: signal.Signals) -> None:
    """The block in hand cannot be answered, as nobody reads what is said."""
    with started(folder) as process:
        assert process.stdin is not None
        threading.Thread(target=flood, args=(process, many_samples(200_000)), daemon=True).start()
        until(lambda: full(process))
        process.send_signal(first)
        time.sleep(0.5)
        assert process.poll() is None  # it waits to be read
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM
        process.stdin.close()


def waiting(process: subprocess.Popen[bytes]) -> int:
    """Bytes that it has said and nobody has read."""
    assert process.stdout is not None
    return int.from_bytes(fcntl.ioctl(process.stdout, termios.FIONREAD, bytes(4)), sys.byteorder)


def full(process: subprocess.Popen[bytes]) -> bool:
    """Whether nothing more can be said until somebody reads; half-filled pages count as full ones."""
    before = waiting(process)
    time.sleep(0.5)
    return waiting(process) == before > 1 << 14


def many_samples(number: int) -> bytes:
    """One sample a minute of each of ten stays."""
    line = '{{"stay":"p{}","time":{},"signal":"heart_rate","value":{}}}\n'.format
    return "".join(line(i % 10, BEGIN + i // 10 * 60_000_000, 60 + i % 40) for i in range(number)).encode()


def flood(process: subprocess.Popen[bytes], content: bytes) -> int:
    """Give all that is taken; returns how much that was."""
    assert process.stdin is not None
    given = 0
    try:
        for at in range(0, len(content), 4096):
            given += os.write(process.stdin.fileno(), content[at : at + 4096])
    except (BrokenPipeError, OSError):
        return given
    return given


@pytest.mark.slow
def test_a_ward_in_a_folder_that_is_told_to_stop_goes_on_exactly(folder: Path, tmp_path: Path) -> None:
    """Wherever it was; a stop before any line, and a second one at the same line, too."""
    state, out = tmp_path / "s", tmp_path / "out"
    for upto in (0, 0, len(LINES) // 3, len(LINES) // 2, len(LINES) // 2):
        with started(folder, "--state", state, "--out", out, "--metrics", "127.0.0.1:0") as process:
            assert process.stdin is not None
            address = address_of(process)
            process.stdin.write(b"".join(LINES[:upto]))
            process.stdin.flush()
            wait_for(address, "vitals_ready", 1)
            wait_for(address, "vitals_input_lines_total", upto)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            process.stdin.close()
        assert lines_of(out.read_bytes())[-1]["reason"] == "stopping"
    again = run(folder, Pieces(b"".join(LINES), 500), state)
    said = {name: line for name, line in by_id(out.read_bytes(), again).items() if line.get("reason") != "stopping"}
    assert said == by_id(run(folder, Pieces(b"".join(LINES), 500), None))


@pytest.mark.slow
def test_a_feed_that_is_too_fast_is_held_up_and_told_of(folder: Path, tmp_path: Path) -> None:
    """F33: what the ward has not taken waits at its source, its memory stays what it was, and the lag is told and told off."""
    content, out, given, memory = many_samples(120_000), tmp_path / "out", [0], []
    with started(folder, "--out", out, "--max-lag", 1, "--metrics", "127.0.0.1:0", code=SLOW) as process:
        address = address_of(process)
        began = time.monotonic()

        def feed() -> None:
            for at in range(0, len(content), 1 << 16):
                given[0] += flood(process, content[at : at + (1 << 16)])

        feeder = threading.Thread(target=feed)
        feeder.start()
        ahead = []
        while feeder.is_alive():
            now = given[0]  # before what was taken is asked: so no more can be ahead
            ahead.append(now - metric(address, "vitals_input_bytes_total"))
            memory.append(resident(process.pid))
            time.sleep(0.1)
        took = time.monotonic() - began
        until(lambda: metric(address, "vitals_input_bytes_total") == len(content))
        until(lambda: b'"caught_up"' in out.read_bytes())
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
    reasons = [line.get("reason") for line in lines_of(out.read_bytes())]
    assert reasons.count("overloaded") == reasons.count("caught_up") == 1
    assert reasons.index("overloaded") < reasons.index("caught_up")
    assert max(ahead) <= 3 << 16  # a pipe, a block in hand, and a piece that is being given
    settled = memory[len(memory) // 4 :]
    assert max(settled) - settled[0] < 20 << 20
    assert by_count(out.read_bytes()) == by_count(run(folder, Pieces(content, 1 << 16), None))
    offered = speed_of_a_pipe(content)
    record(
        "F33", "a feed that writes as fast as it can into a ward that needs 30 ms a block", "held up, not shed; memory flat; told",
        f"offered at {offered * took / len(content):.0f} times the speed of the ward: at most {max(ahead) / 1024:.0f} kB not yet "
        f"taken, memory grew by {(max(settled) - settled[0]) / 2**20:.1f} MB, overloaded and caught_up once each, all "
        f"{len(content):,} bytes answered",
    )  # fmt: skip


def resident(number: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{number}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def by_count(output: bytes) -> list[tuple[str, str]]:
    """The stays and times of all risks, sorted: nothing else may differ by how it came."""
    return sorted((line["stay"], line["time"]) for line in lines_of(output) if line["kind"] == "risk")


def speed_of_a_pipe(content: bytes) -> float:
    """Bytes a second that the same feed has where nothing holds it up."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        began = time.monotonic()
        assert flood(process, content) == len(content)
        return len(content) / (time.monotonic() - began)


def test_a_running_ward_is_looked_at(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with started(folder, "--out", out, "--metrics", "127.0.0.1:0") as process:
        assert process.stdin is not None
        address = address_of(process)
        process.stdin.write(b"".join(LINES))
        process.stdin.flush()
        until(lambda: metric(address, "vitals_answer_seconds_count") and b'"alert"' in out.read_bytes())
        until(lambda: metric(address, "vitals_input_lines_total") == len(LINES))
        command = [sys.executable, "-m", "vitals", "top", address.removeprefix("http://"), "--out", str(out), "--once"]
        shown = subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout.decode()
        process.stdin.close()
        assert process.wait(60) == 0
    assert "vitals top" in shown
    assert re.search(rf"events\W+{len(LINES)}", shown)
    assert re.search(r"takes input\W+(yes|True)", shown)
    assert "highest latest risks" in shown
    stays = {line["stay"] for line in lines_of(out.read_bytes()) if line["kind"] == "risk"}
    assert any(re.search(rf"\b{stay}\b", shown) for stay in stays)
