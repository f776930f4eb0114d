"""Zones on a grid: every cell that is touched, and no other."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.errors import ZoneError
from moonfleet.autonomy.zone_raster import cells_touched, with_zones
from moonfleet.autonomy.zones_geojson import Corridor
from moonfleet.terrain.grid import GeoRef

REF = GeoRef(-300.0, 700.0, 20.0, 20, 30)


def slowly(polygons: list[shapely.Polygon]) -> np.ndarray:
    """Ask every cell, as a closed square, whether it meets any polygon."""
    row, col = np.mgrid[: REF.rows, : REF.cols]
    x, y = REF.xy(row, col)
    cells = shapely.box(x - 10.0, y - 10.0, x + 10.0, y + 10.0)
    touched = np.zeros(REF.shape, dtype=bool)
    for polygon in polygons:
        touched |= shapely.intersects(cells, polygon)
    return touched


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1_000_000), snapped=st.booleans())
@example(seed=4012, snapped=True)
@example(seed=604, snapped=True)
def test_exactly_the_cells_that_are_touched(seed: int, snapped: bool) -> None:
    rng = np.random.default_rng(seed)
    xmin, ymin, xmax, ymax = REF.bounds
    polygons: list[shapely.Polygon] = []
    for _ in range(int(rng.integers(1, 6))):
        turn = np.sort(rng.uniform(0, 2 * np.pi, 7))
        xy = rng.uniform((xmin, ymin), (xmax, ymax)) + rng.uniform(1.0, 90.0, 7)[:, None] * np.column_stack(
            [np.cos(turn), np.sin(turn)]
        )
        if snapped:  # edges and corners on those of cells
            xy = np.round(xy / 10.0) * 10.0
        polygons += [p for p in shapely.get_parts(shapely.Polygon(xy).buffer(0)) if p.area > 0]
    assert (cells_touched(polygons, REF) == slowly(polygons)).all()


def test_corridors_scale_the_cost_and_keepouts_win() -> None:
    cost = np.full(REF.shape, 2.0, np.float32)
    road = Corridor("road", shapely.box(-300.0, 480.0, 300.0, 520.0), 0.5, None)
    planned = with_zones(cost, REF, [shapely.box(95.0, 300.0, 105.0, 700.0)], [road])
    assert sorted(np.unique(planned)) == [1.0, 2.0, np.inf]
    assert (planned[9:11, :19] == 1.0).all()
    assert np.isinf(planned[:, 19:21]).all()
    assert (cost == 2.0).all()
    with pytest.raises(ZoneError):
        with_zones(cost[:3], REF, [])
