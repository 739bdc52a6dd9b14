"""A live feed with a running clock: through a pipe, with and without a folder, and what must not go together."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.live import lines_of, model_folder, settings_of
from vitals.cli.main import main
from vitals.errors import SettingsError
from vitals.flows import ticking, watching
from vitals.flows.watching import watch
from vitals.spec.duration import Duration

SECOND = 1_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, hourly."""
    return model_folder(tmp_path_factory.mktemp("model"), settings_of(hidden=4))


def sample(stay: str, at: float, **more: Any) -> bytes:
    """A heart rate so many seconds after now."""
    line = {"stay": stay, "time": round((time.time() + at) * SECOND), "signal": "heart_rate", "value": 80, **more}
    return json.dumps(line).encode() + b"\n"


class Fast(ticking.Ticking):
    """Clock lines twenty times as often as was asked for."""

    def __init__(self, source: ticking.Source, every: float) -> None:
        super().__init__(source, every / 20)
        self.ticks = 0
        Fast.latest = self

    latest: Fast | None = None

    def _tick(self) -> bytes:
        self.ticks += 1
        return super()._tick()


def wait_for(ticks: int) -> None:
    """Wait until so many clock lines went into the feed."""
    while Fast.latest is None or Fast.latest.ticks < ticks:
        time.sleep(0.01)


def through_a_pipe(folder: Path, pieces: list[bytes], **how: Any) -> list[dict[str, Any]]:
    """What a ward says to pieces that come when now is known, one by one."""
    Fast.latest = None
    begin, end = os.pipe()
    sink = io.BytesIO()

    def send() -> None:
        with os.fdopen(end, "wb", buffering=0) as pipe:
            for i, piece in enumerate(pieces):
                wait_for(5 * (i + 1))  # also within a line
                pipe.write(piece)
                time.sleep(0.1)

    sender = threading.Thread(target=send)
    sender.start()
    with os.fdopen(begin, "rb") as source:
        watch(folder, source, sink, clock=Duration.parse("1s"), **how)
    sender.join()
    return lines_of(sink.getvalue())


@pytest.mark.parametrize("durable", [False, True])
def test_the_future_is_left_out_while_nothing_else_comes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    """Clock lines come while the pipe is empty, be it within a line, and are part of what is kept."""
    monkeypatch.setattr(watching, "Ticking", Fast)
    how = {"state": tmp_path / "state"} if durable else {}
    half = sample("p1", 1)
    pieces = [sample("p1", 0), half[:20], half[20:] + sample("p1", 3600), sample("p2", 86_400)]
    told = through_a_pipe(folder, pieces, **how)
    left = next(line for line in told if line.get("reason") == "summary")["counts"]
    assert left == {"admitted_by_sample": 1, "future": 2}
    if durable:
        again = io.BytesIO()
        watch(folder, io.BytesIO(), again, **how)
        assert next(line for line in lines_of(again.getvalue()) if line.get("reason") == "summary")["counts"] == left


def test_a_feed_of_the_past_has_no_clock_unless_it_is_asked_for(folder: Path) -> None:
    sink = io.BytesIO()
    watch(folder, io.BytesIO(sample("p1", 86_400 * 300)), sink)
    assert not any(line.get("reason") == "future" for line in lines_of(sink.getvalue()))


def test_what_does_not_go_together_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="corrected risks together with a state"):
        watch(folder, io.BytesIO(), io.BytesIO(), state=tmp_path, rescore=True)
    for text in ("0s", "2h"):
        with pytest.raises(SettingsError, match="1s to 1h"):
            watch(folder, io.BytesIO(), io.BytesIO(), clock=Duration.parse(text))
    assert main(["watch", str(folder), "--clock", "10"]) == 1


def test_corrected_risks_are_marked_and_have_ids_of_their_own(folder: Path) -> None:
    hour = 3600 * SECOND
    lines = [
        {"stay": "p1", "time": t, "signal": "heart_rate", "value": v}
        for t, v in ((1, 80), (hour + 1, 90), (2 * hour + 1, 95), (hour // 2, 140), (3 * hour + 1, 90))
    ]
    sink = io.BytesIO()
    watch(folder, io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines)), sink, rescore=True)
    risks = [line for line in lines_of(sink.getvalue()) if line["kind"] == "risk"]
    corrected = [line for line in risks if line.get("corrected")]
    assert [line["time"] for line in corrected] == ["1970-01-01T01:00:00Z", "1970-01-01T02:00:00Z"]
    assert len({line["id"] for line in risks}) == len(risks)
    assert all("corrected" not in line for line in risks if line not in corrected)
