"""Views of a height field, held to rays that are followed one by one in small steps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.perspective import Pinhole, Seen, Window, lamplit_windows, look_down, look_level, sunlit_windows
from moonfleet.terrain.render import lit_share
from moonfleet.terrain.shading import Lamp, Sun, shade_seen
from moonfleet.terrain.soil_texture import grain

LEVEL = Pinhole(1.0, -2.0, 1.6, 30.0, 60.0, 50, 64, 12.0, 31.5)


def rough(seed: int, size_m: float = 30.0, cell_m: float = 0.1) -> HeightGrid:
    """Rolling ground with boxes on it."""
    rng = np.random.default_rng(seed)
    ref = GeoRef.centred(0.0, 0.0, size_m, cell_m)
    x, y = np.meshgrid(np.arange(ref.cols) * cell_m, np.arange(ref.rows) * cell_m)
    z = 0.15 * np.sin(0.9 * x + seed) * np.cos(0.7 * y) + 0.03 * x
    for _ in range(40):
        r, c = rng.integers(5, ref.rows - 12, 2)
        z[r : r + rng.integers(2, 7), c : c + rng.integers(2, 7)] += rng.uniform(0.1, 0.7)
    z -= z[ref.cell_of(1.0, -2.0)]
    return HeightGrid(z.astype(np.float32), ref)


def bare(ground: HeightGrid) -> Window:
    return Window(ground, np.ones(ground.ref.shape, dtype=np.float32))


def followed(ground: HeightGrid, start: np.ndarray, ray: np.ndarray, way: float, step: float) -> np.ndarray | None:
    """Return where a ray meets the ground, in steps of ``step`` along ``ray``; None if it leaves."""
    t = np.arange(0.3, way, step)
    points = start + t[:, None] * ray
    z = ground.sample(points[:, 0], points[:, 1])
    under = np.flatnonzero(np.isnan(z) | (points[:, 2] <= z))
    if under.size == 0 or np.isnan(z[under[0]]) or under[0] == 0:
        return None
    return points[under[0]] - start


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_level_view_is_that_of_followed_rays(seed: int) -> None:
    ground = rough(seed)
    seen = look_level([bare(ground)], LEVEL)
    ahead = np.array([*LEVEL.ahead, 0.0])
    right = np.array([ahead[1], -ahead[0], 0.0])
    start = np.array([LEVEL.x, LEVEL.y, LEVEL.z])
    wrong, told = 0, 0
    for row in range(0, LEVEL.rows, 3):
        for col in range(0, LEVEL.cols, 5):
            u, v = (col - LEVEL.centre_col) / LEVEL.focal_px, (LEVEL.centre_row - row) / LEVEL.focal_px
            hit = followed(ground, start, ahead + u * right + np.array([0.0, 0.0, v]), 25.0, 0.004)
            mine = seen.offset_m[row, col]
            if hit is None or hit @ ahead < 0.6:
                continue
            told += 1
            wrong += not abs(float(mine @ ahead) - float(hit @ ahead)) < 0.02 + 0.01 * float(hit @ ahead)
    assert told > 80
    assert wrong <= 0.03 * told  # rays that graze an edge


def test_offsets_lie_on_the_ray_and_on_the_ground() -> None:
    ground = rough(4)
    seen = look_level([bare(ground)], LEVEL)
    rows, cols = np.nonzero(seen.window == 0)
    offset = seen.offset_m[rows, cols].astype(np.float64)
    ahead = offset[:, :2] @ np.array(LEVEL.ahead)
    assert offset[:, 2] / ahead == pytest.approx((LEVEL.centre_row - rows) / LEVEL.focal_px, abs=1e-5)
    z = ground.sample(LEVEL.x + offset[:, 0], LEVEL.y + offset[:, 1])
    gap = np.abs(LEVEL.z + offset[:, 2] - z)
    assert np.quantile(gap, 0.95) < 0.01
    assert (seen.window[:2] == -1).all()  # sky over the ground
    assert np.isinf(seen.range_m[0]).all()


def test_a_wall_hides_what_is_behind() -> None:
    ref = GeoRef.centred(0.0, 0.0, 30.0, 0.1)
    z = np.zeros(ref.shape, dtype=np.float32)
    row, _ = ref.cell_of(0.0, 5.0)
    z[row - 2 : row + 1] = 0.8
    camera = Pinhole(0.0, 0.0, 1.5, 0.0, 200.0, 220, 41, 20.0, 20.0)
    y = look_level([bare(HeightGrid(z, ref))], camera).offset_m[:, 20, 1]
    behind = 5.3 / (1.0 - 0.8 / 1.5)  # where the line of sight over the wall meets the ground
    assert not ((y > 5.45) & (y < behind - 0.6)).any()
    assert (y > behind - 0.2).any()


def test_fine_windows_inside_coarse_ones_leave_no_gap() -> None:
    ground = rough(5)
    fine = ground.crop(-4.0, -7.0, 6.0, 3.0)
    whole, nested = look_level([bare(ground)], LEVEL), look_level([bare(fine), bare(ground)], LEVEL)
    assert {0, 1} <= set(np.unique(nested.window))
    np.testing.assert_array_equal(whole.window >= 0, nested.window >= 0)
    known = whole.window >= 0
    assert np.quantile(np.abs(whole.range_m[known] - nested.range_m[known]), 0.98) < 0.02


def test_the_descent_view_is_that_of_followed_rays() -> None:
    ground = rough(6)
    camera = Pinhole(0.0, 0.0, 12.0, 0.0, 40.0, 60, 60, 29.5, 29.5)
    seen = look_down(bare(ground), camera)
    wrong, told = 0, 0
    for row in range(0, 60, 4):
        for col in range(0, 60, 4):
            ray = np.array([(col - 29.5) / 40.0, (29.5 - row) / 40.0, -1.0])
            hit = followed(ground, np.array([0.0, 0.0, 12.0]), ray, 14.0, 0.003)
            if hit is not None:
                told += 1
                wrong += not np.abs(hit - seen.offset_m[row, col]).max() < 0.04
    assert told > 150
    assert wrong <= 0.03 * told


def test_north_is_up_and_east_is_right_in_the_descent_view() -> None:
    seen = look_down(bare(rough(7)), Pinhole(0.0, 0.0, 15.0, 0.0, 40.0, 31, 31, 15.0, 15.0))
    assert (seen.offset_m[0, :, 1] > 0.0).all() and (seen.offset_m[:, -1, 0] > 0.0).all()


def test_shadows_come_into_fine_windows_from_outside_and_not_twice() -> None:
    ground = rough(8)
    fine = ground.crop(-4.0, -4.0, 4.0, 4.0)
    inner, outer = sunlit_windows([fine, ground], 70.0, 6.0)
    alone = lit_share(ground.elevation_m, 0.1, 70.0, 6.0)
    r0, c0 = ground.ref.cell_of(*fine.ref.xy(0, 0))
    cut = alone[r0 : r0 + fine.ref.rows, c0 : c0 + fine.ref.cols]
    np.testing.assert_array_equal(outer.lit, alone)
    assert np.mean(np.abs(inner.lit - cut) > 0.2) < 0.01
    assert np.mean(lit_share(fine.elevation_m, 0.1, 70.0, 6.0) - cut > 0.2) > 0.02  # what the window alone would miss


def test_a_lamp_lights_what_it_sees() -> None:
    ref = GeoRef.centred(0.0, 0.0, 20.0, 0.1)
    z = np.zeros(ref.shape, dtype=np.float32)
    row, col = ref.cell_of(0.0, 4.0)
    z[row - 1 : row + 2, col - 5 : col + 6] = 0.5
    (window,) = lamplit_windows([HeightGrid(z, ref)], 0.0, 0.0, 1.0)
    dark = [ref.cell_of(0.0, y) for y in (5.0, 6.0, 7.5)]  # the shadow reaches 4.2 / (1 - 0.5) m
    lit = [ref.cell_of(0.0, y) for y in (2.0, 9.5, -4.0)] + [ref.cell_of(3.0, 6.0)]
    assert all(window.lit[cell] < 0.1 for cell in dark)
    assert all(window.lit[cell] > 0.9 for cell in lit)


def picture(sun: Sun | Lamp, seed: int = 3) -> tuple[np.ndarray, np.ndarray, Seen]:
    ground = rough(9)
    windows = (
        sunlit_windows([ground], sun.az_deg, sun.el_deg)
        if isinstance(sun, Sun)
        else lamplit_windows([ground], sun.x, sun.y, sun.z)
    )
    seen = look_level(windows, LEVEL)
    return *shade_seen(windows, LEVEL, seen, sun, seed), seen


def test_the_sun_behind_the_camera_makes_bright_ground_and_no_shadow_seen() -> None:
    behind, lit_behind, seen = picture(Sun(210.0, 10.0))
    ahead, lit_ahead, _ = picture(Sun(30.0, 10.0))
    ground = seen.window >= 0
    assert behind[ground].mean() > 4.0 * ahead[ground].mean()
    assert (lit_behind[ground] > 0.5).mean() > (lit_ahead[ground] > 0.5).mean()
    assert (behind[~ground] == 0.0).all()


def test_shadow_is_dark_but_not_black() -> None:
    radiance, lit, seen = picture(Sun(120.0, 5.0))
    ground = seen.window >= 0
    dark, bright = radiance[ground & (lit == 0.0)], radiance[ground & (lit > 0.9)]
    assert dark.min() > 0.0
    assert np.median(dark) < 0.1 * np.median(bright)


def test_the_light_of_a_lamp_falls_with_distance() -> None:
    radiance, lit, seen = picture(Lamp(1.0, -2.0, 1.0))
    near, far = (
        np.median(radiance[(seen.range_m > a) & (seen.range_m < b) & (lit > 0.5)]) for a, b in ((2, 3), (6, 8))
    )
    assert near > 3.5 * far


def test_the_same_seed_gives_the_same_soil_and_another_another() -> None:
    sun = Sun(120.0, 8.0)
    first, again, other = (picture(sun, seed)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_soil_varies_by_a_few_per_cent_and_what_is_below_a_pixel_is_left_out() -> None:
    rng = np.random.default_rng(1)
    places = rng.uniform(-500.0, 500.0, (400, 2))
    fine = np.array([grain(5, x, y, 0.005) for x, y in places])
    coarse = np.array([grain(5, x, y, 0.5) for x, y in places])
    assert fine[:, 0].mean() == pytest.approx(1.0, abs=0.01)
    assert 0.01 < fine[:, 0].std() < 0.06
    assert 0.05 < math.degrees(math.atan(fine[:, 1].std())) < 12.0
    assert (coarse[:, 1:] == 0.0).all()
    assert np.array([grain(5, *places[0], 3.0)]).tolist() == [[1.0, 0.0, 0.0]]


def test_bad_cameras_are_refused() -> None:
    window = bare(rough(1))
    with pytest.raises(SiteError, match="outside"):
        look_level([window], LEVEL._replace(x=99.0))
    with pytest.raises(SiteError, match="px"):
        look_level([window], LEVEL._replace(rows=0))
    with pytest.raises(SiteError, match="focal_px"):
        look_level([window], LEVEL._replace(focal_px=math.nan))
    with pytest.raises(SiteError, match="none"):
        look_level([], LEVEL)
    with pytest.raises(SiteError, match="above the highest"):
        look_down(window, LEVEL._replace(z=0.1))
    with pytest.raises(SiteError, match="windows"):
        sunlit_windows([rough(1), rough(1).crop(-2.0, -2.0, 2.0, 2.0)], 0.0, 5.0)
    with pytest.raises(SiteError, match="lamp"):
        lamplit_windows([rough(1)], 99.0, 0.0, 1.0)


def test_holes_suns_and_lamps_that_are_none_are_refused() -> None:
    good = rough(1)
    z = good.elevation_m.copy()
    z[10, 20] = np.nan
    holed = HeightGrid(z, good.ref)
    for look in (
        lambda: look_down(Window(holed, z), LEVEL._replace(z=40.0)),
        lambda: look_level([Window(holed, z)], LEVEL),
        lambda: sunlit_windows([holed], 0.0, 5.0),
        lambda: lamplit_windows([holed], 0.0, 0.0, 2.0),
    ):
        with pytest.raises(SiteError, match=r"windows\[0\]: 1 cells have no height"):
            look()
    for az, el in ((math.nan, 5.0), (0.0, math.nan), (0.0, 95.0)):
        with pytest.raises(SiteError, match="sun"):
            sunlit_windows([good], az, el)
    with pytest.raises(SiteError, match="lamp"):
        lamplit_windows([good], 0.0, 0.0, math.nan)


def test_a_picture_is_not_turned_or_flipped() -> None:
    """One block off the axis, seen north and east: right of the middle, at the height that its top has, its shadow away from the Sun."""
    ref = GeoRef.centred(0.0, 0.0, 40.0, 0.05)
    x, y = ref.xy(*np.mgrid[: ref.rows, : ref.cols])
    for toward, sun_az in ((0.0, 180.0), (90.0, 300.0)):
        angle = math.radians(toward)
        ahead, right = x * math.sin(angle) + y * math.cos(angle), x * math.cos(angle) - y * math.sin(angle)
        block = (np.abs(ahead - 8.0) < 0.1) & (np.abs(right - 1.0) < 0.3)
        windows = sunlit_windows([HeightGrid(np.where(block, 0.5, 0.0).astype(np.float32), ref)], sun_az, 10.0)
        camera = Pinhole(0.0, 0.0, 2.0, toward, 600.0, 300, 800, 80.0, 399.5)
        row, col = np.nonzero(look_level(windows, camera).offset_m[..., 2] > -1.75)
        assert col.mean() == pytest.approx(399.5 + 600.0 / 8.0, abs=0.5)
        assert row.min() == pytest.approx(80.0 + 600.0 * 1.5 / 8.0, abs=1.0)
        away = -x * math.sin(math.radians(sun_az)) - y * math.cos(math.radians(sun_az))
        shadow = (windows[0].lit < 0.5) & ~block
        assert away[shadow].max() - away[block].max() == pytest.approx(0.5 / math.tan(math.radians(10.0)), abs=0.2)


def test_ground_is_brightest_with_the_sun_behind_the_camera() -> None:
    ground = HeightGrid(np.zeros((400, 400), np.float32), GeoRef.centred(0.0, 0.0, 40.0, 0.1))
    camera = Pinhole(0.0, 0.0, 2.0, 40.0, 300.0, 100, 200, 20.0, 99.5)
    light: list[float] = []
    for turn in (180.0, 90.0, 0.0):
        windows = sunlit_windows([ground], 40.0 + turn, 20.0)
        light.append(
            float(
                shade_seen(windows, camera, look_level(windows, camera), Sun(40.0 + turn, 20.0), 1).radiance[40:].mean()
            )
        )
    assert light[0] > 2.0 * light[1] > 2.0 * light[2]
