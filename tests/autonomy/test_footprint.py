"""Footprints on sensed ground: what changes slope and rise, what is unsafe, and what cannot be judged."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from moonfleet.autonomy.elevation_patch import patch_from_points
from moonfleet.autonomy.errors import FootprintError, ModelError, PatchError
from moonfleet.autonomy.footprint import Footprint, FootprintHazard, footprint_hazard
from moonfleet.autonomy.footprint_fit import footprint_fit, plane_fit
from moonfleet.autonomy.footprint_law import LAW_FILE, law_notes, load_law
from moonfleet.autonomy.footprint_sums import REACH_MAX
from moonfleet.experiments.bench.footprint_scenes import make
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.seeds import stream
from tests.slow_footprint import disc_fit

CELL = 0.1
LANDER = Footprint(radius_m=1.5, max_slope_deg=10.0, max_rock_m=0.3)
SIGMA = 0.03


def rough(size: int = 150, seed: int = 1) -> np.ndarray:
    return 0.05 * stream(seed, "rough ground").standard_normal((size, size))


def slanted(size: int, slope_deg: float) -> np.ndarray:
    return np.tan(np.radians(slope_deg)) * CELL * np.broadcast_to(np.arange(size, dtype=np.float64), (size, size))


def with_rock(z: np.ndarray, row: int, col: int, height_m: float) -> np.ndarray:
    r, c = np.mgrid[: z.shape[0], : z.shape[1]]
    far = ((r - row) ** 2 + (c - col) ** 2) * (CELL / height_m) ** 2
    return z + height_m * np.sqrt(np.maximum(1.0 - far, 0.0))


def test_tiles_leave_no_seams() -> None:
    z = rough(400)[:, :390] + slanted(400, 7.0)[:, :390]
    z[stream(2, "holes").random(z.shape) < 0.03] = np.nan
    fit = footprint_fit(z, CELL, 0.6)
    for row, col in stream(3, "cells").integers(0, 390, (60, 2)).tolist() + [(134, 261), (135, 262), (5, 6), (6, 200)]:
        expected = disc_fit(z, row, col, 0.6, CELL)
        got = [layer[row, col] for layer in fit]
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_a_disc_holds_the_cells_whose_centres_lie_in_it() -> None:
    z = rough(60)
    z[30, 30 + 10] = 5.0
    assert footprint_fit(z, CELL, 1.0).rise_m[30, 30] > 4.0
    assert footprint_fit(z, CELL, 0.99).rise_m[30, 30] < 1.0


def test_a_plane_changes_the_slope_only_and_a_shift_nothing() -> None:
    z = rough()
    flat, tilted = footprint_fit(z, CELL, 1.5), footprint_fit(z + slanted(150, 20.0), CELL, 1.5)
    inside = flat.unknown == 0.0
    np.testing.assert_allclose(tilted.rms_m, flat.rms_m, atol=1e-9)
    np.testing.assert_allclose(tilted.rise_m, flat.rise_m, atol=1e-6)
    assert np.abs(tilted.slope_deg[inside] - 20.0).max() < 1.0
    lifted = footprint_fit(z - 2_345.0, CELL, 1.5)
    np.testing.assert_allclose(lifted.slope_deg, flat.slope_deg, atol=1e-9)
    np.testing.assert_allclose(lifted.rise_m, flat.rise_m, atol=1e-6)


def test_a_turned_patch_gives_turned_answers() -> None:
    z = rough()
    z[40:44, 90:99] = np.nan
    once, turned = footprint_fit(z, CELL, 1.1), footprint_fit(np.rot90(z), CELL, 1.1)
    for layer, other in zip(once, turned, strict=True):
        np.testing.assert_allclose(np.rot90(layer), other, atol=1e-6)


def test_known_slopes_come_back_in_degrees() -> None:
    for slope in (0.0, 1.0, 10.0, 33.0, 34.0, 67.0, 68.0, 85.0):
        fit = plane_fit(slanted(40, slope), CELL, 0.5)
        np.testing.assert_allclose(fit.slope_deg, slope, atol=1e-9)
        np.testing.assert_allclose(fit.rms_m, 0.0, atol=1e-6)


def test_a_rock_raises_the_hazard_where_the_footprint_holds_it_and_nowhere_else() -> None:
    ground = slanted(150, 3.0) + SIGMA * stream(4, "noise").standard_normal((150, 150))
    before = footprint_hazard(ground, LANDER, SIGMA, CELL)
    after = footprint_hazard(with_rock(ground, 75, 75, 0.5), LANDER, SIGMA, CELL)
    r, c = np.mgrid[:150, :150]
    away = np.hypot(r - 75, c - 75) * CELL
    assert after.p_unsafe[away < 1.4].min() > 0.95
    assert before.p_unsafe[away < 1.4].max() < 0.05
    np.testing.assert_allclose(after.p_unsafe[away > 2.3], before.p_unsafe[away > 2.3], atol=1e-5)


def test_steep_ground_is_unsafe_and_level_ground_is_not() -> None:
    noise = SIGMA * stream(5, "noise").standard_normal((80, 80))
    for slope, low, high in ((5.0, 0.0, 0.05), (9.9, 0.1, 0.9), (10.1, 0.1, 0.95), (14.0, 0.95, 1.0)):
        p = footprint_hazard(slanted(80, slope) + noise, LANDER, SIGMA, CELL).p_unsafe[20:-20, 20:-20]
        assert low <= np.mean(p) <= high


def test_a_limit_rock_is_a_matter_of_chance_and_a_kinder_limit_helps() -> None:
    ground = with_rock(SIGMA * stream(6, "noise").standard_normal((80, 80)), 40, 40, 0.33)
    strict, usual, kind = (
        footprint_hazard(ground, Footprint(1.5, 10.0, limit), SIGMA, CELL).p_unsafe[40, 40]
        for limit in (0.2, 0.3, 0.45)
    )
    assert strict > 0.99 > usual > 0.3 > kind
    assert kind < 0.1


def test_unknown_ground_is_said_and_judged_unsafe_where_nothing_is_seen() -> None:
    ground = SIGMA * stream(7, "noise").standard_normal((120, 120))
    ground[30:80, 30:80] = np.nan
    seen = footprint_hazard(ground, LANDER, SIGMA, CELL)
    assert seen.unknown[55, 55] == 1.0
    assert seen.p_unsafe[55, 55] == 1.0
    assert np.isnan(seen.slope_deg[55, 55])
    assert seen.unknown[100, 100] == 0.0
    assert seen.p_unsafe[100, 100] < 0.05
    assert np.isfinite(seen.p_unsafe).all()
    assert ((seen.p_unsafe >= 0.0) & (seen.p_unsafe <= 1.0)).all()


def test_a_patch_and_its_heights_are_judged_alike() -> None:
    ref = GeoRef.centred(0.0, 0.0, 8.0, CELL)
    row, col = np.mgrid[:80, :80]
    x, y = ref.xy(row.ravel(), col.ravel())
    z = SIGMA * stream(8, "noise").standard_normal(6400)
    patch = patch_from_points(np.column_stack([x, y, z]), ref, SIGMA)
    by_patch = footprint_hazard(patch, LANDER, SIGMA)
    by_heights = footprint_hazard(patch.elevation_m, LANDER, SIGMA, CELL)
    for layer, other in zip(by_patch, by_heights, strict=True):
        np.testing.assert_array_equal(layer, other)


def test_the_bytes_are_the_same_in_any_number_of_threads() -> None:
    z = rough(120)
    z[z > 0.12] = np.nan

    def work(_: int) -> FootprintHazard:
        return footprint_hazard(z, LANDER, SIGMA, CELL)

    alone = work(0)
    with ThreadPoolExecutor(4) as pool:
        for other in pool.map(work, range(8)):
            assert all(a.tobytes() == b.tobytes() for a, b in zip(alone, other, strict=True))


@pytest.mark.parametrize(
    ("heights", "cell", "radius", "error", "words"),
    [
        (np.zeros((40, 40, 3)), 0.1, 1.0, PatchError, "elevation_m"),
        (np.zeros((40, 40), dtype=np.int32), 0.1, 1.0, PatchError, "floats"),
        (np.zeros((40, 40)), 0.0, 1.0, PatchError, "cell_m"),
        (np.zeros((40, 40)), float("nan"), 1.0, PatchError, "cell_m"),
        (np.full((40, 40), np.nan), 0.1, 1.0, PatchError, "none of 1600 cells is known"),
        (np.zeros((0, 0)), 0.1, 1.0, PatchError, "known"),
        (np.zeros((40, 40)), 0.1, 0.05, FootprintError, "at least a cell"),
        (np.zeros((40, 40)), 0.1, float("inf"), FootprintError, "radius_m"),
        (np.zeros((40, 40)), 0.1, 2.1, FootprintError, "must fit a patch of 40 x 40"),
        (np.zeros((500, 500)), 0.1, 0.1 * (REACH_MAX + 1), FootprintError, "at most 200 cells"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    heights: np.ndarray, cell: float, radius: float, error: type[Exception], words: str
) -> None:
    for function in (plane_fit, footprint_fit):
        with pytest.raises(error, match=words):
            function(heights, cell, radius)


def test_limits_and_noise_must_be_numbers() -> None:
    for wrong in ({"radius_m": 0.0}, {"max_slope_deg": 91.0}, {"max_rock_m": float("nan")}):
        with pytest.raises(FootprintError, match=next(iter(wrong))):
            Footprint(**wrong)
    with pytest.raises(FootprintError, match="noise_sigma_m"):
        footprint_hazard(np.zeros((40, 40)), LANDER, -0.1, CELL)
    with pytest.raises(PatchError, match="cell_m"):
        footprint_hazard(np.zeros((40, 40)), LANDER, SIGMA)


def test_infinite_and_huge_heights_count_as_unknown() -> None:
    z = rough(60)
    z[30, 30], z[10, 10], z[21, 39] = np.inf, -np.inf, 1e30
    fit = footprint_fit(z, CELL, 0.5)
    z[30, 30] = z[10, 10] = z[21, 39] = np.nan
    for layer, other in zip(fit, footprint_fit(z, CELL, 0.5), strict=True):
        np.testing.assert_array_equal(layer, other)
    assert fit.unknown[30, 30] > 0.0


def test_a_damaged_law_is_refused(tmp_path: Path) -> None:
    table = json.loads(LAW_FILE.read_text(encoding="utf-8"))
    assert 0.0 < float(str(law_notes()["threshold"])) < 0.5
    for number, change in enumerate(
        ({"features": ["slope"]}, {"version": 9}, {"hidden": [[1.0]]}, {"out": ["x"]}, {"hidden": [[1e9] * 8] * 16})
    ):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(table | change), encoding="utf-8")
        with pytest.raises(ModelError, match=f"{number}.json"):
            load_law(path)
    (tmp_path / "cut.json").write_text(json.dumps(table)[:100], encoding="utf-8")
    for name in ("cut.json", "none.json"):
        with pytest.raises(ModelError, match=name):
            load_law(tmp_path / name)


def test_the_law_tells_unsafe_from_safe_on_unseen_ground() -> None:
    scene = make(2_003, 36.0)
    hazard = footprint_hazard(scene.patch, scene.setting.footprint, scene.setting.sigma_m)
    seen = hazard.unknown < 0.1
    chance, unsafe = hazard.p_unsafe[seen], scene.unsafe[seen]
    assert 0.02 < unsafe.mean() < 0.9
    threshold = float(str(law_notes()["threshold"]))
    assert (chance[unsafe] >= threshold).mean() > 0.97
    assert (chance[~unsafe] >= threshold).mean() < 0.3
    assert abs(chance.mean() - unsafe.mean()) < 0.05
