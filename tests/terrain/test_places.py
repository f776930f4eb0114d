"""Places by rule."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.terrain.errors import PlaceNotFound
from moonfleet.terrain.places import PlaceRule, pick_places, reachable_cells
from moonfleet.terrain.site import Site


def at(site: Site, xy: tuple[float, float]) -> tuple[float, float]:
    cell = site.ref.cell_of(*xy)
    return float(site.mean_lit[cell]), float(site.slope_deg[cell])


def test_lit_is_the_best_light_allowed(small_site: Site) -> None:
    (xy,) = pick_places(small_site, PlaceRule("lit"))
    light, slope = at(small_site, xy)
    inner = small_site.mean_lit[3:-3, 3:-3][small_site.slope_deg[3:-3, 3:-3] <= 15.0]
    assert light == inner.max()
    assert slope <= 15.0


def test_flat_is_flat_all_around_and_lit(small_site: Site) -> None:
    (xy,) = pick_places(small_site, PlaceRule("flat", near=small_site.ref.centre, max_m=1_000.0))
    row, col = small_site.ref.cell_of(*xy)
    assert small_site.slope_deg[row - 1 : row + 2, col - 1 : col + 2].max() < 6.0
    assert small_site.mean_lit[row, col] > 0.2
    assert np.hypot(xy[0] - small_site.ref.centre[0], xy[1] - small_site.ref.centre[1]) <= 1_000.0


def test_shadow_is_a_dark_hollow_and_the_nearest(small_site: Site) -> None:
    near = small_site.ref.centre
    found = pick_places(small_site, PlaceRule("shadow", near=near, count=2, apart_m=100.0))
    z = small_site.grid.elevation_m
    for xy in found:
        row, col = small_site.ref.cell_of(*xy)
        assert small_site.mean_lit[row, col] <= 0.02
        assert z[row, col] < z[max(0, row - 10) : row + 11, max(0, col - 10) : col + 11].mean()
    d = [np.hypot(x - near[0], y - near[1]) for x, y in found]
    assert d[0] <= d[1]


def test_spread_keeps_its_distance_and_is_reachable(small_site: Site) -> None:
    (start,) = pick_places(small_site, PlaceRule("flat"))
    rule = PlaceRule("spread", near=start, min_m=200.0, max_m=1_500.0, apart_m=250.0, count=5)
    found = pick_places(small_site, rule, reachable_from=start)
    assert found == pick_places(small_site, rule, reachable_from=start)
    ok = reachable_cells(small_site, start, 15.0)
    for i, (x, y) in enumerate(found):
        assert 200.0 <= np.hypot(x - start[0], y - start[1]) <= 1_500.0
        assert ok[small_site.ref.cell_of(x, y)]
        assert all(np.hypot(x - u, y - v) >= 250.0 for u, v in found[:i])


def test_reachable_ground_hangs_together(small_site: Site) -> None:
    (start,) = pick_places(small_site, PlaceRule("flat"))
    ok = reachable_cells(small_site, start, 15.0)
    assert ok[small_site.ref.cell_of(*start)]
    assert small_site.slope_deg[ok].max() <= 15.0
    assert ok.sum() <= reachable_cells(small_site, start, 20.0).sum()


def test_what_cannot_be_found_is_said(small_site: Site) -> None:
    with pytest.raises(PlaceNotFound, match=r"of 500 'spread' places found .* What would help: a smaller apart_m"):
        pick_places(small_site, PlaceRule("spread", apart_m=600.0, count=500))
    with pytest.raises(PlaceNotFound, match="0 of 1 'lit' places"):
        pick_places(small_site, PlaceRule("lit", max_slope_deg=-1.0))
    with pytest.raises(PlaceNotFound, match="Did you mean 'shadow'"):
        pick_places(small_site, PlaceRule("shade"))
    with pytest.raises(PlaceNotFound, match="outside the site"):
        pick_places(small_site, PlaceRule("lit"), reachable_from=(0.0, 0.0))
    row, col = np.unravel_index(np.argmax(small_site.slope_deg), small_site.ref.shape)
    with pytest.raises(PlaceNotFound, match=r"slopes .* raise max_slope_deg"):
        pick_places(small_site, PlaceRule("lit"), reachable_from=small_site.ref.xy(float(row), float(col)))
