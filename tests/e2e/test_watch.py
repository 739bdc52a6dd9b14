"""The laws of the live ward: past stays replayed as a feed give the risks and alerts of the offline run, bit for bit."""

from __future__ import annotations

import io
import json
import random
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.live import HOUR, Trickle, by_stay, cohort_folder, counts, lines_of, model_folder, settings_of
from vitals.alerting.decide import AlertState, Outcome, decide
from vitals.cohort.store import open_cohort
from vitals.errors import ModelError, SettingsError
from vitals.flows.replaying import replay
from vitals.flows.scores import score_frame
from vitals.flows.watching import find_policy, watch

KINDS = {
    "gru": {"kind": "gru", "min_observed": 3},
    "lstm": {"kind": "lstm", "grace": "40min", "warm_up": "2h", "min_observed": 2},
    "bounded": {"kind": "gru", "lookback": "4h", "grace": "10min", "min_observed": 3},
}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ward's past, with lateness, doubles, impossible values and a stay without a sample."""
    path = tmp_path_factory.mktemp("ward") / "cohort"
    cohort_folder(path)
    return path


@pytest.fixture(scope="module")
def feed(cohort: Path) -> bytes:
    """The same ward as a feed."""
    return replayed(cohort)


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cohort: Path) -> Path:
    """A model of each kind, with a policy that alerts on some of this ward's risks."""
    path = model_folder(tmp_path_factory.mktemp("model"), settings_of(**KINDS[request.param]))
    risk = score_frame(path, cohort)["risk"]
    assert risk.isna().any()
    low, high = risk.quantile([0.4, 0.7])
    (path / "policy.toml").write_text(f'threshold = {high}\nclear = {low}\npersistence = [2, 3]\nsilence = "3h"\n')
    return path


def replayed(cohort: Path) -> bytes:
    """A cohort as a feed."""
    sink = io.BytesIO()
    replay(cohort, sink)
    return sink.getvalue()


def watched(folder: Path, feed: bytes, most: int = 1 << 16) -> bytes:
    """What a ward says to a feed that comes in blocks of at most this many bytes."""
    sink = io.BytesIO()
    watch(folder, Trickle(feed, most), sink)
    return sink.getvalue()


def offline(folder: Path, cohort: Path) -> dict[str, list[tuple[str, float | None]]]:
    """The offline risks of every stay that has a row."""
    frame = score_frame(folder, cohort)
    stays: dict[str, list[tuple[str, float | None]]] = {}
    for stay, time, risk in zip(frame["stay_id"], frame["prediction_time"], frame["risk"].astype(float), strict=True):
        text = time.isoformat().replace("+00:00", "Z")
        stays.setdefault(stay, []).append((text, None if np.isnan(risk) else risk))
    return stays


def live(output: bytes) -> dict[str, list[tuple[str, float | None]]]:
    """The live risks of every stay that has one, in the order in which they came."""
    return {stay: [(line["time"], line["risk"]) for line in lines] for stay, lines in by_stay(output, "risk").items()}


@pytest.mark.parametrize("most", [1, 61, 4096, 1 << 20])
def test_watch_over_replay_gives_the_risks_of_score(folder: Path, cohort: Path, feed: bytes, most: int) -> None:
    risks = live(watched(folder, feed, most))
    assert risks == offline(folder, cohort)
    assert sum(risk is not None for rows in risks.values() for _, risk in rows) > 50


def test_a_source_that_knows_no_arrival_gives_the_risks_of_score(folder: Path, tmp_path: Path) -> None:
    cohort_folder(tmp_path / "c", stays=5, seed=3, arrival=False)
    assert live(watched(folder, replayed(tmp_path / "c"))) == offline(folder, tmp_path / "c")


def test_a_risk_is_null_with_its_reason_exactly_where_offline_has_none(folder: Path, feed: bytes) -> None:
    for line in lines_of(watched(folder, feed)):
        if line["kind"] == "risk":
            assert ("reason" in line) == (line["risk"] is None)


