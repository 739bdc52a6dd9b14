"""Law 1, chunk: however a stream is cut into calls, rows, drops and alerts have the same bits."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given

from tests.laws.running import Advance, Decide, all_alerts, assert_same_rows, drop_places, join, run
from tests.strategies import Scores, Ward, cut_scores, cut_wards
from vitals.alerting.decide import decide
from vitals.windowing.advance import advance


def check_chunk(advance: Advance, case: tuple[Ward, list[int]]) -> None:
    """Cut anywhere, the rows, the number of drops of each kind and the place of each refused sample stay the same."""
    ward, cuts = case
    whole, parts = run(advance, ward), run(advance, ward, cuts, plain=False)
    (rows, drops), (rows_of_parts, drops_of_parts) = join(whole), join(parts)
    assert_same_rows(rows, rows_of_parts)
    assert drops == drops_of_parts
    refused = [place for place in drop_places(whole, ward.calls()) if place[1] != "DUPLICATE"]
    assert refused == [place for place in drop_places(parts, ward.calls(cuts)) if place[1] != "DUPLICATE"]


def check_alert_chunk(decide: Decide, case: tuple[Scores, Sequence[Sequence[int]]]) -> None:
    """Cut anywhere, also in each bed elsewhere, the same rows fire and are held back for the same reason."""
    scores, borders = case
    assert all_alerts(decide, scores) == all_alerts(decide, scores, borders)


@given(cut_wards())
def test_rows_do_not_depend_on_the_cut(case: tuple[Ward, list[int]]) -> None:
    check_chunk(advance, case)


@given(cut_scores())
def test_alerts_do_not_depend_on_the_cut(case: tuple[Scores, list[list[int]]]) -> None:
    check_alert_chunk(decide, case)
