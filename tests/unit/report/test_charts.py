"""The figures: what is drawn lies where its number says."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest

from vitals.report.charts import lead_figure, operating_chart, operating_figure
from vitals.report.record import Record
from vitals.report.ribbon import Band
from vitals.report.svg import HEIGHT, WIDTH, Axis, Line, Mark, chart, log_axis, share_axis

SVG = "{http://www.w3.org/2000/svg}"


def corners(drawing: str) -> list[list[tuple[float, float]]]:
    """The points of every curve."""
    paths = [path.get("d", "") for path in ET.fromstring(drawing).iter(f"{SVG}path") if path.get("fill") == "none"]
    return [[(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)] for path in paths]


def test_chart_is_a_valid_drawing_inside_its_box(record: Record) -> None:
    drawing = operating_chart(record)
    curves = corners(drawing)
    assert len(curves) == 2
    for x, y in (point for curve in curves for point in curve):
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


def test_points_lie_where_their_numbers_say() -> None:
    axes = Axis("x", 0, 10, (0, 10)), share_axis("y")
    (points,) = corners(chart("t", "d", axes, [Line("l", [0, 5, None, 10], [0, 0.5, 0.7, 1], "red")]))
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 == pytest.approx((x0 + x2) / 2, abs=0.1)
    assert y1 == pytest.approx((y0 + y2) / 2, abs=0.1)
    assert (x0, y2) < (x2, y0)


def test_log_axis_puts_equal_ratios_equally_far_apart() -> None:
    axis = log_axis("alarms", [3.0, 90.0])
    assert (axis.low, axis.high) == (2.0, 100.0)
    assert axis.place(20) - axis.place(2) == pytest.approx(axis.place(50) - axis.place(5))


@pytest.mark.parametrize("values", [[], [None], [0.0], [math.nan, -1.0], [1e-9], [1e12], [5.0]])
def test_log_axis_takes_anything(values: list[float | None]) -> None:
    axis = log_axis("alarms", values)
    assert 0 < axis.low < axis.high
    assert len(axis.ticks) >= 2


def test_marks_outside_the_axes_and_empty_lines_are_left_out() -> None:
    axes = log_axis("x", [1.0, 10.0]), share_axis("y")
    lines = [Line("gone", [None, 2.0], [0.5, math.nan], "red"), Line("there", [1.0, 2.0], [0.1, 0.2], "blue")]
    drawing = chart("t", "d", axes, lines, [Mark("far", 1e6, 0.5, "red"), Mark("near", 2.0, 0.5, "red")])
    assert ("there" in drawing, "near" in drawing, "gone" in drawing, "far" in drawing) == (True, True, False, False)


def test_curve_is_the_best_recall_within_each_burden(record: Record) -> None:
    curve = record.figures["curve"]
    pairs = list(zip(curve["alarms_per_100_patient_days"], curve["recall"], strict=True))
    best = {burden: max((y for x, y in pairs if x <= burden), default=None) for burden in (1, 2, 5, 10, 20, 50, 100)}
    shown = re.findall(r'<th scope="row">(\d+)</th><td>([^<]*)</td>', str(operating_figure(record)))
    assert len(shown) == len(best)
    for burden, words in shown:
        value = best[int(burden)]
        assert words == ("–" if value is None else f"{100 * value:.0f}%" if value >= 0.1 else f"{100 * value:.2g}%")


def test_a_curve_that_turns_back_is_not_drawn_backwards(record: Record) -> None:
    turning = {"alarms_per_100_patient_days": [5.0, 20.0, 9.0], "recall": [0.2, 0.6, 0.1], "threshold": [0.9, 0.5, 0.0]}
    figures = {**record.figures, "curve": turning}
    for curve in corners(operating_chart(Record(record.model, figures))):
        xs, ys = zip(*curve, strict=True)
        assert list(xs) == sorted(xs)
        assert list(ys) == sorted(ys, reverse=True)


def test_lead_curve_begins_with_all_true_alerts_and_ends_where_none_can_be(record: Record) -> None:
    figure = str(lead_figure(record))
    rows = re.findall(r'<th scope="row">([\d.]+)</th><td>([^<]*)</td>', figure)
    assert [hours for hours, _ in rows] == ["0", "1", "2", "4", "6", "8", "12"]
    assert rows[0][1] == f"{100 * record.figures['alerts']['recall']:.0f}%"


def test_no_figure_without_numbers(record: Record) -> None:
    bare = Record(record.model, {"part": "held_out"})
    assert operating_figure(bare) is None
    assert lead_figure(bare) is None


def test_a_band_lies_between_its_bounds_and_is_closed() -> None:
    axes = Axis("x", 0, 10, (0, 10)), share_axis("y")
    band = Band("interval", [0, 5, 7, 10, 12], [0.1, 0.2, None, 0.4, 0.5], [0.3, 0.6, 0.7, 0.8, 0.9], "blue")
    drawing = chart("t", "d", axes, [Line("low", [0, 5, 10], [0.1, 0.2, 0.4], "red")], [], [band])
    (path,) = [path.get("d", "") for path in ET.fromstring(drawing).iter(f"{SVG}path") if path.get("class") == "band"]
    around = [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)]
    assert path.endswith("Z")
    assert len(around) == 6  # a point without a bound, and one beyond the axis, are left out
    (line,) = corners(drawing)
    assert around[:2:-1] == line
    assert all(upper[1] < lower[1] for upper, lower in zip(around[:3], line, strict=True))
    assert drawing.index('class="band"') < drawing.index("stroke:red")  # under the line
    assert "interval" in drawing


def test_a_band_of_one_point_is_none() -> None:
    axes = Axis("x", 0, 10, (0, 10)), share_axis("y")
    drawing = chart("t", "d", axes, [], [], [Band("interval", [5, None], [0.1, 0.2], [0.3, 0.4], "blue")])
    assert "interval" not in drawing
