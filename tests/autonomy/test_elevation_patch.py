"""Points as a patch: which cell, which height, how sure, and which holes are bridged."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy.elevation_patch import ElevationPatch, patch_from_points
from moonfleet.autonomy.errors import PatchError
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.seeds import stream

REF = GeoRef(10.0, 20.0, 0.5, 6, 8)


def centres(keep: np.ndarray, ref: GeoRef = REF) -> np.ndarray:
    row, col = np.nonzero(keep)
    x, y = ref.xy(row, col)
    return np.column_stack([x, y, 0.3 * x - 0.2 * y - 1_900.0])


def plane(ref: GeoRef = REF) -> np.ndarray:
    return centres(np.ones(ref.shape, bool), ref)[:, 2].reshape(ref.shape)


def test_points_fall_into_the_cell_that_holds_them() -> None:
    points = np.array(
        [[10.01, 19.99, 1.0], [13.99, 17.01, 2.0], [9.99, 19.9, 7.0], [11.0, 20.01, 7.0], [11, 18, np.nan]]
    )
    patch = patch_from_points(points, REF, 0.1)
    assert patch.elevation_m[0, 0] == 1.0
    assert patch.elevation_m[5, 7] == 2.0
    assert patch.count.sum() == 2
    assert patch.trusted.sum() == 2


def test_a_height_is_the_mean_weighted_by_what_each_is_worth() -> None:
    points = np.array([[10.1, 19.9, 1.0], [10.2, 19.8, 4.0]])
    patch = patch_from_points(points, REF, np.array([0.1, 0.2]))
    assert patch.elevation_m[0, 0] == pytest.approx(1.6)
    assert patch.sigma_m[0, 0] == pytest.approx(np.sqrt(1.0 / 125.0))
    assert patch.count[0, 0] == 2
    assert np.isinf(patch.sigma_m[3, 3])


def test_a_single_hole_is_bridged_exactly_on_a_plane_and_not_trusted() -> None:
    keep = np.ones(REF.shape, bool)
    keep[2, 3] = keep[0, 5] = False
    patch = patch_from_points(centres(keep), REF, 0.05)
    assert patch.elevation_m[2, 3] == pytest.approx(plane()[2, 3], abs=2e-4)
    assert not patch.trusted[2, 3]
    assert patch.count[2, 3] == 0
    assert patch.sigma_m[2, 3] >= 0.05
    assert np.isnan(patch.elevation_m[0, 5])  # at the rim there is one pair only
    bare = patch_from_points(centres(keep), REF, 0.05, bridge=False)
    assert np.isnan(bare.elevation_m[2, 3])
    assert bare.known.sum() == REF.rows * REF.cols - 2


def test_a_wide_hole_stays_a_hole() -> None:
    ref = GeoRef(0.0, 0.0, 0.5, 12, 12)
    keep = np.ones(ref.shape, bool)
    keep[3:8, 3:8] = False
    patch = patch_from_points(centres(keep, ref), ref, 0.05)
    assert np.isnan(patch.elevation_m[4:7, 4:7]).all()


def test_uneven_ground_around_a_hole_widens_its_sigma() -> None:
    keep = np.ones(REF.shape, bool)
    keep[2, 3] = False
    points = centres(keep)
    flat = patch_from_points(points, REF, 0.05).sigma_m[2, 3]
    points[:, 2] += stream(1, "bumps").normal(0.0, 0.5, len(points))
    assert patch_from_points(points, REF, 0.05).sigma_m[2, 3] > 2.0 * flat


def test_no_points_make_an_unknown_patch() -> None:
    patch = patch_from_points(np.empty((0, 3)), REF, 0.1)
    assert not patch.known.any()
    assert not patch.trusted.any()


def test_wrong_points_are_refused() -> None:
    for points, sigma, words in (
        (np.zeros((4, 2)), 0.1, r"float64 \[n, 3\]"),
        (np.zeros((4, 3), dtype=np.float32), 0.1, "float32"),
        (np.zeros((4, 3)), 0.0, "sigma_m"),
        (np.zeros((4, 3)), np.ones(3), r"\[4\]"),
        (np.zeros((2, 3)), np.array([0.1, np.nan]), "finite"),
    ):
        with pytest.raises(PatchError, match=words):
            patch_from_points(points, REF, sigma)


def test_a_patch_of_layers_that_do_not_fit_is_refused() -> None:
    good = patch_from_points(np.empty((0, 3)), REF, 0.1)
    with pytest.raises(PatchError, match="sigma_m"):
        ElevationPatch(REF, good.elevation_m, good.sigma_m[1:], good.count, good.trusted)
    with pytest.raises(PatchError, match="count"):
        ElevationPatch(REF, good.elevation_m, good.sigma_m, good.count.astype(np.int64), good.trusted)  # type: ignore[arg-type]


def test_what_is_trusted_has_a_height() -> None:
    for sigma in (1e-200, 1e200, np.inf):
        with pytest.raises(PatchError, match="finite"):
            patch_from_points(np.zeros((2, 3)), REF, sigma)
    x, y = REF.xy(1, 1)
    patch = patch_from_points(np.array([[x, y, 1e39], [x, y, -1e300]]), REF, 0.1)
    assert not patch.trusted.any()
    assert not patch.known.any()


def test_lists_are_refused_by_name() -> None:
    with pytest.raises(PatchError, match="list"):
        patch_from_points([[0.0, 0.0, 0.0]], REF, 0.1)  # type: ignore[arg-type]
    good = patch_from_points(np.empty((0, 3)), REF, 0.1)
    with pytest.raises(PatchError, match="elevation_m"):
        ElevationPatch(REF, good.elevation_m.tolist(), good.sigma_m, good.count, good.trusted)
