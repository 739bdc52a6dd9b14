"""A bed holds one stay at a time, and is used again."""

from __future__ import annotations

import pytest

from vitals.ward import beds as module
from vitals.ward.beds import Beds


def test_a_bed_is_used_again_only_after_it_was_freed() -> None:
    beds = Beds(2)
    first = beds.enter("a")
    beds.enter("b")
    assert beds.leave("a", 0) == first
    assert beds.stay[first] == "a"  # its last lines still name it
    assert beds.enter("c") not in (first, beds.bed_of["b"])
    beds.free(first)
    assert beds.enter("d") == first


def test_the_ward_doubles_when_it_is_full() -> None:
    beds = Beds(1)
    rows = [beds.enter(f"p{i}") for i in range(5)]
    assert sorted(rows) == [0, 1, 2, 3, 4]
    assert beds.capacity == 8
    assert Beds(0).enter("p") == 0


def test_only_the_latest_discharges_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    beds = Beds(4)
    for stay in "abc":
        beds.enter(stay)
        beds.leave(stay, 0)
    assert beds.forget() == ["a"]
    assert list(beds.gone) == ["b", "c"]
    assert beds.forget() == []