def test_alerts_are_decide_folded_over_the_offline_risks(folder: Path, cohort: Path, feed: bytes) -> None:
    frame = score_frame(folder, cohort)
    policy, codes = find_policy(folder), pd.factorize(frame["stay_id"])[0]
    assert policy is not None
    time = frame["prediction_time"].astype("int64").to_numpy()
    _, due = decide(policy, AlertState.empty(len(frame)), codes, time, frame["risk"].to_numpy())
    expected = [
        (frame["stay_id"][row], frame["prediction_time"][row].isoformat().replace("+00:00", "Z"),
         float(frame["risk"][row]), Outcome(code).suppressed_by)
        for row, code in zip(due.row.tolist(), due.outcome.tolist(), strict=True)
    ]  # fmt: skip
    for most in (1 << 16, 100):
        output = watched(folder, feed, most)
        alerts = [
            (line["stay"], line["time"], line["risk"], line["suppressed_by"])
            for lines in by_stay(output, "alert").values() for line in lines
        ]  # fmt: skip
        assert sorted(alerts) == sorted(expected)
        assert {by for *_, by in alerts} >= {None, "silence"}
        ids = [line["id"] for line in lines_of(output) if line["kind"] == "alert"]
        assert len(set(ids)) == len(ids) == len(expected)


def test_the_comparison_would_notice_one_changed_sample(folder: Path, cohort: Path, feed: bytes) -> None:
    lines = feed.splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if b'"heart_rate","value":8' in line)
    lines[at] = lines[at].replace(b'"value":8', b'"value":12')
    assert live(watched(folder, b"".join(lines))) != offline(folder, cohort)


@pytest.mark.parametrize("seed", range(5))
def test_the_cut_of_the_stream_changes_no_stay_s_lines(folder: Path, feed: bytes, seed: int) -> None:
    noisy, dice = with_noise(feed, seed), random.Random(seed)
    whole = watched(folder, noisy, len(noisy))
    sink = io.BytesIO()
    watch(folder, _Pieces(noisy, [round(10 ** dice.uniform(0, 4.5)) for _ in range(300)]), sink)  # type: ignore[arg-type]
    cut = sink.getvalue()
    assert by_stay(cut, "risk", "alert") == by_stay(whole, "risk", "alert")
    assert technical(cut) == technical(whole)
    assert counts(cut) == counts(whole)


