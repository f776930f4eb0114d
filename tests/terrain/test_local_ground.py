"""True ground at wheel scale."""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import Float64Array, GeoRef, HeightGrid
from moonfleet.terrain.ground_style import GroundStyle
from moonfleet.terrain.local_ground import LocalGround

REF = GeoRef(30_000.0, -19_000.0, 20.0, 50, 50)


class BareGround(LocalGround):
    """The same ground with every rock taken away."""

    def rocks(self, xmin: float, ymin: float, xmax: float, ymax: float) -> Float64Array:
        return np.empty((0, 4))


@pytest.fixture(scope="module")
def ground() -> LocalGround:
    r, c = np.mgrid[0:50, 0:50]
    z = (1_500.0 + 3.0 * r + 20.0 * np.sin(c / 6.0)).astype(np.float32)
    return LocalGround(HeightGrid(z, REF), np.full(REF.shape, 0.03, dtype=np.float32), 1)


def test_rocks_are_the_same_whatever_window_asks(ground: LocalGround) -> None:
    big = ground.rocks(30_300.0, -19_700.0, 30_420.0, -19_600.0)
    part = ground.rocks(30_333.3, -19_651.0, 30_361.7, -19_610.9)
    keep = (big[:, 0] >= 30_333.3) & (big[:, 0] < 30_361.7) & (big[:, 1] >= -19_651.0) & (big[:, 1] < -19_610.9)
    np.testing.assert_array_equal(part, big[keep])
    assert len(part) > 100
    assert (np.lexsort((big[:, 1], big[:, 0])) == np.arange(len(big))).all()
    halves = [ground.rocks(x, -19_700.0, x + 60.0, -19_600.0) for x in (30_300.0, 30_360.0)]
    np.testing.assert_array_equal(np.concatenate(halves), big)


def test_no_rocks_outside_the_site(ground: LocalGround) -> None:
    assert ground.rocks(0.0, 0.0, 100.0, 100.0).shape == (0, 4)
    assert ground.rocks(30_100.0, -19_100.0, 30_100.0, -19_100.0).shape == (0, 4)
    assert ground.rocks(29_000.0, -19_050.0, 30_010.0, -19_000.0)[:, 0].min() >= 30_000.0


def test_patches_agree_where_they_overlap(ground: LocalGround) -> None:
    a = ground.patch(30_500.0, -19_500.0, 20.0, 0.1)
    b = ground.patch(30_510.0, -19_505.0, 10.0, 0.1)
    assert a.ref.shape == (400, 400)
    row, col = (round(v) for v in a.ref.rowcol(*b.ref.xy(0, 0)))
    shared = a.elevation_m[row : row + 200, col : col + 200]
    np.testing.assert_allclose(b.elevation_m[: shared.shape[0], : shared.shape[1]], shared, atol=1e-3)
    again = ground.patch(30_500.0, -19_500.0, 20.0, 0.1)
    assert a.elevation_m.tobytes() == again.elevation_m.tobytes()


def test_patch_follows_the_site_and_shows_its_rocks(ground: LocalGround) -> None:
    patch = ground.patch(30_500.0, -19_500.0, 20.0, 0.1)
    assert abs(patch.sample(30_500.0, -19_500.0) - ground.grid.sample(30_500.0, -19_500.0)) < 3.0
    assert abs(float(patch.elevation_m.mean()) - ground.grid.sample(30_500.0, -19_500.0)) < 1.5
    bare = BareGround(ground.grid, ground.cover, ground.seed)
    raised = patch.elevation_m - bare.patch(30_500.0, -19_500.0, 20.0, 0.1).elevation_m
    assert raised.min() == 0.0
    for x, y, diameter, height in ground.rocks(30_490.0, -19_510.0, 30_510.0, -19_490.0):
        if diameter > 0.5:
            row, col = patch.ref.cell_of(x, y)
            assert raised[row, col] >= 0.9 * height


def test_patch_at_the_edge_of_the_site(ground: LocalGround) -> None:
    patch = ground.patch(30_001.0, -19_001.0, 10.0, 0.2)
    assert np.isfinite(patch.elevation_m).all()


def test_craters_that_the_site_shows_are_not_drawn_again() -> None:
    z = np.zeros((200, 200), dtype=np.float32)
    depth = {}
    for cell in (5.0, 20.0):
        ref = GeoRef(30_000.0, -19_000.0, cell, 200, 200)
        ground = BareGround(HeightGrid(z, ref), np.zeros(ref.shape, dtype=np.float32), 1)
        depth[cell] = float(np.ptp(ground.patch(30_500.0, -19_500.0, 200.0, 1.0).elevation_m))
    assert depth[20.0] > 1.5 * depth[5.0] > 0.1


def test_style_thins_the_craters(ground: LocalGround) -> None:
    level = HeightGrid(np.zeros(REF.shape, dtype=np.float32), REF)
    bare = [BareGround(level, ground.cover, 1, GroundStyle(crater_density=v)) for v in (0.0, 1.0, 3.0)]
    spread = [float(g.patch(30_500.0, -19_500.0, 100.0, 0.5).elevation_m.std()) for g in bare]
    assert spread[0] < spread[1] < spread[2]


def test_bad_asks(ground: LocalGround) -> None:
    with pytest.raises(SiteError, match="outside the site"):
        ground.patch(0.0, 0.0, 10.0, 0.1)
    with pytest.raises(SiteError, match="cells on a side"):
        ground.patch(30_500.0, -19_500.0, 1_000.0, 0.01)
    with pytest.raises(SiteError, match="rock_cover: shape"):
        LocalGround(ground.grid, np.zeros((2, 2), dtype=np.float32), 1)


def test_ground_travels_between_processes(ground: LocalGround) -> None:
    copy = ForkingPickler.loads(bytes(ForkingPickler.dumps(ground)))
    box = (30_300.0, -19_700.0, 30_320.0, -19_680.0)
    np.testing.assert_array_equal(copy.rocks(*box), ground.rocks(*box))
