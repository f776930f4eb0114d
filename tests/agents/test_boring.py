"""Holes, samples and the books of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.agents.boring import (
    APART_M,
    CARRIED,
    CARRIED_ICE,
    DEPTH,
    FRACTION,
    HOLE_M,
    KG_PER_M,
    MOST_HOLES,
    PACE_M_S,
    STORED,
    STORED_ICE,
    Bores,
    bore,
    may_bore,
    unload,
)
from moonfleet.agents.ice import ice_fraction


def bores(cache_kg: float = 100.0, key: int = 7) -> Bores:
    made = Bores(1, cache_kg)
    made.reset(np.array([0]), np.array([key], dtype=np.uint64))
    return made


def drill(made: Bores, x: float, y: float, seconds: float, cold: float = 1.0) -> float:
    made.count[0], ice = bore(
        made.holes[0], made.count[0], made.books[0], made.keys[0], cold, made.cache_kg, x, y, seconds
    )
    return ice


def rich_place() -> tuple[float, float]:
    """A place with ice under key 7."""
    return next((20.0 * i, 0.0) for i in range(100) if ice_fraction(7, 1.0, 20.0 * i, 0.0) > 0.03)


def test_ten_minutes_take_a_sixth_of_the_hole() -> None:
    made, (x, y) = bores(), rich_place()
    fraction = ice_fraction(7, 1.0, x, y)
    assert drill(made, x, y, 600.0) == pytest.approx(KG_PER_M * fraction / 6.0)
    assert made.holes[0, 0, DEPTH] == pytest.approx(1.0 / 6.0)
    assert made.holes[0, 0, FRACTION] == fraction
    assert made.books[0, CARRIED] == pytest.approx(KG_PER_M / 6.0)
    assert pytest.approx(0.815, abs=0.001) == KG_PER_M


def test_a_finished_hole_gives_no_more_and_a_new_one_is_begun_farther_away() -> None:
    made, (x, y) = bores(), rich_place()
    drill(made, x, y, 2.0 * HOLE_M / PACE_M_S)
    assert made.holes[0, 0, DEPTH] == HOLE_M
    assert not may_bore(made.holes[0], 1, 0.0, 100.0, x + 0.5 * APART_M, y)
    assert drill(made, x + 0.5 * APART_M, y, 600.0) == 0.0
    assert may_bore(made.holes[0], 1, 0.0, 100.0, x + 1.1 * APART_M, y)
    drill(made, x + 1.1 * APART_M, y, 600.0)
    assert made.count[0] == 2


def test_warm_ground_gives_cuttings_without_ice() -> None:
    made, (x, y) = bores(), rich_place()
    assert drill(made, x, y, 600.0, cold=0.0) == 0.0
    assert made.books[0, CARRIED] > 0.0


def test_the_cache_is_full_when_it_is() -> None:
    made = bores(cache_kg=0.5)
    for k in range(4):
        drill(made, 50.0 * k, 0.0, 1800.0)
    assert made.books[0, CARRIED] == pytest.approx(0.5)
    assert not may_bore(made.holes[0], made.count[0], made.books[0, CARRIED], 0.5, 500.0, 0.0)


def test_what_is_brought_home_is_stored() -> None:
    made, (x, y) = bores(), rich_place()
    ice = drill(made, x, y, 3600.0)
    assert unload(made.books[0]) == ice
    assert made.books[0, [CARRIED, CARRIED_ICE]].tolist() == [0.0, 0.0]
    assert made.books[0, STORED_ICE] == ice
    assert made.books[0, STORED] == pytest.approx(KG_PER_M)
    assert unload(made.books[0]) == 0.0


WORK = st.tuples(st.floats(-300.0, 300.0), st.floats(-300.0, 300.0), st.floats(0.0, 4000.0), st.booleans())


@settings(max_examples=60, deadline=None)
@given(st.lists(WORK, max_size=50), st.floats(0.3, 20.0))
def test_mass_is_conserved_whatever_is_done(works: list[tuple[float, float, float, bool]], cache_kg: float) -> None:
    made, won, home = bores(cache_kg), 0.0, 0.0
    for x, y, seconds, goes_home in works:
        won += drill(made, x, y, seconds)
        if goes_home:
            home += unload(made.books[0])
    books, holes = made.books[0], made.holes[0]
    assert abs(made.missing_kg()[0]) < 1e-12
    assert books[CARRIED_ICE] + books[STORED_ICE] == pytest.approx(won)
    assert books[STORED_ICE] == pytest.approx(home)
    assert books[CARRIED] + books[STORED] == pytest.approx(KG_PER_M * holes[:, DEPTH].sum())
    assert books[CARRIED] <= cache_kg + 1e-9
    assert made.count[0] <= MOST_HOLES
    assert ((holes[:, DEPTH] >= 0.0) & (holes[:, DEPTH] <= HOLE_M)).all()
