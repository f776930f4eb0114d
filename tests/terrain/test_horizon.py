"""Horizons against known answers and against a slow march over the same ground."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from moonfleet.terrain.catalogue import regional_grid
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.horizon import Horizon, compute_horizon, horizon_at
from tests.slow_horizon import R, slow_horizon

EXACT_DEG = 0.01  # analytic ground
CELL = 20.0


def grid_of(z: NDArray[np.floating], cell: float = CELL, x: float = 0.0, y: float = 0.0) -> HeightGrid:
    return HeightGrid(
        z.astype(np.float32), GeoRef(x - z.shape[1] * cell / 2, y + z.shape[0] * cell / 2, cell, *z.shape)
    )


def rough(n: int, seed: int = 5) -> NDArray[np.float64]:
    """Fractal ground with craters: 6.5 m rms over 40 m, as the real pole has."""
    rng = np.random.default_rng(seed)
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n)))
    k[0, 0] = 1.0
    z = np.fft.ifft2(np.fft.fft2(rng.normal(size=(n, n))) * k**-1.95).real
    z *= 6.5 / np.sqrt(np.mean((z[:, 2:] - z[:, :-2]) ** 2))
    rows, cols = np.mgrid[:n, :n]
    for size in np.exp(rng.uniform(np.log(4), np.log(n / 4), 60)):
        r = np.hypot(rows - rng.uniform(0, n), cols - rng.uniform(0, n)) / (size / 2)
        z += np.where(r < 1, -0.12 * size * CELL * (1 - r**2), 0) + 0.03 * size * CELL * np.exp(
            -(((r - 1) / 0.25) ** 2)
        )
    return z


@pytest.mark.parametrize("eye", [0.0, 2.0, 10.0])
def test_flat_plain_is_the_dip_of_a_sphere(eye: float) -> None:
    cube = compute_horizon(grid_of(np.full((64, 64), 1500.0)), 16, eye)
    dip = -math.degrees(math.acos((R + 1500.0) / (R + 1500.0 + eye)))
    assert cube / 1000.0 == pytest.approx(dip, abs=0.005)


@pytest.mark.parametrize("at", [(0.0, 0.0), (90_000.0, -120_000.0)])
def test_ridge_at_a_distance(at: tuple[float, float]) -> None:
    z = np.zeros((41, 600))
    z[:, 550:] = 30.0  # a wall; its foot slopes up over one cell
    cube = compute_horizon(grid_of(z, x=at[0], y=at[1]), 4, 2.0)
    scale = 1.0 + (at[0] ** 2 + at[1] ** 2) / (4 * R * R)
    for col in (0, 100, 300, 500, 540):
        d = (550 - col) * CELL / scale
        rise = math.degrees(math.atan2((R + 30.0) * math.cos(d / R) - (R + 2.0), (R + 30.0) * math.sin(d / R)))
        assert cube[1, 20, col] / 1000.0 == pytest.approx(rise, abs=EXACT_DEG)


def test_step_down_is_negative() -> None:
    z = np.zeros((200, 41))
    z[:100] = 500.0  # a plateau; its edge lies along row 99, the plain to the south
    cube = compute_horizon(grid_of(z), 4, 10.0)
    at_edge = cube[2, 99, 20] / 1000.0
    assert at_edge == pytest.approx(-math.degrees(math.acos(R / (R + 510.0))), abs=EXACT_DEG)  # the far plain's own dip
    d = 50 * CELL
    behind = math.degrees(math.atan(-10.0 / d) - 0.5 * d / R)
    assert cube[2, 49, 20] / 1000.0 == pytest.approx(max(behind, at_edge), abs=EXACT_DEG)


@pytest.mark.parametrize("azimuth", [0, 3, 7, 9, 13, 18, 22, 27, 31])
def test_cone_seen_from_all_sides(azimuth: int) -> None:
    n, height, radius = 241, 400.0, 1500.0
    rows, cols = np.mgrid[:n, :n] - n // 2
    ground = grid_of(np.maximum(height * (1 - np.hypot(rows, cols) * CELL / radius), 0.0))
    cube = compute_horizon(ground, 36, 0.0)
    a = math.radians(azimuth * 10.0)
    row, col = round(n // 2 + 100 * math.cos(a)), round(n // 2 - 100 * math.sin(a))
    seen = cube[azimuth, row, col] / 1000.0
    assert seen == pytest.approx(slow_horizon(ground, row, col, azimuth * 10.0, 0.0), abs=EXACT_DEG)
    if azimuth % 9 == 0:  # straight at the peak
        d = math.hypot(row - n // 2, col - n // 2) * CELL
        exact = math.atan2((R + height) * math.cos(d / R) - R, (R + height) * math.sin(d / R))
        assert seen == pytest.approx(math.degrees(exact), abs=EXACT_DEG)


def test_against_the_slow_march_on_rough_ground() -> None:
    n, count = 256, 72
    ground = grid_of(rough(n), x=-30_000.0, y=20_000.0)
    cube = compute_horizon(ground, count, 2.0)
    rng = np.random.default_rng(9)
    picks = np.stack([rng.integers(0, n, 1200), rng.integers(0, n, 1200), rng.integers(0, count, 1200)], axis=1)
    want = np.array([slow_horizon(ground, r, c, a * 360 / count, 2.0) for r, c, a in picks.tolist()])
    error = np.abs(cube[picks[:, 2], picks[:, 0], picks[:, 1]] / 1000.0 - want)[np.abs(want) < 32.0]
    low = error[(want[np.abs(want) < 32.0] > -2.0) & (want[np.abs(want) < 32.0] < 4.0)]
    assert np.percentile(error, 95) <= 0.15
    assert np.percentile(low, 95) <= 0.10


def test_against_the_slow_march_on_the_real_grid_with_its_region() -> None:
    region = regional_grid()
    ref = GeoRef.centred(30_000.0, -20_000.0, 4_000.0, CELL)
    ground = region.resample(ref)
    count = 60
    cube = compute_horizon(ground, count, 2.0, region)
    rng = np.random.default_rng(1)
    error: list[float] = []
    for r, c, a in zip(rng.integers(0, 200, 300), rng.integers(0, 200, 300), rng.integers(0, count, 300), strict=True):
        want = slow_horizon(ground, int(r), int(c), a * 360 / count, 2.0, region)
        error.append(float(abs(cube[a, r, c] / 1000.0 - want)))
    assert np.percentile(error, 95) <= 0.08
    alone = compute_horizon(ground, count, 2.0)
    assert np.abs(cube.astype(np.int64) - alone).max() > 1000  # the country around matters


def test_a_peak_beyond_the_curve_is_seen_from_130_km() -> None:
    n, cell = 400, 800.0
    z = np.zeros((n, n))
    z[:, n // 2 + 156 : n // 2 + 160] = 5000.0
    region = grid_of(z, cell=cell)
    ground = region.resample(GeoRef.centred(0.0, 0.0, 2000.0, CELL))
    cube = compute_horizon(ground, 8, 0.0, region)
    d = 156.5 * cell  # the wall's first cell stands at this x; the pole's scale is 1
    angle = 2.0 * math.atan(d / (2.0 * R))
    rise = math.degrees(math.atan2((R + 5000.0) * math.cos(angle) - R, (R + 5000.0) * math.sin(angle)))
    assert rise > 0.0
    assert cube[2, 50, 50] / 1000.0 == pytest.approx(rise, abs=0.02)
    assert cube[6, 50, 50] <= 0


def test_bytes_do_not_depend_on_threads() -> None:
    ground = grid_of(rough(96))
    one, two = compute_horizon(ground, 24, threads=1), compute_horizon(ground, 24, threads=2)
    assert one.tobytes() == two.tobytes()


def test_raised_eye_never_raises_the_horizon_and_added_ground_never_lowers_it() -> None:
    z = rough(80)
    low, high = compute_horizon(grid_of(z), 24, 1.0), compute_horizon(grid_of(z), 24, 9.0)
    assert (high <= low + 1).all()
    more = z.copy()
    more[30:34, 50:54] += 200.0
    raised = compute_horizon(grid_of(more), 24, 1.0)
    elsewhere = np.ones(z.shape, dtype=bool)
    elsewhere[30:34, 50:54] = False
    assert (raised[:, elsewhere] >= low[:, elsewhere] - 1).all()


def test_oblong_and_tiny_grids() -> None:
    for shape in ((1, 1), (1, 30), (30, 1), (2, 70), (70, 3)):
        cube = compute_horizon(grid_of(np.zeros(shape)), 12, 2.0)
        assert cube.shape == (12, *shape)
        assert cube / 1000.0 == pytest.approx(-0.0869, abs=0.01)


def test_horizon_reads_between_azimuths() -> None:
    cube = np.zeros((4, 2, 3), dtype=np.int16)
    cube[0], cube[1], cube[3] = 1000, 3000, -2000
    horizon = Horizon(cube, 2.0)
    assert horizon.at(1, 2, 45.0) == pytest.approx(2.0)
    assert horizon.at(0, 0, 315.0) == pytest.approx(-0.5)
    assert horizon.at(0, 0, -45.0) == horizon.at(0, 0, 315.0)
    assert horizon.at(0, 0, 360.0) == pytest.approx(1.0)
    assert horizon.slice_deg(22.5) == pytest.approx(np.full((2, 3), 1.5))
    assert horizon_at(horizon.millideg, 1, 1, 719.0) == pytest.approx(horizon.at(1, 1, 359.0))
    assert not horizon.millideg.flags.writeable


def test_progress_and_output_array() -> None:
    seen: list[tuple[int, int]] = []
    out = np.empty((8, 10, 10), dtype=np.int16)
    cube = compute_horizon(grid_of(np.zeros((10, 10))), 8, progress=lambda *a: seen.append(a), out=out)
    assert cube is out
    assert seen == [(k, 8) for k in range(1, 9)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"azimuths": 3}, "horizon.azimuths: 3"),
        ({"observer_m": -1.0}, "horizon.observer_m"),
        ({"out": np.zeros(3, np.int16)}, "horizon.out"),
    ],
)
def test_bad_wishes_are_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(SiteError, match=says):
        compute_horizon(grid_of(np.zeros((5, 5))), **change)  # type: ignore[arg-type]


def test_holes_are_refused() -> None:
    z = np.zeros((5, 5))
    z[2, 2] = np.nan
    with pytest.raises(SiteError, match="holes"):
        compute_horizon(grid_of(z))
    with pytest.raises(SiteError, match="millideg"):
        Horizon(np.zeros((4, 3, 3), dtype=np.float32), 2.0)  # type: ignore[arg-type]


def test_a_finer_ring_hides_the_coarse_one_where_it_lies() -> None:
    ground = grid_of(np.zeros((100, 100)))
    coarse = grid_of(np.zeros((300, 300)), cell=800.0)
    z = np.zeros((200, 200))
    z[:, 150:154] = 300.0  # a wall 5 km east that only the ring knows of
    ring = grid_of(z, cell=100.0)
    cube = compute_horizon(ground, 8, 2.0, [ring, coarse])
    d = 50.0 * 100.0
    seen = math.degrees(math.atan2((R + 300.0) * math.cos(d / R) - (R + 2.0), (R + 300.0) * math.sin(d / R)))
    assert cube[2, 50, 50] / 1000.0 == pytest.approx(seen, abs=0.06)  # its foot slopes over a cell of the ring
    assert cube[6, 50, 50] == compute_horizon(ground, 8, 2.0, coarse)[6, 50, 50]


def test_a_computation_cut_off_goes_on_to_the_same_bytes() -> None:
    ground = grid_of(rough(64))
    whole = compute_horizon(ground, 24)
    part = np.zeros_like(whole)
    part[:9] = whole[:9]
    told: list[int] = []
    compute_horizon(ground, 24, out=part, first=9, progress=lambda done, _: told.append(done))
    assert part.tobytes() == whole.tobytes()
    assert told == list(range(10, 25))
