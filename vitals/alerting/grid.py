"""Counting many policies at once: exact, and as fast as a stay's few different scores allow.

A score matters to a policy only by which thresholds it reaches. So each stay becomes bit masks, one bit a score: those at or
over a level, those at which an alert is due, those below ``clear``. Neighbouring thresholds whose masks are equal are walked
once and their counts entered as a difference along the thresholds; a walk leaps from alert to alert instead of from score to
score; and a longer silence that all gaps between the alerts exceed changes nothing. What comes out is what
:func:`vitals.alerting.machine.fold` says, policy by policy.
"""

from __future__ import annotations

import numpy as np

from vitals.alerting.bits import ONE, both, mark, next_bit, set_bits
from vitals.alerting.leaps import walk, walk_word
from vitals.alerting.machine import BELOW_CLEAR, ESCALATE
from vitals.windowing.compiled import compiled

COUNTED = ("alerts", "true", "false", "detected", "indeterminate")
"""Of each policy: alerts until the onset, those in time, those too early or without an onset, onsets with one in time, and
those after which the record ends before it can be known."""

_FAR = np.iinfo(np.int64).max


@compiled
def _masks(families, begin, rows, rank, masks, valid, levels):  # type: ignore[no-untyped-def]
    """Fill in the masks of a stay, one a level that occurs, each with all higher ones; how many there are."""
    words = (rows + 63) >> 6
    present = np.zeros((len(families.first) + 63) >> 6, np.uint64)
    valid[:words] = 0
    for i in range(rows):
        level = families.level[begin + i]
        if level < len(families.first) - 1:
            valid[i >> 6] |= ONE << np.uint64(i & 63)
            present[level >> 6] |= ONE << np.uint64(level & 63)
    found, level = 0, next_bit(present, 0, len(present))
    while level >= 0:
        rank[level], levels[found] = found, level
        found += 1
        level = next_bit(present, level + 1, len(present))
    masks[:found, :words] = 0
    for i in range(rows):
        level = families.level[begin + i]
        if level < len(families.first) - 1:
            masks[rank[level], i >> 6] |= ONE << np.uint64(i & 63)
    for r in range(1, found):
        for w in range(words):
            masks[r, w] |= masks[r - 1, w]
    return found


@compiled
def _due(masks, r, valid, rows, k, window, due):  # type: ignore[no-untyped-def]
    """Where k of the last n scores are high and the score is valid."""
    words = (rows + 63) >> 6
    for w in range(words):
        due[w] = masks[r, w] if window == 1 else np.uint64(0)
    if window == 1:
        return
    recent = np.uint64(0)
    for i in range(rows):
        bit = np.uint64(i & 63)
        recent = (recent << ONE) | ((masks[r, i >> 6] >> bit) & ONE)
        if (valid[i >> 6] >> bit) & ONE and set_bits(recent & window) >= k:
            due[i >> 6] |= ONE << bit


@compiled
def _rows_before(history, s, windows):  # type: ignore[no-untyped-def]
    """A stay's first row, its rows until the onset and their step (0: uneven); marks the rows whose alerts are true, those
    whose alerts are false, and those whose alerts are indeterminate.
    """
    begin, end, time = history.start[s], history.start[s + 1], history.time
    while end > begin and time[end - 1] > history.onset[s]:
        end -= 1
    first = last = unknown = end - begin
    while first > 0 and time[begin + first - 1] >= history.first_hit[s]:
        first -= 1
    while last > 0 and time[begin + last - 1] > history.last_hit[s]:
        last -= 1
    while unknown > 0 and time[begin + unknown - 1] >= history.unknown_from[s]:
        unknown -= 1
    unknown = min(unknown, first)
    windows[:, : (end - begin + 63) >> 6] = 0
    mark(windows[0], first, last)
    mark(windows[1], 0, unknown)
    mark(windows[2], unknown, first)
    step = time[begin + 1] - time[begin] if end - begin > 1 else np.int64(1)
    for i in range(begin + 1, end):
        step = step if time[i] - time[i - 1] == step else np.int64(0)
    return begin, end - begin, step


