"""The horizon of every cell: elevation angle of the skyline for each azimuth, on a curved Moon, negative angles included.

For one azimuth, the grid is turned so that the azimuth runs along +columns, at most one row per column, and its heights are
flattened so that lines of sight on the sphere are straight lines (`moonfleet.terrain.turned`). Then

1. *near field* (`moonfleet.terrain.near_field`): each cell's own ray over the first ``NEAR`` columns, the ground bilinear, from
   one cell away, wherever the ray crosses a column or a row. For one azimuth these are fixed shifts with fixed weights;
2. *sweep* (`moonfleet.terrain.sweep`): all ground farther off, along slanted lines, by a convex hull that is kept from the far
   end back. The cost per cell does not depend on how far it sees (de Floriani and Magillo 1994, Stewart 1998);
3. *far field* (`moonfleet.terrain.far_field`): a second hull, of the country around the grid, sampled along the great
   circle that continues the line, out to 250 km.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from .constants import MOON_RADIUS_M
from .errors import SiteError
from .grid import GeoRef, HeightGrid
from .kernel import kernel
from .near_field import near_field, near_points
from .sweep import sweep
from .threads import cores
from .turned import Turn, bend, fall_m, lay, sheet, write_angles

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]
Int16Cube = NDArray[np.int16]
Progress = Callable[[int, int], object]

FAR_M: Final = 250_000.0  # [m] how far the regional grid is followed


@kernel
def azimuth_bin(count: int, az_deg: float) -> tuple[int, int, float]:
    """Return the two of ``count`` azimuths that a grid azimuth lies between, and how far 0..1 it is from the first to the second."""
    place = (az_deg % 360.0) * count / 360.0
    a = int(place)
    w = place - a
    a %= count
    b = a + 1 if a + 1 < count else 0
    return a, b, w


@kernel
def horizon_between(millideg: Int16Cube, row: int, col: int, a: int, b: int, w: float) -> float:
    """Return the horizon [deg] of a cell between two azimuths as of `azimuth_bin`."""
    return 0.001 * ((1.0 - w) * millideg[a, row, col] + w * millideg[b, row, col])


@kernel
def horizon_at(millideg: Int16Cube, row: int, col: int, az_deg: float) -> float:
    """Return the horizon [deg] of a cell towards any grid azimuth, linear between the azimuths of ``millideg`` [A, R, C]."""
    a, b, w = azimuth_bin(millideg.shape[0], az_deg)
    return horizon_between(millideg, row, col, a, b, w)


@dataclass(frozen=True, slots=True, eq=False)
class Horizon:
    """Horizons of a grid. ``millideg`` int16 [A, R, C], read-only: 0.001 deg, azimuth index * 360 / A from +y, clockwise."""

    millideg: Int16Cube
    observer_m: float

    def __post_init__(self) -> None:
        if self.millideg.ndim != 3 or self.millideg.dtype != np.int16 or not self.millideg.flags.c_contiguous:
            shape, kind = self.millideg.shape, self.millideg.dtype
            raise SiteError(f"horizon.millideg: {kind} {shape}; allowed: C-contiguous int16 [azimuths, rows, cols].")
        plain = self.millideg.view(np.ndarray)
        plain.flags.writeable = False  # one type for the kernels, memory-mapped or not
        object.__setattr__(self, "millideg", plain)

    @property
    def azimuths(self) -> int:
        """Number of azimuths."""
        return self.millideg.shape[0]

    def at(self, row: int, col: int, az_deg: float) -> float:
        """Return the horizon [deg] of one cell towards one grid azimuth."""
        return float(horizon_at(self.millideg, int(row), int(col), float(az_deg)))

    def slice_deg(self, az_deg: float) -> Float32Grid:
        """Return the horizon [deg] of all cells towards one grid azimuth, float32 [R, C]."""
        place = (float(az_deg) % 360.0) * self.azimuths / 360.0
        a = int(place) % self.azimuths
        w = np.float32(place - math.floor(place))
        first, second = self.millideg[a], self.millideg[(a + 1) % self.azimuths]
        return (first * ((1 - w) * np.float32(0.001)) + second * (w * np.float32(0.001))).astype(np.float32)


def compute_horizon(
    grid: HeightGrid,
    azimuths: int = 180,
    observer_m: float = 2.0,
    far: HeightGrid | Sequence[HeightGrid] | None = None,
    progress: Progress | None = None,
    *,
    out: Int16Cube | None = None,
    threads: int | None = None,
    first: int = 0,
) -> Int16Cube:
    """Return the horizons of all cells, int16 [A, R, C] in 0.001 deg, clipped to +-32.7 deg.

    Parameters
    ----------
    grid
        The ground.
    azimuths
        Grid azimuths 0, 360/A, ... [deg clockwise from +y].
    observer_m
        Height of the eye above its own cell [m].
    far
        Ground around ``grid``, coarser, followed out to 250 km; or several such grids from fine to coarse, of which the
        first that holds a place is asked. The step at the edge of ``grid`` is blended away over 1600 m. Without it (or
        past its edge) the ground goes on level from the edge of the grid.
    progress
        Called as ``progress(done, azimuths)`` from this thread; azimuths 0 .. done - 1 are in ``out`` then.
    out
        Where to write, int16 [A, R, C] (a memory map, say).
    threads
        Number of threads; default: all cores, or what NUMBA_NUM_THREADS says. The result does not depend on it.
    first
        Azimuths below this one are in ``out`` already, from a computation that was cut off.

    Raises
    ------
    SiteError
        Fewer than 4 azimuths, an observer below ground, or heights that are not finite.
    """
    if azimuths < 4:
        raise SiteError(f"horizon.azimuths: {azimuths!r}; allowed: 4 or more.")
    if not 0.0 <= observer_m <= 1e5:
        raise SiteError(f"horizon.observer_m: {observer_m!r}; allowed: 0 .. 100000 m.")
    z = grid.elevation_m
    if not np.isfinite(z).all():
        raise SiteError("horizon: the grid has heights that are not finite numbers; fill its holes first.")
    rows, cols = z.shape
    cube = np.empty((azimuths, rows, cols), dtype=np.int16) if out is None else out
    if cube.shape != (azimuths, rows, cols) or cube.dtype != np.int16:
        raise SiteError(f"horizon.out: {cube.dtype} {cube.shape}; allowed: int16 {(azimuths, rows, cols)}.")
    eye = float(observer_m)
    z = bend(z)
    base = float(np.float32(np.mean(z, dtype=np.float64)))
    z = z - np.float32(base)
    across = np.ascontiguousarray(z.T)  # once: turning on its side is what costs
    around = [] if far is None else [far] if isinstance(far, HeightGrid) else list(far)
    country, rings = _rings(around)
    steps = _far_steps(grid.ref, around)
    cell_m = grid.ref.cell_m / _scale(grid.ref)
    desks = threading.local()

    def one(index: int) -> None:
        azimuth = 2.0 * math.pi * index / azimuths
        turn = Turn.towards(azimuth)
        columns = turn.columns(z, across)
        n_cols, n_rows = columns.shape
        sheets = cast(
            "dict[tuple[int, int], tuple[Float32Grid, Float32Grid]]", desks.__dict__
        )  # fresh memory costs as much as a pass over it
        if columns.shape not in sheets:
            sheets[columns.shape] = sheet(n_cols, n_rows), sheet(n_cols, n_rows)
        ground, best = sheets[columns.shape]
        column_m = cell_m * math.sqrt(1.0 + turn.slope**2)
        lay(columns, fall_m(column_m, base), ground)
        near_field(ground, n_rows, turn.slope, near_points(turn.slope), eye, best)
        frame = turn.map_frame(grid.ref)
        sweep(ground, n_rows, turn.slope, column_m, base, eye, frame, azimuth, country, rings, steps, best)
        write_angles(best, ground, n_rows, column_m, base, eye, turn.swap, turn.flip_rows, turn.flip_cols, cube[index])

    with ThreadPoolExecutor(max(1, threads or cores())) as pool:
        for done, _ in enumerate(pool.map(one, range(first, azimuths)), start=first + 1):
            if progress is not None:
                progress(done, azimuths)
    return cube


def _scale(ref: GeoRef) -> float:
    """Return the stereographic scale at the middle of ``ref``: metres on the map per metre on the sphere."""
    x, y = ref.centre
    return 1.0 + (x * x + y * y) / (4.0 * MOON_RADIUS_M**2)


def _rings(around: Sequence[HeightGrid]) -> tuple[Float32Grid, Array]:
    """Return the grids around as `moonfleet.terrain.sweep` takes them: one row of heights, and where each grid lies in it."""
    begin, table = 0, np.zeros((len(around), 6))
    for k, grid in enumerate(around):
        ref = grid.ref
        table[k] = begin, ref.rows, ref.cols, *ref.xy(0, 0), ref.cell_m
        begin += ref.rows * ref.cols
    if not around:
        return np.zeros(1, dtype=np.float32), table
    return np.concatenate([grid.elevation_m.ravel() for grid in around]), table


def _far_steps(ref: GeoRef, around: Sequence[HeightGrid]) -> Array:
    """Return float64 [3, n]: distances past the edge of the grid [m], from 0, at which the far field is sampled; sin, cos.

    Steps grow with distance: up to half the cell of the finest grid that still reaches as far.
    """
    x, y = ref.centre
    inner = 0.5 * ref.cell_m * max(ref.shape)
    reach = [  # how far past the edge each grid goes, in the direction where it goes farthest
        max(x - g.ref.bounds[0], y - g.ref.bounds[1], g.ref.bounds[2] - x, g.ref.bounds[3] - y) * math.sqrt(2.0) - inner
        for g in around
    ]
    steps = [0.0, ref.cell_m]
    while steps[-1] < FAR_M:
        at = steps[-1]
        cell = next((g.ref.cell_m for g, far_m in zip(around, reach, strict=True) if at < far_m), 800.0)
        widest = cell * (0.125 if at < 20_000.0 else 0.25 if at < 120_000.0 else 0.5)
        steps.append(at + max(ref.cell_m, min(0.3 * at, max(widest, min(0.004 * at, 200.0)))))
    angle = np.array(steps) / MOON_RADIUS_M
    return np.stack([steps, np.sin(angle), np.cos(angle)])
