"""What the mast sees of the ground: rises hide what is behind them, far ground is smeared along the line of sight."""

from __future__ import annotations

import numpy as np

from moonfleet.agents.mast_view import hidden_m, in_sight, smear
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.sight import line_of_sight

REF = GeoRef.centred(0.0, 0.0, 12.0, 0.1)
LENS = (0.0, -5.5)


def test_level_ground_is_all_seen_and_a_wall_hides_what_is_behind_it_as_far_as_it_is_high() -> None:
    flat = np.zeros(REF.shape, dtype=np.float32)
    assert in_sight(flat, REF, LENS, 1.5, 12.0).all()
    wall = flat.copy()
    wall[60:62, 40:80] = 0.5  # 5.5 m ahead; seen from 1.5 m it hides 0.5 / 1.0 of its distance behind it
    seen = in_sight(wall, REF, LENS, 1.5, 12.0)
    behind = seen[:, 60][::-1]  # going away from the lens
    hidden = np.flatnonzero(~behind)
    assert 58 <= hidden[0] <= 62
    assert 0.1 * (hidden[-1] - hidden[0]) > 2.3
    assert behind[: hidden[0]].all()
    assert not seen[40, 60]
    assert seen[40, 5]
    need = hidden_m(wall, REF, LENS, 1.5, 12.0)
    raised = wall.copy()
    raised[40, 60] = need[40, 60] - 0.02  # what would stand out there: the wall's top is all that hides it
    assert 0.1 < need[40, 60] < 0.5
    assert in_sight(raised, REF, LENS, 1.5, 12.0)[40, 60]
    raised[40, 60] -= 0.05
    assert not in_sight(raised, REF, LENS, 1.5, 12.0)[40, 60]


def test_it_agrees_with_the_line_of_sight_of_every_cell() -> None:
    rng = np.random.default_rng(3)
    ref = GeoRef.centred(0.0, 0.0, 6.0, 0.1)
    row, col = np.mgrid[:60, :60]
    ground = 0.05 * np.sin(row / 7.0) * np.cos(col / 5.0)
    for r, c in rng.integers(5, 55, (14, 2)):
        ground += 0.3 * np.exp(-((row - r) ** 2 + (col - c) ** 2) / 6.0)
    grid = HeightGrid(ground.astype(np.float32), ref)
    lens = (0.05, -2.95)
    seen = in_sight(grid.elevation_m, ref, lens, 1.0, 6.0)
    true = np.array([[line_of_sight(grid, lens, 1.0, ref.xy(r, c), 0.03) for c in range(60)] for r in range(60)])
    assert (seen == true).mean() > 0.97
    assert 0.05 < (~true).mean() < 0.6


def test_far_ground_is_smeared_along_the_line_of_sight_only() -> None:
    seen = np.ones(REF.shape, dtype=np.bool_)
    stripes_across = np.zeros(REF.shape, dtype=np.float32)
    stripes_across[::2] = 1.0  # lines across the view straight ahead
    stripes_along = np.ascontiguousarray(stripes_across.T)
    low = smear(stripes_across, seen, REF, LENS, 0.5)
    ahead = low[:, 60][::-1]
    near, far = ahead[10:25], ahead[100:115]
    assert np.ptp(near) == 1.0
    assert far.std() < 0.5 * near.std()
    assert np.ptp(smear(stripes_along, seen, REF, LENS, 0.5)[5:20, 60:62]) == 1.0
    flat = np.full(REF.shape, 7.0, dtype=np.float32)
    np.testing.assert_allclose(smear(flat, seen, REF, LENS, 0.5), 7.0, rtol=1e-6)
