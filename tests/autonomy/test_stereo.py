"""Depth of known ground, rocks of known height, shadow that is not trusted, pictures that show nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.autonomy.camera import MastCamera
from moonfleet.autonomy.errors import ImageError
from moonfleet.autonomy.stereo import heads_of, in_site, points_of, rig_for, stereo_depth, stereo_patch
from moonfleet.autonomy.stereo_rocks import stereo_rocks
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.shading import Sun
from tests.autonomy.stereo_scenes import RIG, plane, shot, with_box

SIDE = Sun(100.0, 8.0)


@pytest.mark.parametrize("slope", [0.0, 0.06])
def test_depth_of_a_plane_is_as_good_as_theory_says(slope: float) -> None:
    left, right, true, _ = shot(plane(slope=slope), SIDE)
    depth = stereo_depth(left, right, RIG)
    for low, high in ((2.5, 4.0), (4.0, 7.0), (7.0, 10.0)):
        there = (true > low) & (true < high)
        good = there & depth.trusted
        assert good.sum() > 0.7 * there.sum()
        off = np.abs(depth.depth_m[good] - true[good]) / RIG.sigma_depth_m(true[good])
        assert np.median(off) < 1.3
        assert abs(np.median(depth.depth_m[good] - true[good])) < 0.5 * RIG.sigma_depth_m(high)


def test_points_lie_on_the_plane() -> None:
    left, right, _, _ = shot(plane(slope=0.05), SIDE)
    points = points_of(stereo_depth(left, right, RIG), RIG, 8.0)
    height = points.xyz[:, 2] - 0.05 * points.xyz[:, 1]
    assert np.median(np.abs(height)) < 0.015
    assert np.mean(np.abs(height) < 3.0 * points.sigma_m) > 0.95


@pytest.mark.parametrize(("ahead", "height"), [(4.0, 0.3), (7.0, 0.4)])
def test_a_box_is_found_with_its_height(ahead: float, height: float) -> None:
    left, right, _, _ = shot(with_box(plane(), 0.6, ahead, 0.4, height), SIDE)
    seen = stereo_rocks(stereo_depth(left, right, RIG), RIG, 0.0, 0.0, 0.0, 10.0)
    near = np.hypot(seen.x - 0.6, seen.y - ahead) < 0.4
    assert near.sum() == 1
    assert seen.height_m[near][0] == pytest.approx(height, rel=0.3)
    assert 0.2 < seen.diameter_m[near][0] < 0.8
    assert seen.confidence[near][0] > 0.5
    assert len(seen.x) <= 2  # bare ground has no rocks


def test_site_places_turn_with_the_look() -> None:
    left, right, _, _ = shot(with_box(plane(), 0.6, 4.0, 0.4, 0.3), SIDE)
    depth = stereo_depth(left, right, RIG)
    seen = stereo_rocks(depth, RIG, 0.0, 0.0, 0.0, 6.0)
    east = stereo_rocks(depth, RIG, 100.0, -50.0, 90.0, 6.0)
    assert (east.x - 100.0, east.y + 50.0) == (pytest.approx(seen.y), pytest.approx(-seen.x))
    at = in_site(np.array([[1.0, 2.0, 3.0]]), 10.0, 20.0, 180.0, 5.0)
    assert at[0] == pytest.approx([9.0, 18.0, 8.0])


def test_shadow_is_not_trusted_and_what_was_taken_out_is_worse() -> None:
    left, right, true, lit = shot(with_box(plane(), 1.8, 4.0, 1.0, 0.8), Sun(90.0, 8.0))
    masked, naive = (stereo_depth(left, right, RIG, mask=mask) for mask in (True, False))
    deep = np.zeros(lit.shape, dtype=bool)
    deep[8:-8, 8:-8] = True
    for rows, cols in ((8, 0), (-8, 0), (0, 8), (0, -8)):  # eight pixels from any light
        deep &= np.roll(lit < 0.05, (rows, cols), (0, 1))
    deep &= (true > 2.0) & (true < 8.0) & (lit < 0.05)
    assert deep.sum() > 500
    assert masked.trusted[deep].mean() < 0.25
    assert naive.trusted[deep].mean() > masked.trusted[deep].mean() + 0.1
    lighted = (lit > 0.9) & (true > 2.5) & (true < 8.0)
    assert masked.trusted[lighted].mean() > 0.75


def test_the_patch_knows_its_ground() -> None:
    left, right, _, _ = shot(with_box(plane(slope=0.03), 0.0, 5.0, 0.6, 0.4), SIDE)
    ref = GeoRef.centred(0.0, 5.0, 6.0, 0.2)
    patch = stereo_patch(stereo_depth(left, right, RIG), RIG, ref, 0.0, 0.0, 0.0, foot_m=0.0)
    _, y = ref.xy(np.arange(ref.rows), np.zeros(ref.rows))
    off = patch.elevation_m - (0.03 * y)[:, None]
    assert patch.trusted.mean() > 0.5
    assert np.median(np.abs(off[patch.trusted])) < 0.02
    row, col = ref.cell_of(0.0, 4.75)
    assert np.nanmax(off[row - 1 : row + 2, col - 1 : col + 2]) > 0.25


@pytest.mark.parametrize("level", [0, 4095])
def test_pictures_that_show_nothing_give_nothing(level: int) -> None:
    blank = np.full((RIG.rows, RIG.cols), level, dtype=np.uint16)
    rng = np.random.default_rng(1)
    noise = np.clip(np.round(rng.normal(2.0, 2.0, (2, *blank.shape))), 0, None).astype(np.uint16)
    for left, right in ((blank, blank), (noise[0], noise[1])):
        depth = stereo_depth(left, right, RIG)
        assert depth.trusted.mean() < 0.02
        assert len(stereo_rocks(depth, RIG, 0.0, 0.0, 0.0, 15.0).x) == 0


def test_eight_bit_pictures_do() -> None:
    left, right, true, _ = shot(plane(), SIDE)
    small = [np.clip(image // 16, 0, 255).astype(np.uint8) for image in (left, right)]
    rig = RIG._replace(electrons_per_grey=RIG.electrons_per_grey * 16.0, read_noise_e=30.0)
    depth = stereo_depth(*small, rig)
    good = depth.trusted & (true < 8.0)
    assert good.mean() > 0.3
    assert np.median(np.abs(depth.depth_m[good] - true[good]) / rig.sigma_depth_m(true[good])) < 1.5


def test_rigs_of_mast_cameras() -> None:
    rig = rig_for(MastCamera(1.5, 15.0, 70.0))
    assert rig.cols / 2.0 / rig.focal_px == pytest.approx(math.tan(math.radians(35.0)), abs=0.01)
    assert rig.nearest_m == pytest.approx(2.0, abs=0.01)
    assert [heads_of(MastCamera(fov_deg=f)) for f in (60.0, 110.0, 360.0)] == [1, 2, 5]
    assert rig_for(MastCamera(3.0, 30.0, 360.0)).rows < 600


def test_bad_pictures_and_rigs_are_refused() -> None:
    good = np.zeros((RIG.rows, RIG.cols), dtype=np.uint16)
    for bad in (good.astype(np.float32), good[:-1], np.zeros((*good.shape, 3), np.uint8)):
        with pytest.raises(ImageError, match="right"):
            stereo_depth(good, bad, RIG)
    for change in (
        {"focal_px": 0.0},
        {"baseline_m": math.nan},
        {"rows": 3},
        {"centre_row": 999.0},
        {"read_noise_e": -1.0},
    ):
        with pytest.raises(ImageError, match="rig"):
            stereo_depth(good, good, RIG._replace(**change))
    with pytest.raises(ImageError, match="disparities"):
        stereo_depth(good, good, RIG._replace(baseline_m=9.0))