@compiled
def _leaps(silence, step, rows):  # type: ignore[no-untyped-def]
    """Every silence in rows of an even step, at least one; 0 where the step is uneven."""
    leaps = np.zeros(len(silence), np.int64)
    for g in range(len(silence) if step else 0):
        leaps[g] = max((silence[g] + step - 1) // step, 1)
    return np.minimum(leaps, rows)


@compiled
def _silences(time, risk, stay, rules, due, low, fired, windows, out, begin, end):  # type: ignore[no-untyped-def]
    """Count a family's policies in one stay between two thresholds, each as the difference to the shorter silence before."""
    first, last, silence, leaps, rearm, rise, most = rules
    words, gap, before = (stay[1] + 63) >> 6, np.int64(-1), (0, 0, 0, 0, 0)
    for g in range(first, last):
        if gap >= silence[g]:
            continue  # the same alerts fire
        gap = walk(time, risk, stay, (silence[g], leaps[g], rearm, rise, most), due, low, fired)
        true = both(fired, windows[0], words)
        now = (
            both(fired, fired, words),
            true,
            both(fired, windows[1], words),
            int(true > 0),
            both(fired, windows[2], words),
        )
        for c in range(5):
            out[g, begin, c] += now[c] - before[c]
            out[g, end, c] -= now[c] - before[c]
        before = now


@compiled
def _silences_of_a_word(stay, rules, due, low, windows, out, begin, end):  # type: ignore[no-untyped-def]
    """:func:`_silences` where a stay fits into one word: most do, and without arrays it takes a fifth of the time."""
    first, last, silence, leaps, rearm, _, _ = rules
    true, false, unknown = windows
    gap, before = np.int64(-1), (0, 0, 0, 0, 0)
    for g in range(first, last):
        if gap >= silence[last - 1]:
            break  # silences rise: the same alerts fire under all that are left
        if gap >= silence[g]:
            continue
        fired, rows = walk_word(due, low, leaps[g], rearm == BELOW_CLEAR)
        gap = np.int64(rows * stay[2] if rows < 64 else _FAR)
        hits = set_bits(fired & true)
        now = (set_bits(fired), hits, set_bits(fired & false), int(hits > 0), set_bits(fired & unknown))
        for c in range(5):
            more = now[c] - before[c]
            if more:
                out[g, begin, c] += more
                out[g, end, c] -= more
        before = now


@compiled
def _enter(families, f, time, risk, stay, leaps, windows, scratch, found, out):  # type: ignore[no-untyped-def]
    """Add one stay's counts of a family's policies to ``(G, T + 1, 5)``, as differences along silences and thresholds."""
    masks, levels, valid, due, low, fired = scratch
    clear, first, thresholds = families.first_clear[families.clear[f]], families.first, out.shape[1] - 1
    k, window, rearm, words = families.k[f], families.window[f], families.rearm[f], (stay[1] + 63) >> 6
    rules = (
        families.begin[f],
        families.begin[f + 1],
        families.silence,
        leaps,
        rearm,
        families.rise[f],
        families.most[f],
    )
    short = words == 1 and stay[2] and rearm <= BELOW_CLEAR and not families.most[f]
    of_a_word = (windows[0, 0], windows[1, 0], windows[2, 0])
    r, q, t = -1, -1, first[levels[0]]
    while t < thresholds:
        before = r
        while r + 1 < found and first[levels[r + 1]] <= t:
            r += 1
        if r != before:
            _due(masks, r, valid, stay[1], k, window, due)
        until = first[levels[r + 1]] if r + 1 < found else thresholds
        if rearm in (BELOW_CLEAR, ESCALATE):
            while q + 1 < found and clear[levels[q + 1]] <= t:
                q += 1
            until = min(until, clear[levels[q + 1]]) if q + 1 < found else until
            for w in range(words):
                low[w] = valid[w] & ~masks[q, w]
        if short and due[0]:
            _silences_of_a_word(stay, rules, due[0], low[0], of_a_word, out, t, until)
        elif not short:
            _silences(time, risk, stay, rules, due, low, fired, windows, out, t, until)
        t = until


@compiled
def count(families, history, thresholds, groups):  # type: ignore[no-untyped-def]
    """Counts of every policy at every threshold by group of stays, ``(groups, G, thresholds, 5)`` int32."""
    out = np.zeros((groups, len(families.silence), thresholds + 1, 5), np.int32)
    longest, many = max(np.max(history.start[1:] - history.start[:-1]), 1), len(families.first) - 1
    words, deepest = (longest + 63) >> 6, min(longest, many)
    masks, levels, rank = np.zeros((deepest, words), np.uint64), np.zeros(deepest, np.int64), np.zeros(many, np.int64)
    valid, due, low, fired = (
        np.zeros(words, np.uint64),
        np.zeros(words, np.uint64),
        np.zeros(words, np.uint64),
        np.zeros(words, np.uint64),
    )
    scratch, windows = (masks, levels, valid, due, low, fired), np.zeros((3, words), np.uint64)
    step, leaps = np.int64(-1), np.zeros(0, np.int64)
    for s in range(len(history.onset)):
        stay = _rows_before(history, s, windows)
        found = _masks(families, stay[0], stay[1], rank, masks, valid, levels) if stay[1] else 0
        if found and families.first[levels[0]] < thresholds:
            if stay[2] != step:
                step, leaps = stay[2], _leaps(families.silence, stay[2], longest)
            for f in range(len(families.k)):
                _enter(
                    families, f, history.time, history.risk, stay, leaps, windows, scratch, found, out[history.group[s]]
                )
    for f in range(len(families.k)):
        for g in range(families.begin[f] + 1, families.begin[f + 1]):
            out[:, g] += out[:, g - 1]
    for t in range(1, thresholds):
        out[:, :, t] += out[:, :, t - 1]
    return out[:, :, :thresholds]
