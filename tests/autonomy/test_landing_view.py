"""What a lander makes of its patches, against planes and rocks whose answer is known and against a slow reference."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy.landing_view import (
    BELLY_M,
    BLOCK,
    CELLS,
    JUDGED,
    PAD_UNIT_M,
    PADS_M,
    PLACES,
    PLACES_SIDE,
    RISE_UNIT_M,
    SIDE,
    SLOPE_UNIT,
    foot_cells,
    height_unit_m,
    judge_places,
    place_offset_m,
)
from moonfleet.terrain.seeds import stream

F32 = np.float32
SCALES_M = (0.5, 1.0, 2.0, 4.0)


def judged(seen: np.ndarray, cell_m: float) -> np.ndarray:
    out = np.full(JUDGED * PLACES, np.nan, F32)
    judge_places(seen.astype(F32), cell_m, np.empty((SIDE, 4), F32), np.empty(CELLS, F32), out)
    return out.reshape(JUDGED, PLACES)


def slowly(seen: np.ndarray, cell_m: float) -> np.ndarray:
    """The same by least squares and masks."""
    z, rise, grey = seen.reshape(3, SIDE, SIDE)
    z = z * height_unit_m(cell_m)
    out = np.zeros((JUDGED, PLACES))
    r, c = np.mgrid[:SIDE, :SIDE]
    for p in range(PLACES):
        row, col = BLOCK * (p // PLACES_SIDE) + 1, BLOCK * (p % PLACES_SIDE) + 1
        down, across = np.abs(r - row), np.abs(c - col)
        foot = np.maximum(down, across) <= foot_cells(cell_m)
        a = np.column_stack([np.ones(foot.sum()), r[foot], c[foot]])
        fit = np.linalg.lstsq(a, z[foot], rcond=None)[0]
        over = z + rise * RISE_UNIT_M - fit[0] - fit[1] * r - fit[2] * c
        belly = max(1, int(BELLY_M / cell_m + 0.5))
        under = np.maximum(down, across) <= belly
        # Cells that the ring of the pads' middles, as wide as a pad, reaches into.
        low, high = PADS_M[0] / cell_m - 0.5, PADS_M[1] / cell_m + 0.5
        on = [(d >= low) & (d <= high) for d in (down, across)]
        pads = on[0] & on[1] if low > 0.0 else under
        out[:, p] = (
            np.hypot(fit[1], fit[2]) / cell_m / SLOPE_UNIT, max(over[pads].max(), 0.0) / PAD_UNIT_M,
            max(over[under].max(), 0.0) / RISE_UNIT_M, grey[foot].std(),
        )  # fmt: skip
    return np.minimum(out, np.array([2.0, 4.0, 2.0, 2.0])[:, None])


@pytest.mark.parametrize("cell_m", SCALES_M)
def test_it_is_what_least_squares_say(cell_m: float) -> None:
    rng = stream(1, "landing view")
    for _ in range(5):
        heights = rng.normal(0.0, 0.05 / height_unit_m(cell_m), CELLS)
        seen = np.concatenate([heights, 0.5 * rng.random(CELLS) ** 3, rng.random(CELLS)])
        assert judged(seen, cell_m) == pytest.approx(slowly(seen, cell_m), abs=2e-4)


@pytest.mark.parametrize("cell_m", SCALES_M)
def test_a_plane_has_its_slope_and_nothing_on_it(cell_m: float) -> None:
    r, c = np.mgrid[:SIDE, :SIDE]
    z = (0.1 * (c - 7) - 0.05 * (r - 7)) * cell_m / height_unit_m(cell_m)
    slope, pads, belly, contrast = judged(np.concatenate([z.ravel(), np.zeros(CELLS), np.ones(CELLS)]), cell_m)
    assert slope == pytest.approx(np.hypot(0.1, 0.05) / SLOPE_UNIT, rel=1e-4)
    assert pads == pytest.approx(0.0, abs=1e-4)
    assert belly == pytest.approx(0.0, abs=1e-4)
    assert contrast == pytest.approx(0.0, abs=1e-3)


def test_a_rock_counts_where_a_pad_stands_and_where_the_belly_is() -> None:
    middle = PLACES // 2
    for (row, col), (pads, belly) in {(7, 7): (0.0, 0.6), (10, 10): (1.5, 0.0), (7, 10): (0.0, 0.0)}.items():
        seen = np.zeros((3, SIDE, SIDE))
        seen[1, row, col] = 0.6  # 0.3 m
        found = judged(seen.ravel(), 0.5)[:, middle]
        assert found[1:3] == pytest.approx((pads, belly), abs=1e-6)


def test_places_lie_in_rows_from_the_north() -> None:
    assert place_offset_m(0, 4.0) == (-24.0, 24.0)
    assert place_offset_m(PLACES // 2, 1.0) == (0.0, 0.0)
    assert place_offset_m(PLACES - 1, 0.5) == (3.0, -3.0)
