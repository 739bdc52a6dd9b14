"""The example of the front page runs and gives what a hand would count."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def test_anybodys_risks_are_judged_as_the_page_says() -> None:
    section = README.partition("### Anybody's risks")[2].partition("\n### ")[0]
    (example,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    seen = names["seen"]
    (warned,) = seen.warnings
    assert warned.startswith("few_events: 1 patient with an onset")
    # anna's alert at 15 h is within 12 h of her onset at 20 h; ben's at 3 h is a false one
    assert (seen.measure("recall"), seen.measure("precision"), seen.warnings) == (1.0, 0.5, [warned])
    for column in ("subject_id", "prediction_time", "news2", "recognised", "ended", "part"):
        assert f"`{column}`" in section
