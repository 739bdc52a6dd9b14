"""A ward that is broken on purpose, in each way that a law forbids, is caught by that law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.faults.disk import Disk
from tests.faults.lives import Lives
from tests.faults.simulator import POLICY, Trial, simulate_faults, simulated_settings
from tests.live import model_folder
from vitals.durable.log import Log
from vitals.ward import ward as ward_module
from vitals.ward.outputs import risk_id
from vitals.ward.tally import Tally
from vitals.ward.ward import Ward

Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights."""
    return model_folder(tmp_path_factory.mktemp("model"), simulated_settings())


def one_line_is_dropped(patch: Patch) -> None:
    feed = Lives.feed
    patch.setattr(Lives, "feed", lambda self, lines: feed(self, lines[1:] if self._count in range(200, 280) else lines))


def one_line_comes_twice(patch: Patch) -> None:
    feed = Lives.feed
    patch.setattr(Lives, "feed", lambda self, lines: feed(self, lines[:1] * (self._count in range(200, 280)) + lines))


def outputs_get_another_id_each_time(patch: Patch) -> None:
    calls = iter(range(10**9))
    patch.setattr("vitals.ward.outputs.risk_id", lambda *about: risk_id(*about) + str(next(calls)))


def a_snapshot_forgets(part: str, name: str, value: Any) -> Callable[[Patch], None]:
    def broken(patch: Patch) -> None:
        kept = Ward.kept

        def forgetful(self: Ward) -> dict[str, Any]:
            every = kept(self)
            old = every[part][name]
            new = np.full_like(old, value) if isinstance(old, np.ndarray) else value
            return every | {part: every[part] | {name: new}}

        patch.setattr(Ward, "kept", forgetful)

    return broken


def a_bed_keeps_what_its_last_patient_left(patch: Patch) -> None:
    admit = Ward._admit

    def leaky(self: Ward, bed: Any, admitted: Any) -> None:
        before = self._hidden[bed].copy() if bed.max() < len(self._hidden) else None
        admit(self, bed, admitted)
        if before is not None:
            self._hidden[bed] = before

    patch.setattr(Ward, "_admit", leaky)


def a_log_forgets_its_last_piece(patch: Patch) -> None:
    pieces = Log.pieces
    patch.setattr(Log, "pieces", lambda self, first: iter(list(pieces(self, first))[:-1]))


def a_log_that_is_not_written(patch: Patch) -> None:
    append, refuse = Log.append, "vitals.durable.folder.Folder.refuse_loss"
    patch.setattr(Log, "append", lambda self, *piece: None if "log-" in self.path.name else append(self, *piece))
    patch.setattr(refuse, lambda self, line: None)


def rows_from_the_future(patch: Patch) -> None:
    advance = ward_module.advance

    def early(*given: Any) -> Any:
        carry, rows, dropped = advance(*given)
        return carry, replace(rows, age=rows.age - np.float32(0.6)), dropped

    patch.setattr(ward_module, "advance", early)


def a_risk_from_nothing(patch: Patch) -> None:
    score = ward_module.score_rows
    patch.setattr(ward_module, "score_rows", lambda *given: np.nan_to_num(score(*given), nan=np.float32(0.1)))


def a_count_is_lost(patch: Patch) -> None:
    note = Tally.note

    def careless(self: Tally, reason: str, *about: Any, **more: Any) -> None:
        if reason != "duplicate" or about[1] // 1000 % 3:
            note(self, reason, *about, **more)

    patch.setattr(Tally, "note", careless)


def late_samples_are_taken_in(patch: Patch) -> None:
    """The ward, and not the oracle, waits a minute longer than the grace."""
    advance = ward_module.advance

    def patient(settings: Any, *rest: Any) -> Any:
        window = replace(settings.window, grace=type(settings.window.grace)(settings.window.grace + 60_000_000))
        return advance(replace(settings, window=window), *rest)

    patch.setattr(ward_module, "advance", patient)


def a_score_that_is_missed_is_not_told(patch: Patch) -> None:
    patch.setattr("vitals.ward.outputs._NOTICE", {1: "valid_score_again", 2: "no_valid_score"})


def a_torn_write_is_taken_for_whole(patch: Patch) -> None:
    patch.setattr(Disk, "survivor", _without_log(Disk.survivor))


def _without_log(survivor: Any) -> Any:
    def broken(self: Disk, fresh: Path) -> None:
        survivor(self, fresh)
        for file in fresh.glob("log-*.sqlite*"):
            file.unlink()
        (fresh / "head").unlink(missing_ok=True)

    return broken


BROKEN = {
    "never dies": [one_line_is_dropped, one_line_comes_twice],
    "never dies|the same id": [
        a_snapshot_forgets("hidden", "hidden", 0.0),
        a_snapshot_forgets("slabs", "value", np.nan),
        a_snapshot_forgets("alerts", "bed", 0),
        a_snapshot_forgets("tally", "total", {}),
    ],
    "only one side|the same id|dies says": [outputs_get_another_id_each_time],
    "in which it is alone|event time": [a_bed_keeps_what_its_last_patient_left],
    "acknowledged line": [a_log_that_is_not_written, a_torn_write_is_taken_for_whole],
    "an age of": [rows_from_the_future],
    "empty window": [a_risk_from_nothing],
    "counters": [a_count_is_lost],
    "event time|empty window|counters": [late_samples_are_taken_in],
    "never told that this": [a_score_that_is_missed_is_not_told],
}


def live(folder: Path) -> None:
    """A few trials: an accident may need some luck to show."""
    for seed in range(3):
        simulate_faults(Trial(seed, beds=4, hours=14, alone=1), folder, POLICY)


@pytest.mark.parametrize(
    ("law", "broken"), [(law, broken) for law, every in BROKEN.items() for broken in every],
    ids=lambda case: getattr(case, "__name__", None),
)  # fmt: skip
def test_a_broken_ward_is_caught(folder: Path, law: str, broken: Any, monkeypatch: Patch) -> None:
    broken(monkeypatch)
    with pytest.raises(AssertionError, match=law) as caught:
        live(folder)
    assert "see it again with: make soak SEED=" in "".join(caught.value.__notes__)
