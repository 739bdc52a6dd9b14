"""The live ward: NDJSON bytes to risks, against the ordinary ways of answering events.

    python benchmarks/live.py [--beds 2000] [--rounds 5] [--many-beds 100000] [--seconds 600]

A GRU-64 with the windows of ``settings/ward.toml`` and random weights (speed does not depend on them); every bed sends one
sample a second; 64 KB a read. *committed* is the ward's risks of closed steps; *provisional* answers every sample as well.
Both count the bytes that go out. The peers answer every event with a risk and write nothing: *PyTorch, window* is json and a
window of 48 rows for every event; *ONNX step, one at a time* is msgspec and a carried state; *ONNX step, micro-batches* decodes
64 KB at once and scores each bed of it once. Peers do less: no windowing, lateness, limits or duplicates.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import _timing
import msgspec
import numpy as np
import torch
from _timing import Spread

from vitals.feeds.lines import Answers, Line
from vitals.feeds.ndjson import encode_lines
from vitals.learning.encoder import Scale
from vitals.learning.export import export
from vitals.learning.network import Network
from vitals.scoring.model import Model, read_model
from vitals.spec.settings import Settings
from vitals.ward.trial import difference, gru_of
from vitals.ward.ward import Ward

SETTINGS = Path(__file__).parent.parent / "settings" / "ward.toml"
READ = 1 << 16
BEGIN = 1_767_225_600_000_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
WINDOW = 48
USUAL = {"heart_rate": 85, "spo2": 95, "sbp": 120, "temperature": 37, "resp_rate": 16, "dbp": 70, "map": 80, "age": 60}


def networks() -> tuple[Network, Model]:
    """A random GRU-64, and its exported file, opened."""
    tables = Settings.from_toml(SETTINGS).to_tables()
    tables["network"].update(kind="gru", embed=64, hidden=64)
    settings = Settings.from_tables(tables)
    torch.manual_seed(1)
    network = Network(settings).eval()
    mean = np.array([USUAL.get(name, 1) for name in settings.channels], np.float32)
    network.encoder.load(Scale(0.5 * mean, 1.5 * mean, mean, 0.1 * mean, np.ones_like(mean)))
    return network, read_model(export(network, settings, {}))


class Feed:
    """One sample a second from every bed, in turn, the signals one after the other; a piece at a time."""

    def __init__(self, model: Model, beds: int) -> None:
        self.beds, self.second = beds, 0
        self._signals = list(model.settings.signals)
        self._random = np.random.default_rng(1)

    def admissions(self) -> bytes:
        """Beds that were admitted half an hour ago, so that they have risks."""
        ago = self._random.integers(31 * MINUTE, 32 * MINUTE, self.beds)
        lines = (f'{{"kind":"admit","stay":"p{b:06d}","time":{BEGIN - a}}}\n' for b, a in enumerate(ago.tolist()))
        return "".join(lines).encode()

    def next(self, seconds: int) -> bytes:
        """The samples of the next seconds."""
        parts = []
        for _ in range(seconds):
            usual = np.array([USUAL.get(name, 0) for name in self._signals], float)
            which = (self.second + np.arange(self.beds)) % len(self._signals)
            values = np.round(usual[which] * (1 + 0.02 * self._random.standard_normal(self.beds)), 1).tolist()
            begin = BEGIN + self.second * SECOND
            parts += [
                f'{{"stay":"p{b:06d}","time":{begin + b * SECOND // self.beds},"signal":"{self._signals[c]}","value":{v}}}\n'
                for b, c, v in zip(range(self.beds), which.tolist(), values, strict=True)
            ]
            self.second += 1
        return "".join(parts).encode()


def reads(content: bytes) -> Iterator[bytes]:
    """64 KB at a time."""
    return (content[at : at + READ] for at in range(0, len(content), READ))


def ours(ward: Ward, feed: Feed, rounds: int, seconds: int) -> Callable[[], int]:
    """Answer the next piece of the feed, bytes in and bytes out; generated before anything is timed."""
    for block in reads(feed.admissions() + feed.next(240)):
        ward.feed(block)
    pieces = iter([feed.next(seconds) for _ in range(rounds + 1)])

    def run() -> int:
        return sum(len(encode_lines(ward.feed(block))) for block in reads(next(pieces)))

    return run


def window_peer(network: Network, model: Model, content: bytes, events: int) -> Callable[[], None]:
    """json, a window of 48 rows of the bed, PyTorch, for each event."""
    lines, channels = content.splitlines()[:events], list(model.settings.channels)
    windows: dict[str, np.ndarray] = {}

    def run() -> None:
        with torch.no_grad():
            for text in lines:
                line = json.loads(text)
                window = windows.setdefault(line["stay"], np.full((WINDOW, len(channels)), np.nan, np.float32))
                window[-1, channels.index(line["signal"])] = line["value"]
                value = torch.from_numpy(window)[None]
                logit, _ = network(value, torch.zeros_like(value), torch.zeros(1, network.hidden_size))
                float(network.risk(logit[:, -1]))

    return run


def step_peer(model: Model, content: bytes, events: int, beds: int) -> Callable[[], None]:
    """msgspec and one ONNX Runtime call for each event; the state is carried."""
    lines, column = content.splitlines()[:events], {name: i for i, name in enumerate(model.settings.channels)}
    value = np.full((beds, 1, len(column)), np.nan, np.float32)
    age, hidden, decoder = np.zeros_like(value), model.initial_hidden(beds), msgspec.json.Decoder(Line)
    bed_of = {f"p{b:06d}": b for b in range(beds)}

    def run() -> None:
        for text in lines:
            line = decoder.decode(text)
            b = bed_of[line.stay or ""]
            value[b, 0, column[line.signal or ""]] = line.value
            model.step(value[b : b + 1], age[b : b + 1], hidden[b : b + 1])

    return run


def batch_peer(model: Model, content: bytes, beds: int) -> Callable[[], None]:
    """msgspec for 64 KB at once and one ONNX Runtime call for the beds in it."""
    column, decoder = {name: i for i, name in enumerate(model.settings.channels)}, msgspec.json.Decoder(Line)
    value = np.full((beds, 1, len(column)), np.nan, np.float32)
    age, hidden = np.zeros_like(value), model.initial_hidden(beds)
    bed_of = {f"p{b:06d}": b for b in range(beds)}
    blocks = [content[at : content.rfind(b"\n", at, at + READ) + 1] for at in range(0, 10 * READ, READ)]
    blocks = [block[block.find(b"\n") + 1 :] for block in blocks]

    def run() -> None:
        for block in blocks:
            lines = decoder.decode_lines(block)
            bed = np.array([bed_of[line.stay or ""] for line in lines])
            value[bed, 0, [column[line.signal or ""] for line in lines]] = [line.value for line in lines]
            touched = np.unique(bed)
            _, hidden[touched] = model.step(value[touched], age[touched], hidden[touched])

    run.events = sum(block.count(b"\n") for block in blocks)
    return run


def throughput(network: Network, model: Model, beds: int, rounds: int) -> None:
    """Events a second of every way, and their ratios within each round."""
    seconds = 30
    feeds = [Feed(model, beds) for _ in range(2)]
    content = Feed(model, beds).next(6)
    batches = batch_peer(model, content, beds)
    runs = {
        "PyTorch, window": (window_peer(network, model, content, 150), 150),
        "ONNX step, one at a time": (step_peer(model, content, 3000, beds), 3000),
        "ONNX step, micro-batches": (batches, batches.events),
        "committed": (ours(Ward(model, beds=beds), feeds[0], rounds, seconds), beds * seconds),
        "provisional": (ours(Ward(model, beds=beds, provisional=True), feeds[1], rounds, seconds), beds * seconds),
    }
    took = _timing.race({name: run for name, (run, _) in runs.items()}, rounds)
    rate = {name: runs[name][1] / took[name] for name in runs}
    print(
        f"{'':28}{'thousand events/s':>36}{'times PyTorch, window':>36}{'times ONNX, one at a time':>36}{'times micro-batches':>36}"
    )
    for name, each in rate.items():
        ratios = [Spread.of(each / rate[peer]) for peer in list(runs)[:3]]
        print(f"{name:28}{Spread.of(each / 1e3)!s:>36}" + "".join(f"{ratio!s:>36}" for ratio in ratios))


def single(model: Model, beds: int, events: int = 4000) -> None:
    """Time from the bytes of one event to the bytes of its provisional risk, in process."""
    feed, ward = Feed(model, beds), Ward(model, beds=beds, provisional=True)
    for block in reads(feed.admissions() + feed.next(240)):
        ward.feed(block)
    took, committing = [], []
    for text in feed.next(-(-events // beds)).splitlines(keepends=True):
        began = time.perf_counter_ns()
        lines = ward.feed(text)
        encode_lines(lines)
        ended = time.perf_counter_ns() - began
        (took if all(isinstance(line, Answers) for line in lines) else committing).append(ended / 1e3)
    for name, times in (("an event that closes nothing", took), ("an event that closes a step", committing)):
        p50, p99 = np.percentile(times, [50, 99])
        print(f"single event, {name}: p50 {p50:.1f} us, p99 {p99:.1f} us ({len(times)} events)")


def resident() -> int:
    """Bytes of memory the process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def many(model: Model, beds: int, seconds: int) -> None:
    """A large ward in virtual time: load of one core and memory."""
    few, small = Feed(model, 100), Ward(model, beds=100)
    for block in reads(few.admissions() + few.next(240)):
        encode_lines(small.feed(block))  # what is compiled is loaded
    before = resident()
    feed, ward = Feed(model, beds), Ward(model, beds=beds)
    for block in reads(feed.admissions()):
        ward.feed(block)
    warm, spent, sizes = 180, 0.0, []
    for second in range(warm + seconds):
        content = feed.next(1)
        began = time.process_time()
        for block in reads(content):
            encode_lines(ward.feed(block))
        if second >= warm:
            spent += time.process_time() - began
            sizes.append(resident())
    first, last = ((size - before) / beds for size in (sizes[0], sizes[-1]))
    print(f"{beds} beds, one event a second each, {seconds} s of virtual time: {beds * seconds / spent / 1e3:.0f} thousand "
          f"events/s, {spent / seconds:.2f} of a core; memory a bed {first:.0f} bytes at its begin, {last:.0f} at its end")  # fmt: skip


