"""A ward that is run: measured, stopped, silenced, and given another model."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.keeping import feed_of
from tests.live import by_stay, lines_of, model_folder, settings_of
from vitals.cli.top import look
from vitals.errors import SettingsError
from vitals.feeds.lines import DIGITS
from vitals.flows.operating import operating
from vitals.flows.swapping import Swap
from vitals.flows.watching import watch
from vitals.operation.logs import Log
from vitals.operation.running import Running
from vitals.operation.serving import read_address
from vitals.scoring.model import open_model
from vitals.spec.duration import Duration
from vitals.ward.ward import Ward

SECRET = b"tell-tale-stay"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with four hours of memory, and a policy that alerts."""
    path = model_folder(tmp_path_factory.mktemp("model"), settings_of(hidden=4, lookback="4h"))
    (path / "policy.toml").write_text('threshold = 0.5\nclear = 0.3\nsilence = "2h"\n')
    return path


@pytest.fixture(scope="module")
def feed() -> list[bytes]:
    """Lines of every kind, of stays whose names could be found anywhere."""
    return [line.replace(b'"p1"', b'"%s"' % SECRET) for line in feed_of(seq=False)]


def page(place: str, name: str) -> tuple[int, str]:
    """What a page of the ward says."""
    with urllib.request.urlopen(f"{place}/{name}", timeout=10) as answer:
        return answer.status, answer.read().decode()


def test_a_ward_is_measured_and_drained(folder: Path, feed: list[bytes], tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    command = [sys.executable, "-m", "vitals", "watch", str(folder), "--metrics", "127.0.0.1:0", "--log", str(log),
               "--out", str(out), "--silent"]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline().decode())
        assert found is not None
        process.stdin.write(b"".join(feed))
        process.stdin.flush()
        until = time.monotonic() + 60
        lines = f"vitals_input_lines_total {float(len(feed))}"
        wanted = {lines, 'vitals_risks_total{kind="number"}', 'reason="silent"'}  # a block is counted, then answered
        while not all(part in page(found[0], "metrics")[1] for part in wanted) and time.monotonic() < until:
            time.sleep(0.05)
        status, text = page(found[0], "metrics")
        assert (status, lines in text) == (200, True)
        assert 'vitals_risks_total{kind="number"}' in text
        assert 'reason="silent"' in text
        assert json.loads(page(found[0], "readyz")[1])["ready"] is True
        assert json.loads(page(found[0], "healthz")[1]) == {"alive": True}
        shown = subprocess.run(
            [sys.executable, "-m", "vitals", "top", found[0], "--json"], capture_output=True, check=True
        )
        assert json.loads(shown.stdout)["events"] == len(feed)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    said = lines_of(out.read_bytes())
    assert said[-1]["reason"] == "stopping"
    assert not [line for line in said if line["kind"] == "alert" and line["suppressed_by"] is None]
    assert SECRET in out.read_bytes()
    for told in (text.encode(), log.read_bytes()):
        assert told
        assert SECRET not in told
    assert {json.loads(line)["event"] for line in log.read_text().splitlines()} >= {"serving", "started", "stopping"}


def test_a_silent_ward_says_what_a_loud_one_says(folder: Path, feed: list[bytes]) -> None:
    loud, silent = io.BytesIO(), io.BytesIO()
    watch(folder, io.BytesIO(b"".join(feed)), loud)
    watch(folder, io.BytesIO(b"".join(feed)), silent, running=Running(silent=True))
    assert b'"suppressed_by":null' in loud.getvalue()
    assert silent.getvalue() == loud.getvalue().replace(b'"suppressed_by":null', b'"suppressed_by":"silent"')


