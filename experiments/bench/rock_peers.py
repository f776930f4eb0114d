"""Rock detectors that others would reach for, to stand beside ours: each answers places [m] and a score for its threshold."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from .rock_scenes import F64, Scene

Found = tuple[F64, F64, F64]  # x, y [m] from the picture's middle, score (higher: a taller rock)
Peer = Callable[[Scene], Found]


def peers() -> dict[str, Peer]:
    """Return the peers by name."""
    found: dict[str, Peer] = {"matched filter, no verifier": matched_filter, "cv2 SimpleBlobDetector": simple_blob}
    return found | ({"skimage blob_log": blob_log} if find_spec("skimage") else {})


def _away(scene: Scene) -> tuple[float, float]:
    """Return one pixel away from the light, as (col, row)."""
    az = math.radians(scene.view.light_az_deg)
    return -math.sin(az), math.cos(az)


def _metres(scene: Scene, col: F64, row: F64, score: F64) -> Found:
    middle = 0.5 * (scene.image.shape[0] - 1)
    return (col - middle) * scene.view.cell_m, (middle - row) * scene.view.cell_m, score


def matched_filter(scene: Scene) -> Found:
    """Lit patch before dark patch along the light (Li & Wu 2018); score: height from the length of the shadow behind."""
    import cv2

    away, half = _away(scene), 6
    row, col = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float64)
    along, across = col * away[0] + row * away[1], col * away[1] - row * away[0]
    lit = ((along > -3.0) & (along <= 0.0) & (np.abs(across) <= 1.5)).astype(np.float32)
    dark = ((along > 0.0) & (along <= 5.0) & (np.abs(across) <= 1.5)).astype(np.float32)
    grey = scene.image.astype(np.float32)
    level = float(np.median(grey[grey > 12.0])) if (grey > 12.0).any() else 100.0
    up, down = (np.asarray(cv2.filter2D(grey, -1, kernel / kernel.sum())) for kernel in (lit, dark))
    answer = up - down
    peak = np.asarray(cv2.dilate(answer, np.ones((5, 5), np.uint8)))
    r, c = np.nonzero((answer >= peak) & (answer > 0.6 * level) & (down < 0.6 * level))
    steps = np.arange(1.0, 300.0)
    i = np.clip(np.rint(r[:, None] + steps * away[1]), 0, grey.shape[0] - 1).astype(np.int64)
    j = np.clip(np.rint(c[:, None] + steps * away[0]), 0, grey.shape[1] - 1).astype(np.int64)
    lit_again = grey[i, j] >= 0.45 * level
    lit_again[:, :2] = False
    length = np.where(lit_again.any(axis=1), lit_again.argmax(axis=1), steps.size) * scene.view.cell_m
    tan = math.tan(math.radians(scene.view.light_el_deg))
    return _metres(scene, c.astype(np.float64), r.astype(np.float64), length * tan)


def simple_blob(scene: Scene) -> Found:
    """OpenCV's blob detector on shadows, dark blobs of any shape; the rock stands where the shadow begins. Score: its length."""
    import cv2

    settings = cv2.SimpleBlobDetector.Params()
    settings.filterByColor, settings.blobColor = True, 0
    settings.filterByInertia = settings.filterByConvexity = settings.filterByCircularity = False
    settings.minArea, settings.maxArea, settings.minDistBetweenBlobs = 6.0, 30_000.0, 3.0
    points = cv2.SimpleBlobDetector.create(settings).detect(scene.image)
    col, row = (np.array([point.pt[axis] for point in points], dtype=np.float64) for axis in (0, 1))
    return _shadow_begins(scene, col, row, np.array([point.size for point in points], dtype=np.float64))


def blob_log(scene: Scene) -> Found:
    """scikit-image's Laplacian of Gaussian on bright faces. Score: the face's size."""
    from skimage.feature import blob_log as log

    blobs = np.asarray(log(scene.image, min_sigma=1, max_sigma=8, num_sigma=6, threshold=0.2), dtype=np.float64)
    away = _away(scene)
    blobs = blobs.reshape(-1, 3)
    return _metres(
        scene, blobs[:, 1] + 0.5 * away[0] * blobs[:, 2], blobs[:, 0] + 0.5 * away[1] * blobs[:, 2], blobs[:, 2]
    )


def _shadow_begins(scene: Scene, col: F64, row: F64, size: F64) -> Found:
    """Walk from shadows' middles toward the light until it is bright: there the rock stands."""
    away, steps = _away(scene), np.arange(0.0, 150.0)
    i = np.clip(np.rint(row[:, None] - steps * away[1]), 0, scene.image.shape[0] - 1).astype(np.int64)
    j = np.clip(np.rint(col[:, None] - steps * away[0]), 0, scene.image.shape[1] - 1).astype(np.int64)
    lit = scene.image[i, j] > 60
    step = np.where(lit.any(axis=1), lit.argmax(axis=1), 0).astype(np.float64)
    return _metres(scene, col - step * away[0], row - step * away[1], size)
