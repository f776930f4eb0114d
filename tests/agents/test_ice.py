"""Where ice keeps, and how much of it is there."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.ice import (
    MEAN_FRACTION,
    MOST_FRACTION,
    PATCH_M,
    PATCH_SHARE,
    STABLE_K,
    IceMap,
    ice_fraction,
    ice_map,
    patch,
)
from moonfleet.envs.ice_prospecting.levels import GROUNDS
from moonfleet.terrain.ground_temperature import SCATTERED_W_M2, equilibrium_k
from moonfleet.terrain.site import Site, build_site


@pytest.fixture(scope="module")
def site() -> Site:
    return build_site(GROUNDS[0])


@pytest.fixture(scope="module")
def ice(site: Site) -> IceMap:
    return ice_map(site)


def test_ground_that_is_never_lit_keeps_ice_at_45_kelvin(site: Site, ice: IceMap) -> None:
    dark = np.asarray(site.permanent_shadow) == 1
    assert dark.any()
    assert np.median(ice.warmest_k[dark]) == pytest.approx(equilibrium_k(SCATTERED_W_M2), abs=0.01)
    assert (ice.cold[dark] == 1.0).mean() > 0.99


def test_lit_ground_is_too_warm_for_ice_but_where_it_leans_away_from_the_sun(site: Site, ice: IceMap) -> None:
    bright = np.asarray(site.mean_lit) > 0.2
    assert bright.any()
    assert (ice.warmest_k[bright] > STABLE_K).mean() > 0.98
    assert np.median(ice.warmest_k[bright]) == pytest.approx(210.0, abs=40.0)  # lit polar ground, 200-270 K at most
    to_south, to_east = np.gradient(np.asarray(site.grid.elevation_m, np.float64), site.ref.cell_m)
    tilt = np.degrees(np.arctan(np.hypot(to_south, to_east)))
    assert tilt[bright & (ice.cold > 0)].min() > 2.0  # the Sun stands up to 4.7 deg high here


def test_the_prior_is_a_blurred_map_of_the_cold_ground(ice: IceMap) -> None:
    assert ice.prior.min() >= 0.0
    assert ice.prior.max() <= np.float32(MEAN_FRACTION)
    assert ice.prior.mean() == pytest.approx(MEAN_FRACTION * ice.cold.mean(), rel=0.05)
    assert ((ice.prior > 0.0) & (ice.cold == 0.0)).any(), "the map is sure of nothing at the edge of a shadow"


def test_patches_have_mean_one_and_are_those_of_their_key() -> None:
    places = [(37.0 * i, 41.0 * j) for i in range(120) for j in range(120)]
    field = np.array([patch(5, x, y) for x, y in places])
    assert field.min() == 0.0
    assert field.mean() == pytest.approx(1.0, abs=0.08)
    assert (field == np.array([patch(5, x, y) for x, y in places])).all()
    assert (field != np.array([patch(6, x, y) for x, y in places])).mean() > 0.8


def test_patches_are_linear_between_their_nodes() -> None:
    node = [patch(9, i * PATCH_M, 3 * PATCH_M) for i in range(-2, 3)]
    for i in range(4):
        x = (i - 2 + 0.25) * PATCH_M
        assert patch(9, x, 3 * PATCH_M) == pytest.approx(0.75 * node[i] + 0.25 * node[i + 1])
    nodes = np.array([patch(9, i * PATCH_M, j * PATCH_M) for i in range(60) for j in range(60)])
    assert (nodes > 0.0).mean() == pytest.approx(PATCH_SHARE, abs=0.03)


def test_ice_is_cold_ground_times_the_patch_and_never_all() -> None:
    assert ice_fraction(3, 0.0, 10.0, 20.0) == 0.0
    for x in np.linspace(0.0, 4000.0, 200):
        fraction = ice_fraction(3, 1.0, float(x), 0.0)
        assert fraction == pytest.approx(min(MEAN_FRACTION * patch(3, float(x), 0.0), MOST_FRACTION))
