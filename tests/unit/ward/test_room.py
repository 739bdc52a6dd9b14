"""How much memory a bed takes, and that beds which come and go take no more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.live import BEGIN, HOUR
from vitals.scoring.model import Model
from vitals.ward.ward import Ward

A_BED = 4096  # bytes, beyond the model


def held(thing: Any, seen: set[int] | None = None) -> int:
    """Bytes of all arrays that something holds."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, Model | type | str | bytes | int):
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return thing.nbytes if thing.base is None else 0
    if isinstance(thing, dict):
        parts = list(thing.values())
    elif isinstance(thing, tuple | list):
        parts = list(thing)
    else:
        parts = list(getattr(thing, "__dict__", {}).values())
    return sum(held(part, seen) for part in parts)


def turn(ward: Ward, stays: list[str], hour: int) -> None:
    """An hour of a ward: admissions, ten samples each, discharges."""
    begin = BEGIN + hour * HOUR
    lines = [f'{{"kind":"admit","stay":"{stay}","time":{begin}}}' for stay in stays]
    lines += [
        f'{{"stay":"{stay}","time":{begin + (k + 1) * HOUR // 11},"signal":"heart_rate","value":80}}'
        for k in range(10)
        for stay in stays
    ]
    lines += [f'{{"kind":"discharge","stay":"{stay}","time":{begin + HOUR}}}' for stay in stays]
    ward.feed("\n".join([*lines, ""]).encode())


@pytest.mark.parametrize("provisional", [False, True])
def test_arrays_do_not_grow_with_patients_who_come_and_go(model: Model, provisional: bool) -> None:
    ward = Ward(model, beds=8, provisional=provisional)
    sizes = []
    for hour in range(12):
        turn(ward, [f"{hour}-{k}" for k in range(8)], hour)
        sizes.append(held(ward))
    assert sizes[0] > 1000
    assert sizes[-1] == sizes[1]


@pytest.mark.parametrize("provisional", [False, True])
def test_a_bed_takes_no_more_than_stated(model: Model, provisional: bool) -> None:
    ward = Ward(model, beds=512, provisional=provisional)
    empty = held(Ward(model, beds=1, provisional=provisional))
    begin = "\n".join(f'{{"kind":"admit","stay":"{n}","time":{BEGIN}}}' for n in range(512))
    samples = "\n".join(
        f'{{"stay":"{n}","time":{BEGIN + 1 + k},"signal":"heart_rate","value":80}}'
        for k in range(20)
        for n in range(512)
    )
    ward.feed(f"{begin}\n{samples}\n".encode())
    assert (held(ward) - empty) / 512 <= A_BED