def test_leases_that_are_lost_are_counted_where_there_are_metrics(folder: Path) -> None:
    opened = open_model(folder)
    swap = Swap(opened, None, lambda: (opened, None))
    with operating(Running(), swap, io.BytesIO()) as operation:
        operation.lost_lease("expired")  # nobody counts
    with operating(Running(metrics="127.0.0.1:0"), swap, io.BytesIO()) as operation:
        for reason in ("expired", "taken", "expired"):
            operation.lost_lease(reason)
        assert operation.metrics is not None
        text = operation.metrics.text()
    assert b'vitals_lease_losses_total{reason="expired"} 2.0' in text
    assert b'vitals_lease_losses_total{reason="taken"} 1.0' in text


def run_with_swap(old: Path, new: Path, lines: list[bytes], after: Duration | None = None) -> list[dict[str, Any]]:
    """What a ward says whose model is swapped after a third of its lines."""
    opened, other, sink = open_model(old), open_model(new), io.BytesIO()
    with operating(Running(), Swap(opened, None, lambda: (other, None), after), sink) as operation:
        operation.begin(Ward(opened))
        operation.reading(io.BytesIO())
        for i, line in enumerate(lines):
            operation.answer(line)
            if i == len(lines) // 3:
                operation.requests.reload = True
                operation.reading(io.BytesIO()).read1(1)
        operation.end()
    return lines_of(sink.getvalue())


def test_after_a_swap_every_risk_is_that_of_a_ward_that_always_had_the_new_model(folder: Path, tmp_path: Path) -> None:
    lines = feed_of(seq=False)
    other = model_folder(tmp_path / "other", settings_of(hidden=4, lookback="4h"), seed=2)
    said = run_with_swap(folder, other, lines)
    reasons = [line.get("reason") for line in said]
    began, swapped = reasons.index("swap_began"), reasons.index("model_swapped")
    alone = {}
    for path in (folder, other):
        ward = Ward(open_model(path))
        output = [text for line in lines for text in ward.feed(line)] + ward.close()
        alone[path] = {line.id: line.risk for line in output if hasattr(line, "risk")}
    before = [line for line in said[:swapped] if line["kind"] == "risk"]
    after = [line for line in said[swapped:] if line["kind"] == "risk"]
    assert began < swapped
    assert before
    assert after
    for part, path in ((before, folder), (after, other)):
        assert {line["model"] for line in part} == {open_model(path).digest[:DIGITS]}
    assert {line["id"]: line["risk"] for line in before}.items() <= alone[folder].items()
    assert {line["id"]: line["risk"] for line in after}.items() <= alone[other].items()
    assert len(before) + len(after) == len(alone[folder])


def test_a_model_that_reads_the_ward_in_another_way_is_refused(folder: Path, tmp_path: Path) -> None:
    other = model_folder(tmp_path / "other", settings_of(hidden=4, lookback="4h", grace="7min"))
    said = run_with_swap(folder, other, feed_of(seq=False))
    refused = next(line for line in said if line.get("reason") == "swap_refused")
    assert "[window] grace" in refused["notice"]
    assert "model_swapped" not in {line.get("reason") for line in said}
    assert by_stay(b"".join(json.dumps(line).encode() + b"\n" for line in said[-20:]), "risk")


@pytest.mark.parametrize("text", ["0.0.0.0:0", "[::]:0", "10.0.0.1:9464"])
def test_an_address_that_others_reach_needs_a_word(text: str) -> None:
    with pytest.raises(SettingsError, match="--metrics-anywhere"):
        read_address(text)
    assert read_address(text, anywhere=True)[1] in {0, 9464}


def test_a_log_that_cannot_be_written_is_told_once_and_the_ward_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log(Path("/dev/full"))
    for number in range(3):
        log.say("info", "started", number=number)
    log.close()
    told = capsys.readouterr().err
    assert told.count("the ward goes on") == 1
    assert "Traceback" not in told
    assert log.lost == 3


def test_top_refuses_what_speaks_no_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(1 << 12)  # a question that is answered; unread, it would become a reset
            connection.sendall(b"INFO {}\r\n")
            connection.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(SettingsError, match="a running ward"):
            look(f"127.0.0.1:{port}")
        thread.join(10)
