"""Law 6, late: a sample for a closed step is told and changes nothing; within the grace any order gives the same bits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.laws.running import Advance, assert_same_rows, drop_places, join, run
from tests.strategies import Ward, wards
from vitals.windowing.advance import advance


def check_late(advance: Advance, ward: Ward) -> None:
    """Whatever comes for a step that has given its row is told as late, and without it everything is the same."""
    each = range(len(ward.samples))
    calls, answers = ward.calls(each), run(advance, ward, each)
    told = dict(drop_places(answers, calls))
    given_rows: dict[int, int] = {}
    place = 0
    for call, (rows, _) in zip(calls, answers, strict=True):
        for sample in call.samples:
            if sample.time <= given_rows.get(sample.bed, sample.time - 1):
                assert told.get(place) in {"LATE", "IMPOSSIBLE", "NOT_A_NUMBER"}, f"{sample} was merged in silence"
            place += 1
        given_rows |= dict(zip(rows.bed.tolist(), rows.time.tolist(), strict=True))
    keep = [told.get(place) != "LATE" for place in each]
    assert_same_rows(join(answers)[0], join(run(advance, ward.only(keep)))[0])


@st.composite
def reorderings(draw: st.DrawFn) -> tuple[Ward, Ward]:
    """A ward in which nothing is later than the grace, and the same samples in another such order."""
    ward = draw(wards(grace_only=True))
    grace = int(ward.settings.window.grace)
    delays = [draw(st.sampled_from([0, grace])) for _ in ward.samples]
    places = draw(st.permutations(range(len(ward.samples))))
    pairs = zip(ward.samples, delays, places, strict=True)
    ordered = sorted(pairs, key=lambda pair: (pair[0].time + pair[1], pair[2]))
    return ward, Ward(ward.settings, ward.admitted, tuple(pair[0] for pair in ordered), ward.clocks)


def check_order(advance: Advance, case: tuple[Ward, Ward]) -> None:
    """Both orders give the same rows and the same drops, and no sample is late."""
    (rows, drops), (other_rows, other_drops) = (join(run(advance, ward)) for ward in case)
    assert_same_rows(rows, other_rows)
    assert drops == other_drops
    assert not [drop for drop in drops if drop[3] == "LATE"]


@given(wards())
def test_a_late_sample_is_told_and_changes_nothing(ward: Ward) -> None:
    check_late(advance, ward)


@given(reorderings())
def test_within_the_grace_any_order_gives_the_same_bits(case: tuple[Ward, Ward]) -> None:
    check_order(advance, case)
