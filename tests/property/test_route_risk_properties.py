"""Route risk: more way, more width or worse eyes never make it less; looks at empty ground never more; and it is what dice say."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.hazard_map import CELL_M
from moonfleet.autonomy.route_risk import route_risk
from tests.hazard_maps import hazard_map, look_at, rock

PLACE = st.floats(-20.0, 20.0).map(lambda value: round(value, 2))
LINES = st.lists(st.tuples(PLACE, PLACE), min_size=2, max_size=5).map(np.array)
MISS = st.floats(0.01, 0.9)


@given(LINES, st.tuples(PLACE, PLACE), st.floats(0.1, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_longer_and_wider_is_never_safer(
    line: np.ndarray, more: tuple[float, float], half: float, wider: float
) -> None:
    known = hazard_map()
    look = look_at(0.0, 0.0, 20.0, rock(2.0, 3.0, 0.3, 0.6))
    known.belief.add(look.rocks)
    known.add(look, (0.0, -6.0))
    first = route_risk(known, line, half)
    assert route_risk(known, np.vstack([line, more]), half).expected >= first.expected - 1e-9
    assert route_risk(known, line, half + wider).expected >= first.expected - 1e-9
    assert (np.diff(first.unseen) >= 0.0).all()
    assert (np.diff(first.seen) >= 0.0).all()
    assert 0.0 <= first.p_hit <= 1.0


@given(LINES, MISS, MISS)
@settings(max_examples=40, deadline=None)
def test_worse_eyes_are_never_safer_and_more_looks_never_less_safe(line: np.ndarray, one: float, other: float) -> None:
    better, worse = hazard_map(p_miss=min(one, other)), hazard_map(p_miss=max(one, other))
    before = route_risk(better, line, 0.5).expected
    for known in (better, worse):
        known.add(look_at(3.0, 2.0, 24.0), (0.0, -6.0))
    once = route_risk(better, line, 0.5).expected
    assert once <= before + 1e-9
    assert once <= route_risk(worse, line, 0.5).expected + 1e-9
    better.add(look_at(-4.0, 2.0, 30.0), (0.0, -6.0))
    assert route_risk(better, line, 0.5).expected <= once + 1e-9


def test_it_is_what_dice_say() -> None:
    known = hazard_map(p_miss=0.3, cover=0.06)
    look = look_at(0.0, 0.0, 9.0, rock(0.9, 0.4, 0.22, 0.5))
    known.belief.add(look.rocks)
    known.belief.add(rock(-2.0, -0.75, 0.5, 0.8))
    known.add(look, (0.0, -6.0))
    line, half = np.array([[-4.0, 0.0], [0.0, 0.5], [3.0, -1.0]]), 0.5
    told = route_risk(known, line, half)
    rng = np.random.default_rng(7)
    cells = known.unseen(-8.0, -8.0, 32, 32)
    belief = known.belief
    chance, hits, count = belief.hazard(np.arange(2)), 0, 6000
    for _ in range(count):
        number = rng.poisson(cells)
        row, col = np.nonzero(number)
        row, col = np.repeat(row, number[row, col]), np.repeat(col, number[row, col])
        xy = -8.0 + CELL_M * (np.column_stack([col, row]) + rng.random((len(row), 2)))
        there = rng.random(2) < chance
        seen = np.column_stack([belief.x, belief.y]) + 0.1 * rng.standard_normal((2, 2))
        reach = np.concatenate([np.full(len(xy), half + known.prior.radius_m), half + belief.diameter_m[there] / 2])
        hits += bool((gaps(np.vstack([xy, seen[there]]), line) < reach).any())
    assert abs(hits / count - told.p_hit) < 0.03
    assert 0.1 < told.p_hit < 0.9


def gaps(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Distance of points from a polyline."""
    start, step = line[:-1], np.diff(line, axis=0)
    share = np.clip(((points[:, None] - start) * step).sum(axis=2) / (step**2).sum(axis=1), 0.0, 1.0)
    return np.hypot(*np.moveaxis(points[:, None] - start - share[..., None] * step, 2, 0)).min(axis=1)