class _Pieces:
    """A source that gives pieces of given sizes, then the rest."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self._content, self._sizes = io.BytesIO(content), iter(sizes)

    def read1(self, size: int) -> bytes:
        """The next piece."""
        return self._content.read(next(self._sizes, 1 << 20))


def technical(output: bytes) -> dict[tuple[Any, str], list[Any]]:
    """Technical lines by stay and reason."""
    news: dict[tuple[Any, str], list[Any]] = {}
    for line in lines_of(output):
        if line["kind"] == "technical":
            news.setdefault((line["stay"], line["reason"]), []).append(line)
    return news


NOISE = [
    (b"what?", "not_json"),
    (b'{"stay":"s001","time":"2019-01-01T05:00:00Z","signal":"heart_rate","value":NaN}', "not_a_number"),
    (b'{"stay":"s001","time":"2019-01-01T05:00:00Z","signal":"heart_rate","value":null}', None),
    (b'{"stay":"s002","time":"2019-01-01T05:00:00","signal":"heart_rate","value":80}', "no_time_zone"),
    (b'{"stay":"s002","time":"soon","signal":"heart_rate","value":80}', "bad_time"),
    (b'{"stay":3,"time":"2019-01-01T05:00:00Z","signal":"heart_rate","value":80}', "wrong_type"),
    (b'{"stay":"s002","time":"2019-01-01T05:00:00Z","signal":"heartrate","value":80}', None),
    (b'{"stay":"s002","time":"2019-01-01T05:00:00Z","signal":"spo2","value":0.97,"unit":"1"}', None),
    (b'{"kind":"discharge","stay":"nobody","time":"2019-01-01T05:00:00Z"}', "unknown_stay"),
    (b'{"kind":"admit","time":"2019-01-01T05:00:00Z"}', "no_stay"),
    (b'{"stay":"\xff\xfe","time":0}', "not_utf8"),
    (b"[1,2,3]", "not_an_object"),
    (b'{"kind":"weather","stay":"s001","time":"2019-01-01T05:00:00Z"}', "unknown_kind"),
]


def with_noise(feed: bytes, seed: int) -> bytes:
    """A feed with bad lines of every kind strewn in."""
    lines, shuffled = feed.splitlines(), random.Random(seed)
    for line, _ in NOISE * 3:
        lines.insert(shuffled.randrange(len(lines) + 1), line)
    return b"\n".join(lines) + b"\n"


def test_bad_lines_of_every_kind_change_nothing_and_are_counted(folder: Path, feed: bytes) -> None:
    clean, noisy = watched(folder, feed), watched(folder, with_noise(feed, seed=1))
    assert by_stay(noisy, "risk", "alert") == by_stay(clean, "risk", "alert")
    more = Counter(counts(noisy)) - Counter(counts(clean))
    assert more.total() == 3 * len(NOISE)
    assert all(more[reason] >= 3 for _, reason in NOISE if reason)
    reported: Counter[str] = Counter()
    for line in lines_of(noisy):
        if line["kind"] == "technical" and "count" in line:
            reported[line["reason"]] += line["count"]
    assert reported == counts(noisy)


def test_a_bed_does_not_depend_on_the_others(folder: Path, feed: bytes) -> None:
    everybody = by_stay(watched(folder, feed), "risk", "alert")
    for stay, lines in everybody.items():
        alone = b"".join(line for line in feed.splitlines(keepends=True) if b'"stay":"%s"' % stay.encode() in line)
        assert by_stay(watched(folder, alone), "risk", "alert") == {stay: lines}


def test_etco2_live_for_a_model_that_never_saw_it_changes_no_risk(folder: Path, cohort: Path, feed: bytes) -> None:
    """Wherever it comes: no risk moves, none is lost."""
    lines = []
    for line in feed.splitlines(keepends=True):
        lines.append(line)
        if b'"heart_rate"' in line:
            lines.append(line.replace(b'"heart_rate"', b'"etco2"'))
    output = watched(folder, b"".join(lines))
    before, after = live(watched(folder, feed)), live(output)
    assert sum(b'"etco2"' in line for line in lines) > 100
    for stay, rows in before.items():
        for (_, old), (_, new) in zip(rows, after[stay], strict=True):
            # one more signal is known, so min_observed may be reached sooner; a risk that was there is the same
            assert old is None or new == old
            assert new is None or 0 < new < 1


def test_replay_writes_every_stay_between_its_admission_and_its_discharge(cohort: Path, feed: bytes) -> None:
    stays = open_cohort(cohort).stays
    seen: dict[str, list[dict[str, Any]]] = {}
    for line in lines_of(feed):
        seen.setdefault(line["stay"], []).append(line)
    assert len(seen) == len(stays)
    for row in stays.itertuples():
        first, *samples, last = seen[str(row.stay_id)]
        assert (first["kind"], first["subject"], first["site"]) == ("admit", row.subject_id, row.site)
        assert pd.Timestamp(first["time"]) == row.admitted
        assert (last["kind"], pd.Timestamp(last["time"])) == ("discharge", row.discharged)
        told = first["demographics"]
        assert np.float32(told["age"]) == np.float32(row.age)
        assert ("sex" in told) == (not np.isnan(row.sex))
        arrivals = [sample["arrival"] for sample in samples]
        assert arrivals == sorted(arrivals)


def test_replay_gives_back_the_same_float32(cohort: Path, feed: bytes) -> None:
    values = Counter(np.float32(line["value"]) for line in lines_of(feed) if "value" in line)
    stored = Counter(value for piece in open_cohort(cohort).samples() for value in piece.value)
    assert values == stored
    assert b"NaN" not in feed


def test_replay_is_in_order_of_arrival_over_the_whole_ward(feed: bytes) -> None:
    arrivals = [line["arrival"] for line in lines_of(feed) if "arrival" in line]
    assert arrivals == sorted(arrivals)
    assert len({line["stay"] for line in lines_of(feed)}) > 10


def test_replay_at_a_speed_keeps_the_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, waits = [0.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    clock = SimpleNamespace(sleep=sleep, monotonic=lambda: now[0])
    monkeypatch.setattr(sys.modules["vitals.flows.replaying"], "time", clock)
    cohort = cohort_folder(tmp_path / "c", stays=2, hours=5)
    fast, slow = io.BytesIO(), io.BytesIO()
    replay(tmp_path / "c", fast)
    assert waits == []
    replay(tmp_path / "c", slow, speed=3600)
    assert slow.getvalue() == fast.getvalue()
    lasted = max(int(cohort.discharged.max()), *(int(piece.order.max()) for piece in cohort.samples()))
    began = min(int(cohort.admitted.min()), *(int(piece.order.min()) for piece in cohort.samples()))
    assert now[0] == pytest.approx((lasted - began) / HOUR)
    assert min(waits) >= 0


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_replay_refuses_a_speed_that_is_none(cohort: Path, speed: float) -> None:
    with pytest.raises(SettingsError, match="above 0"):
        replay(cohort, io.BytesIO(), speed)


def test_watch_answers_a_line_before_the_next_one_comes(folder: Path, feed: bytes) -> None:
    """A slow feed is answered at once: the source asks what has been said before it gives more."""
    sink = io.BytesIO()

    class Conversation:
        """Gives one line at a time, and watches what is answered."""

        lines = iter(feed.splitlines(keepends=True))
        said: list[int] = []  # noqa: RUF012

        def read1(self, size: int) -> bytes:
            """The next line."""
            self.said.append(len(sink.getvalue()))
            return next(self.lines, b"")

    watch(folder, Conversation(), sink)  # type: ignore[arg-type]
    assert len(set(Conversation.said)) > 50


def test_watch_sums_up(folder: Path, feed: bytes) -> None:
    sink = io.BytesIO()
    summary = watch(folder, io.BytesIO(feed), sink)
    kinds = Counter(line["kind"] for line in lines_of(sink.getvalue()))
    assert summary["risks"] == kinds["risk"] > 0
    assert summary["alerts"] + summary["held_back"] == kinds["alert"] > 0
    assert summary["technical"] == kinds["technical"]
    assert summary["left_out"] == counts(sink.getvalue())
    json.dumps(summary)


def test_a_policy_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(f'threshold = 0.5\nmodel_digest = "{"0" * 64}"\n')
    with pytest.raises(ModelError, match="tune a policy for this model"):
        watch(folder, io.BytesIO(), io.BytesIO(), policy)


def test_a_policy_that_cannot_be_read_is_refused(folder: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    with pytest.raises(SettingsError, match="no such file"):
        find_policy(folder, policy)
    policy.write_text("")
    with pytest.raises(SettingsError, match="empty"):
        find_policy(folder, policy)
    policy.write_text("treshold = 0.5\n")
    with pytest.raises(SettingsError, match="threshold"):
        find_policy(folder, policy)


def test_without_a_policy_there_are_risks_and_no_alerts(tmp_path: Path, feed: bytes) -> None:
    path = model_folder(tmp_path / "m", settings_of())
    output = watched(path, feed)
    assert by_stay(output, "risk")
    assert not by_stay(output, "alert")
    assert find_policy(path) is None
