"""Boards are joined fact by fact: in any order, along any way and any number of times, with the same outcome."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator, default_rng

from moonfleet.agents.knowledge import Knowledge, join

ROBOTS, JOBS = 3, 2
Row = tuple[np.ndarray, np.ndarray, np.ndarray]

seeds = st.integers(0, 2**32 - 1)


def board(rng: Generator) -> Row:
    """A board with facts drawn from a small pool, so that equal, older and newer ones meet often.

    A note of a robot follows from robot and time, a job given from term, giver and time, as in a mission.
    """
    know = Knowledge(ROBOTS, JOBS)
    know.progress_s[0] = rng.integers(0, 3, JOBS) * 100.0
    know.done[0] = rng.random(JOBS) < 0.4
    for robot in range(ROBOTS):
        heard = int(rng.integers(-1, 4))
        if heard >= 0:
            know.heard_s[0, robot] = heard
            know.places[0, robot] = (heard * 10.0 + robot, 1.0, heard / 4.0)
            know.worker[0, robot] = (heard + robot) % (JOBS + 1) - 1
            know.since_s[0, robot] = heard // 2
        if rng.random() < 0.8:
            term, giver, when = int(rng.integers(1, 4)), int(rng.integers(0, ROBOTS)), int(rng.integers(0, 3))
            know.term[0, robot], know.giver[0, robot], know.given_s[0, robot] = term, giver, when
            know.assigned[0, robot] = (term + giver + when + robot) % (JOBS + 1) - 1
    know.lead_term[0], know.leader[0], know.beat_s[0] = (*rng.integers(0, 3, 2).tolist(), float(rng.integers(0, 3)))
    return know.floats[0].copy(), know.ints[0].copy(), know.done[0].copy()


def joined(into: Row, other: Row) -> Row:
    """A new row: ``other`` told to ``into``."""
    out = tuple(part.copy() for part in into)
    worlds = [part[None, None] for part in out]  # views: board 0 of world 0
    changed = join(*worlds, 0, 0, *(part[None] for part in other), 0, JOBS, ROBOTS)
    assert changed == any((a != b).any() for a, b in zip(out, into, strict=True))
    return out  # type: ignore[return-value]


def same(a: Row, b: Row) -> bool:
    return all((one == two).all() for one, two in zip(a, b, strict=True))


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_joins_commute_associate_and_repeat(seed: int) -> None:
    rng = default_rng(seed)
    a, b, c = board(rng), board(rng), board(rng)
    assert same(joined(a, b), joined(b, a))
    assert same(joined(joined(a, b), c), joined(a, joined(b, c)))
    assert same(joined(joined(a, b), b), joined(a, b))
    assert same(joined(a, a), a)


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_a_join_loses_nothing(seed: int) -> None:
    rng = default_rng(seed)
    a, b = board(rng), board(rng)
    both = joined(a, b)
    assert same(joined(both, a), both)  # nothing of either is newer than what both make
    assert same(joined(both, b), both)
    assert (both[2] >= (a[2] | b[2])).all()
    assert (both[0][:JOBS] == np.maximum(a[0][:JOBS], b[0][:JOBS])).all()


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(2, 5))
def test_whoever_can_be_reached_ends_with_the_same_board(seed: int, nodes: int) -> None:
    rng = default_rng(seed)
    rows = [board(rng) for _ in range(nodes)]
    whole = rows[0]
    for row in rows[1:]:
        whole = joined(whole, row)
    ring = [(k, (k + 1) % nodes) for k in range(nodes)]
    for _ in range(nodes):  # news goes round a ring, in an order of its own each time
        for k in rng.permutation(nodes).tolist():
            sender, receiver = ring[k]
            rows[receiver] = joined(rows[receiver], rows[sender])
    assert all(same(row, whole) for row in rows)
