"""Figures of roughness."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.ground_figures import patch_figures, rms_difference, slope_over, slope_percentiles

REF = GeoRef(0.0, 1_000.0, 5.0, 200, 200)


def plane(slope_deg: float) -> HeightGrid:
    z = np.tan(np.radians(slope_deg)) * 5.0 * np.arange(200.0)
    return HeightGrid(np.broadcast_to(z, (200, 200)).astype(np.float32), REF)


def test_a_plane_has_one_slope_and_a_linear_rise() -> None:
    tilted = plane(10.0)
    for base in (5.0, 40.0):
        assert slope_percentiles(tilted, base) == pytest.approx((10.0, 10.0, 10.0), abs=1e-3)
    rise = [rms_difference(tilted, lag) for lag in (5.0, 50.0)]
    assert rise[0] == pytest.approx(5.0 * np.tan(np.radians(10.0)) / np.sqrt(2.0), rel=1e-4)  # one axis of two rises
    assert rise[1] == pytest.approx(10.0 * rise[0], rel=1e-4)


def test_rms_difference_is_what_numpy_says() -> None:
    z = np.random.default_rng(1).normal(size=(30, 40)).astype(np.float32)
    grid = HeightGrid(z, GeoRef(0.0, 0.0, 2.0, 30, 40))
    both = np.concatenate([(z[:, 3:] - z[:, :-3]).ravel(), (z[3:] - z[:-3]).ravel()])
    assert rms_difference(grid, 6.0) == pytest.approx(float(np.sqrt((both.astype(float) ** 2).mean())))
    assert slope_over(grid, 6.0).shape == (27, 37)


def test_only_patches_of_like_steepness_count() -> None:
    assert patch_figures(plane(7.4)).patches == 4
    with pytest.raises(SiteError, match="none of its patches"):
        patch_figures(plane(20.0))


@pytest.mark.parametrize("lag", [0.0, 7.0, 1_000.0])
def test_lags_are_whole_cells_of_the_grid(lag: float) -> None:
    with pytest.raises(SiteError, match="whole number of cells, 1 to 199"):
        rms_difference(plane(5.0), lag)
