"""A ward that goes on from what was kept of it says the same bytes as one that never stopped, at every cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.keeping import feed_of
from tests.live import model_folder, settings_of
from vitals.durable import snapshot
from vitals.durable.log import Log
from vitals.durable.snapshot import FORMAT, read_snapshot, write_snapshot
from vitals.errors import StateError
from vitals.feeds.lines import Output
from vitals.feeds.ndjson import encode_lines
from vitals.scoring.model import Model, open_model
from vitals.spec.policy import AlertPolicy
from vitals.ward.ward import Ward

FEED = b"".join(feed_of(stays=4, hours=10))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(model_folder(tmp_path_factory.mktemp("model"), settings_of(hidden=4, grace="30min")))


@pytest.fixture(scope="module")
def policy() -> AlertPolicy:
    return AlertPolicy(0.5, 0.3, 0.9, persistence=(2, 3), max_per_day=3)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "ward"


@given(cut=st.integers(0, len(FEED)), beds=st.sampled_from([1, 64]))
def test_restored_at_any_byte_and_fed_on_is_as_never_stopped(
    model: Model, policy: AlertPolicy, file: Path, cut: int, beds: int
) -> None:
    ward = Ward(model, policy, beds)
    ward.feed(FEED[:cut])
    write_snapshot(file, ward.kept())
    other = Ward.restored(model, policy, read_snapshot(file))
    assert _without_start(other.feed(FEED[cut:])) == encode_lines(ward.feed(FEED[cut:]))
    assert encode_lines(other.close()) == encode_lines(ward.close())


def _without_start(lines: list[Output]) -> bytes:
    assert getattr(lines[0], "reason", None) == "started"
    return encode_lines(lines[1:])


def test_the_time_of_a_line_that_tells_none_is_kept(model: Model, policy: AlertPolicy) -> None:
    ward = Ward(model, policy)
    ward.feed(b'{"kind":"clock","time":7}\n')
    other = Ward.restored(model, policy, ward.kept())
    assert other.feed(b"what?\n")[-1].time == "1970-01-01T00:00:00.000007Z"


@pytest.mark.parametrize("part", ["reader", "tally", "hidden", "alerts", "words"])
def test_every_part_of_what_is_kept_matters(model: Model, policy: AlertPolicy, file: Path, part: str) -> None:
    """Were any part forgotten, the comparison above would see it at one of these cuts."""
    seen = False
    for cut in range(1_500, len(FEED), 997):
        ward = Ward(model, policy)
        ward.feed(FEED[:cut])
        write_snapshot(file, ward.kept())
        kept = read_snapshot(file)
        kept[part] = Ward(model, policy).kept()[part]
        try:
            other = Ward.restored(model, policy, kept)
            changed = encode_lines(other.feed(FEED[cut:])[1:] + other.close())
        except (StateError, KeyError, IndexError):
            seen = True
            break
        seen = seen or changed != encode_lines(ward.feed(FEED[cut:]) + ward.close())
    assert seen


def test_nothing_a_ward_remembers_is_left_out(model: Model, policy: AlertPolicy) -> None:
    """Who gives a ward another attribute says here whether it is kept, or made again from what is."""
    kept = {"_reader", "_beds", "_tally", "_intake", "_carry", "_hidden", "_alerts", "_silence"}
    made_again = {"_model", "_policy", "_key", "_unseen", "_plain", "_lines", "_provisional", "_rescore", "_parts"}
    assert set(vars(Ward(model, policy))) <= kept | made_again


def changed(kept: dict[str, Any], part: str, name: str, array: Any) -> dict[str, Any]:
    return kept | {part: kept[part] | {name: array}}


def test_another_form_is_refused_and_never_misread(model: Model, policy: AlertPolicy) -> None:
    kept = Ward(model, policy).kept()
    wrong = [
        changed(kept, "hidden", "hidden", np.zeros((64, 5), np.float32)),
        changed(kept, "slabs", "head", np.zeros(64, np.int64)),
        changed(kept, "slabs", "head", np.zeros(63, np.int32)),
        changed(kept, "alerts", "bed", np.zeros(64)),
        changed(kept, "pool", "time", np.zeros(3, np.int64)),
        {**kept, "slabs": {}}, {**kept, "more": 1}, {name: part for name, part in kept.items() if name != "words"},
    ]  # fmt: skip
    for one in wrong:
        with pytest.raises(StateError, match="written by another version"):
            Ward.restored(model, policy, one)


def test_an_older_format_is_migrated_where_it_is_known_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F34: step by step, each migration from its format to the next."""
    write_snapshot(tmp_path / "s", {"beds": 3})
    monkeypatch.setattr(snapshot, "FORMAT", FORMAT + 2)
    with pytest.raises(StateError, match=f"state of format {FORMAT}.*format {FORMAT + 2}.*the version of vitals that"):
        read_snapshot(tmp_path / "s")
    monkeypatch.setitem(snapshot.MIGRATIONS, FORMAT, lambda values: {"rooms": values["beds"]})
    with pytest.raises(StateError, match=f"state of format {FORMAT + 1}"):
        read_snapshot(tmp_path / "s")
    monkeypatch.setitem(snapshot.MIGRATIONS, FORMAT + 1, lambda values: {"rooms": values["rooms"] + 1})
    assert read_snapshot(tmp_path / "s") == {"rooms": 4}


def test_a_newer_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "FORMAT", FORMAT + 1)
    write_snapshot(tmp_path / "s", {})
    monkeypatch.undo()
    with pytest.raises(StateError, match=f"state of format {FORMAT + 1}"):
        read_snapshot(tmp_path / "s")


def test_only_plain_values_are_kept(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="plain values"):
        write_snapshot(tmp_path / "s", {"file": object()})
    assert not list(tmp_path.iterdir())


def test_pieces_of_a_log_follow_each_other(tmp_path: Path) -> None:
    log = Log(tmp_path / "l")
    for first in (0, 2, 4, 7):
        log.append(first, 2, b"x" * first)
    read = log.pieces(2)
    assert [next(read), next(read)] == [(2, 2, b"xx"), (4, 2, b"xxxx")]
    with pytest.raises(StateError, match="a damaged piece at 6"):
        next(read)
    log.cut(before=4, behind=7)
    assert list(log.pieces(4)) == [(4, 2, b"xxxx")]
    assert log.begins() == 4


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l").write_bytes(b"x" * 5_000)
    with pytest.raises(StateError, match="restore the folder from a copy"):
        Log(tmp_path / "l")
