"""Frames carry the truth they show, look right by measure, and come out the same again."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.agents.camera_frames import (
    BRIGHT_LEVEL,
    Detector,
    expose_electrons,
    pair_images,
    take_mast,
    take_nadir,
    take_pair,
)
from moonfleet.agents.errors import CameraError
from moonfleet.agents.messages import Sense
from moonfleet.agents.state import Activity
from moonfleet.agents.stereo_eye import StereoEye
from moonfleet.autonomy.camera import MastCamera
from moonfleet.autonomy.stereo import StereoRig
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.shading import Sun

RIG = StereoRig(300.0, 0.3, 260, 320, 40.0, 159.5, 1.5)
CAMERA = MastCamera(1.5, 12.0, 50.0)


@pytest.fixture(scope="module")
def ground() -> LocalGround:
    ref = GeoRef.centred(0.0, 0.0, 400.0, 20.0)
    return LocalGround(HeightGrid(np.zeros(ref.shape, np.float32), ref), np.full(ref.shape, 0.04, np.float32), 5)


def sense_at(elevation: float, t_s: int = 60) -> Sense:
    lit = 1.0 if elevation > 0.0 else 0.0
    return Sense(t_s, 0.0, 0.0, 0.0, 70.0, elevation, lit, 1.0, int(Activity.DRIVE), False, 0.0)


def test_noise_is_that_of_counted_electrons() -> None:
    level = np.full((200, 200), 0.3, dtype=np.float32)
    detector = Detector(psf_px=0.0, full_well_e=10_000.0, read_noise_e=20.0, bits=12)
    image = expose_electrons(level, detector, stream(1, "test"), gain=1.0)
    electrons = image * (10_000.0 / 4095.0)
    assert electrons.mean() == pytest.approx(3000.0, rel=0.01)
    assert electrons.std() == pytest.approx(math.sqrt(3000.0 + 400.0), rel=0.05)


def test_exposure_follows_the_light() -> None:
    rng = np.random.default_rng(2)
    scene = rng.uniform(0.5, 1.0, (100, 100)).astype(np.float32)
    for brightness in (1.0, 0.01):
        image = expose_electrons(scene * np.float32(brightness), Detector(bits=8), stream(1, "test"))
        assert image.dtype == np.uint8
        assert np.quantile(image, 0.97) == pytest.approx(255 * BRIGHT_LEVEL, rel=0.05)
    black = expose_electrons(np.zeros((50, 50), np.float32), Detector(), stream(1, "test"))
    assert black.dtype == np.uint16
    assert black.max() < 20


def test_blur_spreads_a_point() -> None:
    point = np.zeros((21, 21), dtype=np.float32)
    point[10, 10] = 1.0
    image = expose_electrons(point, Detector(psf_px=0.8, read_noise_e=0.0), stream(1, "test"), gain=1.0).astype(float)
    assert image[10, 10] < 0.4 * 4095
    assert image[10, 11] > 0.25 * image[10, 10]


def test_a_descent_frame_and_its_truth(ground: LocalGround) -> None:
    frame = take_nadir(ground, 10.0, -5.0, 30.0, Sun(60.0, 5.0), 1, fov_deg=40.0, pixels=200)
    truth = frame.truth
    assert frame.image.shape == truth.range_m.shape == truth.shadow.shape == (200, 200)
    assert frame.cell_m == pytest.approx(30.0 * 2.0 * math.tan(math.radians(20.0)) / 200)
    assert np.isfinite(truth.range_m).all()
    assert truth.xyz_m[100, 100, :2] == pytest.approx([10.0, -5.0], abs=0.2)
    assert truth.range_m[100, 100] == pytest.approx(30.0, abs=0.5)
    grey = frame.image.astype(float)
    assert np.median(grey[truth.shadow]) < 0.2 * np.median(grey[~truth.shadow])
    for i in range(len(truth.rocks)):  # the pixels of a rock lie on it
        x, y = truth.xyz_m[truth.rock == i, 0], truth.xyz_m[truth.rock == i, 1]
        assert x.size > 0
        assert np.hypot(x - truth.rocks[i, 0], y - truth.rocks[i, 1]).max() < truth.rocks[i, 2] / 2 + frame.cell_m
    assert len(truth.rocks) > 20


def test_a_pair_is_rectified(ground: LocalGround) -> None:
    """What the left camera sees of the ground, the right one sees in the same row, by f B / depth further left."""
    pair = take_pair(ground, 0.0, 0.0, 30.0, RIG, Sun(100.0, 8.0), 1, range_m=12.0)
    left, right = pair.left.truth, pair.right.truth
    ahead = np.array([math.sin(math.radians(30.0)), math.cos(math.radians(30.0))])
    rows, cols = np.nonzero(np.isfinite(left.range_m) & (left.range_m < 10.0))
    pick = np.arange(0, rows.size, 97)
    rows, cols = rows[pick], cols[pick]
    depth = (left.xyz_m[rows, cols, :2] - [pair.left.camera.x, pair.left.camera.y]) @ ahead
    other = np.rint(cols - RIG.focal_px * RIG.baseline_m / depth).astype(int)
    seen = other >= 0
    gap = np.linalg.norm(left.xyz_m[rows, cols] - right.xyz_m[rows, np.maximum(other, 0)], axis=1)[seen]
    assert np.median(gap) < 0.02
    assert np.mean(gap < 0.1) > 0.9
    assert pair.right.camera.x - pair.left.camera.x == pytest.approx(0.3 * math.cos(math.radians(30.0)))


def test_the_picture_alone_is_that_of_the_frame(ground: LocalGround) -> None:
    pair = take_pair(ground, 0.0, 0.0, 30.0, RIG, Sun(100.0, 8.0), 1, range_m=12.0, index=(3,))
    images = pair_images(ground, 0.0, 0.0, 30.0, RIG, Sun(100.0, 8.0), 1, range_m=12.0, index=(3,))
    np.testing.assert_array_equal(pair.left.image, images[0])
    np.testing.assert_array_equal(pair.right.image, images[1])
    later = pair_images(ground, 0.0, 0.0, 30.0, RIG, Sun(100.0, 8.0), 1, range_m=12.0, index=(4,))
    assert not np.array_equal(later[0], images[0])


def test_the_lamp_shows_what_is_near(ground: LocalGround) -> None:
    frame = take_mast(ground, 0.0, 0.0, 0.0, RIG, None, 1, range_m=12.0)
    near = (frame.truth.range_m > 2.5) & (frame.truth.range_m < 3.5)
    far = (frame.truth.range_m > 10.0) & (frame.truth.range_m < 12.0)
    assert np.median(frame.image[near]) > 10.0 * np.median(frame.image[far])


@pytest.mark.parametrize("elevation", [6.0, -3.0])
def test_the_stereo_eye_sees_rocks_where_they_are(ground: LocalGround, elevation: float) -> None:
    eye = StereoEye(ground, CAMERA, 3, 1)
    inner = CAMERA._replace(range_m=9.0, fov_deg=46.0)
    rocks = ground.rocks(-50.0, -50.0, 50.0, 50.0)
    rocks = rocks[rocks[:, 3] > 0.2]
    hits: dict[float, list[bool]] = {0.0: [], 3.0: []}
    for number in range(8):
        sense = sense_at(elevation)._replace(x=9.0 * number - 30.0)
        toward = 45.0 * number
        seen = eye.look(sense, toward).rocks
        there = rocks[inner.sees(rocks[:, 0], rocks[:, 1], (sense.x, 0.0), toward)]
        for shift, found in hits.items():
            gap = np.hypot(seen.x[:, None] + shift - there[:, 0], seen.y[:, None] - there[:, 1])
            found.extend((gap.min(axis=0, initial=np.inf) < 0.4).tolist())
    assert len(hits[0.0]) >= 6
    assert np.mean(hits[0.0]) >= 0.7
    assert np.mean(hits[3.0]) < np.mean(hits[0.0]) - 0.3


def test_the_same_look_gives_the_same_detections(ground: LocalGround) -> None:
    first, again = (StereoEye(ground, CAMERA, 3, 1).look(sense_at(6.0), 30.0).rocks for _ in range(2))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)


def test_odd_cameras_find_nothing_or_are_refused(ground: LocalGround) -> None:
    assert len(StereoEye(ground, MastCamera(1.5, 1e-6, 1.0), 3, 1).look(sense_at(6.0), 0.0).rocks.x) == 0
    with pytest.raises(CameraError, match="altitude_m"):
        take_nadir(ground, 0.0, 0.0, 0.0, Sun(0.0, 5.0), 1)
    with pytest.raises(CameraError, match="range_m"):
        take_mast(ground, 0.0, 0.0, 0.0, RIG, None, 1, range_m=math.nan)
    with pytest.raises(CameraError, match="detector"):
        expose_electrons(np.ones((4, 4), np.float32), Detector(bits=40), stream(1, "test"))
    with pytest.raises(CameraError, match="radiance"):
        expose_electrons(np.full((4, 4), np.nan, np.float32), Detector(), stream(1, "test"))
    with pytest.raises(SiteError, match="outside"):
        take_nadir(ground, 1e6, 0.0, 30.0, Sun(0.0, 5.0), 1)


def test_rigs_and_exposures_that_are_none_are_refused(ground: LocalGround) -> None:
    sun = Sun(40.0, 8.0)
    for wrong in (
        {"rows": 0},
        {"baseline_m": math.nan},
        {"height_m": -3.0},
        {"focal_px": 0.0},
        {"centre_col": math.nan},
    ):
        with pytest.raises(CameraError, match="rig"):
            pair_images(ground, 0.0, 0.0, 30.0, RIG._replace(**wrong), sun, 1, range_m=8.0)
    grey = np.ones((4, 4), np.float32)
    for radiance, gain, words in ((-grey, None, "at least 0"), (grey, math.nan, "gain"), (grey, -1.0, "gain")):
        with pytest.raises(CameraError, match=words):
            expose_electrons(radiance, Detector(), stream(1, "x"), gain)
    for detector in (Detector(psf_px=math.inf), Detector(full_well_e=math.inf), Detector(bits=12.5)):  # type: ignore[arg-type]
        with pytest.raises(CameraError, match="detector"):
            expose_electrons(grey, detector, stream(1, "x"))


def test_a_descent_view_of_steep_ground_has_no_black_edge() -> None:
    ref = GeoRef.centred(0.0, 0.0, 400.0, 20.0)
    x, _ = ref.xy(*np.mgrid[: ref.rows, : ref.cols])
    steep = LocalGround(HeightGrid((0.36 * x).astype(np.float32), ref), np.zeros(ref.shape, np.float32), 3)
    frame = take_nadir(steep, 0.0, 0.0, 50.0, Sun(270.0, 20.0), 1, pixels=100)
    assert np.isfinite(frame.truth.range_m).all()
    assert frame.truth.range_m[50, 5] > frame.truth.range_m[50, 95]  # it falls to the west
