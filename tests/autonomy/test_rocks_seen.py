"""The detector on rendered ground: how many rocks it finds, how many it makes up, and what it refuses to read."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy.errors import ImageError
from moonfleet.autonomy.rocks_seen import Detections, detect_rocks

pytest.importorskip("moonfleet.terrain.render")
from tests.autonomy.rock_scenes import CELL_M, Scene, match, take


def look(scene: Scene, az: float, el: float) -> Detections:
    found = detect_rocks(scene.image, CELL_M, az, el)
    keep = (found.confidence >= 0.5) & (np.abs(found.x) < 19.3) & (np.abs(found.y) < 19.3)
    return found.take(keep)


def test_sizes_are_right_within_a_third() -> None:
    ratio: list[float] = []
    for seed in (5, 6):
        scene = take(seed, 200.0, 5.0, 0.04)
        found = look(scene, 200.0, 5.0)
        at = match(found.x, found.y, scene.rocks)
        big = (at >= 0) & (scene.rocks[at, 2] >= 0.3)
        ratio.extend(found.diameter_m[big] / scene.rocks[at[big], 2])
    assert 0.75 < float(np.median(ratio)) < 1.25
    assert float(np.mean((np.array(ratio) > 0.66) & (np.array(ratio) < 1.5))) > 0.75


def test_an_ideal_rock_is_found_whatever_the_azimuth_of_the_light() -> None:
    row, col = np.mgrid[0:120, 0:120].astype(float)
    for az in range(0, 360, 30):
        a = np.radians(az)
        away = -((col - 70) * np.sin(a) - (row - 40) * np.cos(a))
        across = (col - 70) * np.cos(a) + (row - 40) * np.sin(a)
        image = np.full((120, 120), 90.0)
        image[(across**2 + away**2 < 25.0) & (away < 0)] = 220.0
        image[(np.abs(across) < 5.0) & (away >= 0) & (away < 40.0)] = 3.0
        found = detect_rocks(image.astype(np.uint8), 0.1, float(az), 7.0, centre_xy=(100.0, 200.0))
        best = int(np.argmax(found.diameter_m))
        assert found.x[best] == pytest.approx(101.05, abs=0.2)
        assert found.y[best] == pytest.approx(201.95, abs=0.2)
        assert 0.6 < found.diameter_m[best] < 1.5


@pytest.mark.parametrize("level", [0, 3, 120, 255])
def test_pictures_without_evidence_hold_no_rocks(level: int) -> None:
    assert len(detect_rocks(np.full((200, 200), level, np.uint8), 0.1, 30.0, 4.0).x) == 0
    half = np.full((200, 200), level, np.uint8)
    half[:, 100:] = 0  # the edge of a great shadow, along the light
    assert len(detect_rocks(half, 0.1, 0.0, 4.0).x) == 0


def test_masked_ground_is_not_judged() -> None:
    scene = take(1, 60.0, 5.0, 0.04)
    valid = np.zeros(scene.image.shape, bool)
    valid[:, 200:] = True
    assert (detect_rocks(scene.image, CELL_M, 60.0, 5.0, valid).x > -0.5).all()
    assert len(detect_rocks(scene.image, CELL_M, 60.0, 5.0, np.zeros_like(valid)).x) == 0


def test_the_same_picture_gives_the_same_bytes() -> None:
    import cv2

    scene = take(2, 60.0, 5.0, 0.04)
    threads = cv2.getNumThreads()
    one = detect_rocks(scene.image, CELL_M, 60.0, 5.0)
    cv2.setNumThreads(1)
    two = detect_rocks(scene.image, CELL_M, 60.0, 5.0)
    cv2.setNumThreads(threads)
    assert [a.tobytes() for a in one] == [a.tobytes() for a in two]


def test_refuses_what_it_cannot_read() -> None:
    good = np.zeros((50, 50), np.uint8)
    for image, match_ in (
        (good.astype(np.float64), "must be uint8"),
        (np.zeros((50, 50, 3), np.uint8), "one grey channel"),
        (np.zeros((4, 50), np.uint8), "sides must be"),
    ):
        with pytest.raises(ImageError, match=match_):
            detect_rocks(image, 0.1, 0.0, 5.0)
    with pytest.raises(ImageError, match="cell_m: 0"):
        detect_rocks(good, 0.0, 0.0, 5.0)
    with pytest.raises(ImageError, match="elevation -2"):
        detect_rocks(good, 0.1, 0.0, -2.0)
    with pytest.raises(ImageError, match="valid"):
        detect_rocks(good, 0.1, 0.0, 5.0, np.ones((3, 3), bool))
