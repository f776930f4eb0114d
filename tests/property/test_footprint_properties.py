"""The plane and the largest residual under any disc on any patch, against least squares one disc at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.footprint_fit import footprint_fit, plane_fit
from tests.slow_footprint import disc_fit

EXACT = 1e-6  # [deg, m]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**31),
    st.tuples(st.integers(9, 60), st.integers(9, 70)),
    st.floats(1.0, 4.4),
    st.sampled_from([0.05, 0.1, 0.7]),
    st.sampled_from([0.0, 0.05, 0.4, 0.9]),
    st.sampled_from([0.0, -3000.0]),
)
def test_every_disc_is_that_of_least_squares(
    seed: int, shape: tuple[int, int], cells: float, cell_m: float, holes: float, level: float
) -> None:
    rng = np.random.default_rng(seed)
    row, col = np.mgrid[: shape[0], : shape[1]]
    z = level + cell_m * (rng.normal(0.0, 0.4) * row + rng.normal(0.0, 0.4) * col) + rng.normal(0.0, 0.1, shape)
    z[rng.random(shape) < holes] = np.nan
    z[0, 0] = level
    fit = footprint_fit(z, cell_m, cells * cell_m)
    alone = plane_fit(z, cell_m, cells * cell_m)
    for mine, other in zip((fit.slope_deg, fit.rms_m, fit.unknown), alone, strict=True):
        np.testing.assert_array_equal(mine, other)
    for r, c in [(0, 0), (shape[0] - 1, shape[1] - 1), *rng.integers(0, shape, (25, 2)).tolist()]:
        slope, rms, rise, unknown = disc_fit(z, r, c, cells * cell_m, cell_m)
        assert abs(fit.unknown[r, c] - unknown) < EXACT
        if np.isnan(fit.slope_deg[r, c]):  # the few known cells are nearly on a line
            assert np.isnan(slope) or unknown > 0.4
            continue
        np.testing.assert_allclose(
            [fit.slope_deg[r, c], fit.rms_m[r, c], fit.rise_m[r, c]], [slope, rms, rise], atol=EXACT
        )
