"""Properties of the frame and of grids that hold for any place."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.terrain.grid import GeoRef, HeightGrid, polar_lonlat, polar_xy

coordinates = st.floats(-600_000.0, 600_000.0)
refs = st.builds(GeoRef, coordinates, coordinates, st.floats(0.05, 2_000.0), st.integers(2, 9), st.integers(2, 9))


@given(st.floats(0.0, 359.9), st.floats(-89.999, -60.0))
def test_lonlat_comes_back(lon: float, lat: float) -> None:
    back = polar_lonlat(*polar_xy(lon, lat))
    np.testing.assert_allclose(back, (lon, lat), atol=1e-8)


@given(refs, st.floats(-3.0, 12.0), st.floats(-3.0, 12.0))
def test_rowcol_is_the_inverse_of_xy(ref: GeoRef, row: float, col: float) -> None:
    np.testing.assert_allclose(ref.rowcol(*ref.xy(row, col)), (row, col), atol=1e-4)


@given(coordinates, coordinates, st.floats(100.0, 30_000.0), st.sampled_from([0.1, 5.0, 20.0, 64.0]))
def test_centred_holds_its_point(x: float, y: float, size: float, cell: float) -> None:
    ref = GeoRef.centred(x, y, size, cell)
    assert abs(ref.centre[0] - x) <= cell * 0.51
    assert abs(ref.centre[1] - y) <= cell * 0.51
    assert ref.rows == ref.cols == max(1, round(size / cell))


@settings(max_examples=50)
@given(refs, st.data())
def test_samples_stay_between_the_neighbours(ref: GeoRef, data: st.DataObject) -> None:
    values = np.linspace(-100.0, 100.0, ref.rows * ref.cols, dtype=np.float32).reshape(ref.shape)
    grid = HeightGrid(values, ref)
    x0, y0, x1, y1 = ref.bounds
    u, v = data.draw(st.floats(0.01, 0.99)), data.draw(st.floats(0.01, 0.99))
    z = grid.sample(x0 + u * (x1 - x0), y0 + v * (y1 - y0))
    assert values.min() - 1e-3 <= z <= values.max() + 1e-3
