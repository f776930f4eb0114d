"""Terrain, horizons: how exact beside a slow march over the same ground, and how fast beside topocalc 0.5.0.

The march lives in the repository's tests, so these bars run in a checkout. topocalc is built in an environment of its own in
the cache folder (`moonfleet.experiments.bench.topocalc.recipe`); it knows neither a curved Moon nor country around the grid, so both
are left out where the two are timed.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.cache_folder import cache_folder
from moonfleet.terrain.catalogue import regional_grid
from moonfleet.terrain.constants import MOON_RADIUS_M
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.horizon import compute_horizon
from moonfleet.terrain.near_field import NEAR
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.turned import LIMIT_DEG

from .checkout import from_tests
from .registry import Bar, Row, Tell, at_least, at_most
from .topocalc.recipe import python_with_topocalc

Array = NDArray[np.float64]
March = Callable[..., float]

ALL_DEG: Final = 0.15
LOW_DEG: Final = 0.10
LOW_BAND: Final = (-2.0, 4.0)
EXACT_DEG: Final = 0.01
RAYS: Final = 2000
FASTER: Final = 20.0
TWO_THREADS: Final = 1.8
FULL_S: Final = 90.0
FULL_GB: Final = 1.5
CELLS: Final = 1024
CELL_M: Final = 20.0
TIMED: Final = 12  # azimuths of the race
ROUNDS: Final = 3

FULL_RUN: Final = """
import resource, sys, time, numpy as np
from moonfleet.terrain.catalogue import regional_grid
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.horizon import compute_horizon
z = np.load(sys.argv[1])
ground = HeightGrid(z, GeoRef.centred(-30_000.0, 20_000.0, z.shape[0] * 20.0, 20.0))
out = np.lib.format.open_memmap(sys.argv[2], mode="w+", dtype=np.int16, shape=(360, *z.shape))
begin = time.perf_counter()
compute_horizon(ground, 360, 2.0, regional_grid(), out=out, threads=2)
print(time.perf_counter() - begin)
pages = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(pages)
"""


def _march() -> March:
    """Return the slow march of the tests."""
    module = from_tests("slow_horizon", "terrain.1", "whose tests hold the march")
    march: March = module.slow_horizon
    return march


def rough_ground(n: int, seed: int) -> Array:
    """Return heights [m] of fractal ground, 6.5 m rms over 40 m as the real pole has, with sixty craters, [n, n] cells of 20 m."""
    rng = stream(seed, "bench/rough-ground")
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n)))
    k[0, 0] = 1.0
    z: Array = np.fft.ifft2(np.fft.fft2(rng.normal(size=(n, n))) * k**-1.95).real
    z *= 6.5 / np.sqrt(np.mean((z[:, 2:] - z[:, :-2]) ** 2))
    rows, cols = np.mgrid[:n, :n]
    for size in np.exp(rng.uniform(np.log(4), np.log(n / 4), 60)):
        r = np.hypot(rows - rng.uniform(0, n), cols - rng.uniform(0, n)) / (size / 2)
        z += np.where(r < 1, -0.12 * size * CELL_M * (1 - r**2), 0) + 0.03 * size * CELL_M * np.exp(
            -(((r - 1) / 0.25) ** 2)
        )
    return z


def exact(tell: Tell) -> list[Row]:
    """Errors against the march on rough ground and on the real grid, and on ground whose horizon has a formula."""
    march = _march()
    rows: list[Row] = []
    n = 256
    made = HeightGrid(rough_ground(n, 11).astype(np.float32), GeoRef.centred(-30_000.0, 20_000.0, n * CELL_M, CELL_M))
    region = regional_grid()
    real = region.resample(GeoRef.centred(30_000.0, -20_000.0, n * CELL_M, CELL_M))
    for name, ground, far in (("fractal and craters", made, None), ("real grid and its region", real, region)):
        tell(f"{RAYS} rays on {name}")
        rng = stream(3, "bench/rays")
        cube = compute_horizon(ground, 72, 2.0, far)
        picks = np.stack([rng.integers(0, 72, RAYS), rng.integers(0, n, RAYS), rng.integers(0, n, RAYS)], axis=1)
        want = np.array([march(ground, r, c, a * 5.0, 2.0, far) for a, r, c in picks.tolist()])
        error = np.abs(cube[picks[:, 0], picks[:, 1], picks[:, 2]] / 1000.0 - np.clip(want, -LIMIT_DEG, LIMIT_DEG))
        low = error[(want > LOW_BAND[0]) & (want < LOW_BAND[1])]
        what = f"{name}: 95 % of errors, "
        rows.append(
            at_most(
                "terrain.1", what + f"{RAYS} rays", float(np.percentile(error, 95)), "deg", ALL_DEG, peer="slow march"
            )
        )
        where = what + f"{low.size} rays, horizon in -2..4 deg"
        rows.append(at_most("terrain.1", where, float(np.percentile(low, 95)), "deg", LOW_DEG, peer="slow march"))
    tell("ground whose horizon has a formula")
    return [*rows, *_formulas()]


def _formulas() -> list[Row]:
    radius = MOON_RADIUS_M

    def of(z: NDArray[np.floating]) -> HeightGrid:
        half = 0.5 * CELL_M
        return HeightGrid(z.astype(np.float32), GeoRef(-z.shape[1] * half, z.shape[0] * half, CELL_M, *z.shape))

    def rise(height: float, eye: float, d: float) -> float:
        a = d / radius
        return math.degrees(math.atan2((radius + height) * math.cos(a) - radius - eye, (radius + height) * math.sin(a)))

    plain = compute_horizon(of(np.full((64, 64), 1500.0)), 16, 2.0) / 1000.0
    dip = -math.degrees(math.acos((radius + 1500.0) / (radius + 1502.0)))
    off = {"flat plain": float(np.abs(plain - dip).max())}
    wall = np.zeros((41, 600))
    wall[:, 550:] = 30.0
    seen = compute_horizon(of(wall), 4, 2.0)[1, 20] / 1000.0
    off["ridge at 0.2 .. 11 km"] = max(abs(seen[c] - rise(30.0, 2.0, (550 - c) * CELL_M)) for c in range(0, 540, 10))
    step = np.zeros((200, 41))
    step[:100] = 500.0
    seen = compute_horizon(of(step), 4, 10.0)[2, :, 20] / 1000.0
    far = -math.degrees(math.acos(radius / (radius + 510.0)))
    near = [max(far, rise(500.0, 510.0, (99 - r) * CELL_M)) for r in range(99)]
    off["step down at 0 .. 2 km"] = float(np.abs(seen[:99] - near).max())
    n = 2 * (NEAR + 89) + 1
    rows, cols = np.mgrid[:n, :n] - n // 2
    cone = of(np.maximum(400.0 * (1 - np.hypot(rows, cols) * CELL_M / 1500.0), 0.0))
    cube = compute_horizon(cone, 36, 0.0) / 1000.0
    worst = 0.0
    for quarter, (dr, dc) in enumerate(((1, 0), (0, -1), (-1, 0), (0, 1))):
        for k in (80, 100, 150, 200):
            at = cube[9 * quarter, n // 2 + dr * k, n // 2 + dc * k]
            worst = max(worst, abs(at - rise(400.0, 0.0, k * CELL_M)))
    off["cone seen straight from 1.6 .. 4 km"] = float(worst)
    march = _march()
    slanted = 0.0
    for azimuth in range(36):
        a = math.radians(azimuth * 10.0)
        r, c = round(n // 2 + 100 * math.cos(a)), round(n // 2 - 100 * math.sin(a))
        slanted = max(slanted, abs(cube[azimuth, r, c] - march(cone, r, c, azimuth * 10.0, 0.0)))
    off["cone from all sides at 2 km"] = float(slanted)
    return [at_most("terrain.1", f"{name}: largest error", value, "deg", EXACT_DEG) for name, value in off.items()]


def fast(tell: Tell) -> list[Row]:
    """CPU time per azimuth beside topocalc's in turns, two threads beside one, and a whole cube with the country around."""
    heights = rough_ground(CELLS, 5).astype(np.float32)
    ground = HeightGrid(heights, GeoRef.centred(-30_000.0, 20_000.0, CELLS * CELL_M, CELL_M))
    tell("topocalc 0.5.0, built in the cache folder if it is not there")
    python = python_with_topocalc(cache_folder() / "peers" / "topocalc-0.5.0")
    clock = Path(__file__).parent / "topocalc" / "clock.py"
    compute_horizon(ground, 4, threads=1)  # compiles
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "heights.npy"
        np.save(path, heights)
        azimuths = [str(360.0 * k / TIMED) for k in range(TIMED)]
        for turn in range(ROUNDS):
            tell(f"{TIMED} azimuths each, {turn + 1} of {ROUNDS}")
            done = subprocess.run(
                [str(python), str(clock), str(path), str(CELL_M), *azimuths], capture_output=True, text=True, check=True
            )
            theirs.append(float(np.mean([float(line) for line in done.stdout.split()])))
            begin = time.process_time()
            compute_horizon(ground, TIMED, threads=1)
            ours.append((time.process_time() - begin) / TIMED)
        wall = {threads: _wall(ground, threads) for threads in (1, 2)}
        tell("360 azimuths with the country around")
        run = [sys.executable, "-c", FULL_RUN, str(path), str(Path(folder) / "cube.npy")]
        seconds, memory = map(float, subprocess.run(run, capture_output=True, text=True, check=True).stdout.split())
    peer, ratio = f"topocalc 0.5.0: {np.median(theirs):.3f} s", float(np.median(theirs) / np.median(ours))
    race = Row("terrain.2", f"one azimuth of {CELLS}^2 cells, one thread, CPU", float(np.median(ours)), "s", f">= {FASTER:g} x",
               ratio >= FASTER, peer, ratio)  # fmt: skip
    return [
        race,
        at_least("terrain.2", "two threads beside one, wall", wall[1] / wall[2], "x", TWO_THREADS),
        at_most("terrain.2", f"{CELLS}^2 x 360 with 250 km around, two threads, wall", seconds, "s", FULL_S),
        at_most("terrain.2", "the same: most memory, the mapped output's pages included", memory / 1e9, "GB", FULL_GB),
    ]


def _wall(ground: HeightGrid, threads: int) -> float:
    """Return the least wall time [s] of a few runs."""
    best = math.inf
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        compute_horizon(ground, 24, threads=threads)
        best = min(best, time.perf_counter() - begin)
    return best


BARS: dict[str, Bar] = {"terrain.1": exact, "terrain.2": fast}
