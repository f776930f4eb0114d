"""Rock detectors that others would reach for, to stand beside ours: each answers places [m] and a score for its threshold."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np

from .rock_filter import filtered_rocks
from .rock_scenes import F64, Scene

Found = tuple[F64, F64, F64]  # x, y [m] from the picture's middle, score (higher: a taller rock)
Peer = Callable[[Scene], Found]


def peers() -> dict[str, tuple[Peer, ...]]:
    """Return the peers by name; of several variants the best on training scenes is taken."""
    filters = tuple(partial(fitted_filter, least=least) for least in (0.1, 0.3, 0.5, 0.7, 0.9))
    found: dict[str, tuple[Peer, ...]] = {"the matched filter": filters, "cv2 SimpleBlobDetector": (simple_blob,)}
    return found | ({"skimage blob_log": (blob_log,)} if find_spec("skimage") else {})


def _away(scene: Scene) -> tuple[float, float]:
    """Return one pixel away from the light, as (col, row)."""
    az = math.radians(scene.view.light_az_deg)
    return -math.sin(az), math.cos(az)


def _metres(scene: Scene, col: F64, row: F64, score: F64) -> Found:
    middle = 0.5 * (scene.image.shape[0] - 1)
    return (col - middle) * scene.view.cell_m, (middle - row) * scene.view.cell_m, score


def fitted_filter(scene: Scene, *, least: float) -> Found:
    """The matched filter with fitted laws of size and confidence (`rock_filter`); score: half the diameter."""
    view = scene.view
    seen = filtered_rocks(scene.image, view.cell_m, view.light_az_deg, view.light_el_deg)
    sure = seen.confidence >= least
    return _metres(scene, seen.col[sure], seen.row[sure], 0.5 * seen.diameter_m[sure])


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
