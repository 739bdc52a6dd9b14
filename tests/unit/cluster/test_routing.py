"""Lines find their partition, whether the compiled loop is sure of them or not."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vitals.cluster.routing import EVERYWHERE, NOBODY, gather, partition_of, route, token_of

STAYS = st.one_of(st.sampled_from(["p1", "p2", "", "a b", "x.y", "ä", '"', "\\", "*", ">"]), st.text(max_size=12))


def of(stay: str, partitions: int) -> int:
    return partition_of(token_of(stay), partitions)


@given(st.lists(st.tuples(STAYS, st.booleans(), st.booleans()), min_size=1, max_size=20), st.integers(1, 64))
def test_a_line_goes_where_its_stay_goes(drawn: list[tuple[str, bool, bool]], partitions: int) -> None:
    lines, wanted = [], []
    for stay, kind_first, tight in drawn:
        table = {"kind": "sample", "stay": stay} if kind_first else {"stay": stay, "time": 1}
        separators = (",", ":") if tight else None
        lines.append(json.dumps(table, separators=separators, ensure_ascii=tight).encode("utf-8", "replace") + b"\n")
        stay = json.loads(lines[-1])["stay"]
        wanted.append(of(stay, partitions))
    where, ends = route(b"".join(lines), partitions)
    assert where.tolist() == wanted
    assert ends.tolist() == np.cumsum([len(line) for line in lines]).tolist()


def test_traps() -> None:
    traps = {
        b'{"kind":"clock","time":1}': EVERYWHERE,
        b'{"time":1,"kind" : "clock"}': EVERYWHERE,
        b"what?": partition_of(NOBODY, 64),
        b"": partition_of(NOBODY, 64),
        b"[1]": partition_of(NOBODY, 64),
        b'{"stay":7}': partition_of(NOBODY, 64),
        b'{"stay":"p1","stay":"p2"}': of("p2", 64),  # as the ward reads it
        b'{"site":"\\"stay\\":\\"p3\\"","stay":"p1"}': of("p1", 64),
        b'{"stay":"p1': partition_of(NOBODY, 64),
        b'{"demographics":{"stay":"p9"},"stay":"p1"}': of("p1", 64),
        b'{"x":{"stay":"p9"},"stay": "p1","time":1}': of("p1", 64),
        b'{"x":[{"stay":"p9"}],"stay": "p1","time":1}': of("p1", 64),
        b'{"stay":"p1","x":{"a":1}}': of("p1", 64),
    }
    where, _ = route(b"".join(line + b"\n" for line in traps), 64)
    assert dict(zip(traps, where.tolist(), strict=True)) == traps


def test_a_token_is_one_plain_word() -> None:
    for stay in ("p1", "a.b", "a b", "*", ">", "ü\n", "\ud800"):
        assert not set(token_of(stay)) & set(b" .*>\r\n\t")
    assert len({token_of(stay) for stay in ("a.b", "a b", "a%2Eb", "ab")}) == 4


def test_gathered_lines_are_the_same_bytes() -> None:
    text = b"one\ntwo\nthree\n"
    begins, ends = np.array([8, 0, 4]), np.array([14, 4, 8])
    assert gather(text, begins, ends) == b"three\none\ntwo\n"