def pour(content: bytes, into: IO[bytes]) -> None:
    """Write until nobody reads any more."""
    with suppress(BrokenPipeError):
        into.write(content)


def start(model: Model, beds: int, rounds: int) -> None:
    """Seconds from the start of ``vitals watch`` to its first risk, and its memory with so many beds."""
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "model.onnx"
        file.write_bytes(model.content)
        feed = Feed(model, beds)
        first = feed.admissions() + feed.next(240)
        for number in range(rounds + 1):
            began = time.perf_counter()
            command = [sys.executable, "-m", "vitals", "watch", str(file)]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
                assert process.stdin is not None
                assert process.stdout is not None
                threading.Thread(target=pour, args=[first, process.stdin], daemon=True).start()
                while b'"kind":"risk"' not in process.stdout.readline():
                    pass
                took = time.perf_counter() - began
                while b'"risk":0.' not in process.stdout.readline():
                    pass
                pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
                process.kill()
            if number:  # the first one compiles, if nothing was compiled before
                print(f"start of watch to the first risk of {beds} beds: {took:.2f} s; "
                      f"memory of the process {pages * 4096 / 1e6:.0f} MB")  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Measure everything in one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beds", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--many-beds", type=int, default=100_000, help="0 leaves the large ward out")
    parser.add_argument(
        "--seconds", type=int, default=600, help="of virtual time of the large ward, after three minutes"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    network, model = networks()
    gru = gru_of(model)
    assert gru is not None
    print(f"compiled step against the ONNX file: farthest {difference(gru, model):.1e}")
    throughput(network, model, options.beds, options.rounds)
    single(model, options.beds)
    start(model, 1000, min(options.rounds, 3))
    if options.many_beds:
        many(model, options.many_beds, options.seconds)


if __name__ == "__main__":
    main()
