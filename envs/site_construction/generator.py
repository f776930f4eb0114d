"""Makes an episode of SiteConstruction: place, date, ground, pad, starts. All of it follows from (seed, episode)."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.regolith import FIRM_KG_M3, LOOSE_KG_M3
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.lattice import draw, smooth_surface
from moonfleet.terrain.light import lit_series
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site import Site

from ..errors import EnvOptionError
from .levels import Level
from .spaces import FORECAST_H

PURPOSE = "site-construction"
CELLS = 32  # cells on a side of a work area
CELL_M = 1.0  # [m]
POOL = 32  # places of a site that pads are built at
HOUR_S = 3600.0
WAVES = ((8, 0.6), (4, 0.3), (2, 0.1))  # lattice spacing [cells] and share of the unevenness
LEAST_OFF_M = 0.01  # [m] mean distance between the ground of a pad and its design, at least
STEP_S = 600.0  # [s] one action

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Grounds(NamedTuple):
    """The places of a site that fit a level, and when to build there; the same for every episode, arrays read-only."""

    corner_xy: Floats  # [P, 2] m, north-west corner of the work area
    height_m: Floats  # [P, N, N] as the site's grid has it, smooth
    lit: NDArray[np.float32]  # [P, H] share of the Sun's disc in sight on every whole hour
    first_s: float  # TDB of hour 0
    starts: Ints  # [n] place * H + hour, all that an episode may draw


class Givens(NamedTuple):
    """One episode."""

    place: int
    t0: float  # s TDB past J2000
    corner_xy: Floats  # [2]
    height_m: Floats  # [N, N]
    pad: Ints  # [3] row, col of its north-west cell, side
    level_m: float  # height of the design above the sphere
    pit: Ints  # [2] row, col: where soil may be taken from, and brought to
    base: Ints  # [R, 2] row, col of each robot's parking place
    battery_frac: Floats  # [R]
    key: int  # of the World's randomness
    light: NDArray[np.float32]  # [hours + 1] lit share summed up to each whole hour after the start


@functools.lru_cache(maxsize=8)
def grounds_of(
    site: Site, slope_deg: tuple[float, float], lit: tuple[float, float], dates: tuple[float, float], hours: int
) -> Grounds:
    """Return the places of a site with a slope and a mean light over ``hours`` within the ranges; computed once per process.

    The brightest places on fitting slopes are taken, at least one work area apart; where no slope or light fits, those that come nearest.
    """
    ref = site.ref
    margin = int(np.ceil(CELLS * CELL_M / ref.cell_m)) + 1
    if min(ref.shape) <= 2 * margin:
        raise EnvOptionError(
            f"site: {ref.rows} x {ref.cols} cells are too few for a work area of {CELLS * CELL_M:g} m."
        )
    inner = (slice(margin, -margin), slice(margin, -margin))
    miss = np.maximum(np.maximum(slope_deg[0] - site.slope_deg, site.slope_deg - slope_deg[1]), 0.0)[inner]
    light = np.asarray(site.mean_lit, np.float64)[inner] - 1e3 * miss
    apart = int(np.ceil(CELLS * CELL_M / ref.cell_m))
    cells: list[tuple[int, int]] = []
    while len(cells) < POOL and light.max() > -np.inf:
        row, col = divmod(int(np.argmax(light)), light.shape[1])
        if cells and light[row, col] < -1.0:
            break
        cells.append((row + margin, col + margin))
        light[max(row - apart, 0) : row + apart + 1, max(col - apart, 0) : col + apart + 1] = -np.inf
    rows, cols = np.array(cells, np.int64).T
    x, y = ref.xy(rows.astype(np.float64), cols.astype(np.float64))
    half = 0.5 * CELLS * CELL_M
    corners = np.stack([x - half, y + half], axis=1)
    height = np.stack(
        [smooth_surface(site.grid, GeoRef(float(left), float(top), CELL_M, CELLS, CELLS)) for left, top in corners]
    )
    last = dates[1] + (hours + FORECAST_H[-1] + 1) * HOUR_S
    times = np.arange(dates[0], last, HOUR_S)
    shown = np.asarray(lit_series(ref, site.horizon, site.sky, rows, cols, times))
    summed = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(shown, axis=1, dtype=np.float64)], axis=1)
    mean = (summed[:, hours:] - summed[:, :-hours]) / hours
    mean = mean[:, : max(int((dates[1] - dates[0]) // HOUR_S), 1)]
    off = np.maximum(np.maximum(lit[0] - mean, mean - lit[1]), 0.0)
    place, hour = np.nonzero(off <= off.min() + 1e-9)
    starts = (place * shown.shape[1] + hour).astype(np.int64)
    made = Grounds(corners, height, shown, dates[0], starts)
    for array in (corners, height, shown, starts):
        array.flags.writeable = False
    return made


def make_givens(site: Site, grounds: Grounds, level: Level, hours: int, root: int, number: int, t0: float | None) -> Givens:  # fmt: skip
    """Return episode ``number`` of the root seed; ``t0`` fixes the date, whatever its light."""
    rng = stream(root, PURPOSE, episode=number)
    count = grounds.lit.shape[1]
    place, hour = divmod(int(grounds.starts[int(rng.integers(len(grounds.starts)))]), count)
    ahead = hours + FORECAST_H[-1] + 1
    if t0 is None:
        t0 = grounds.first_s + hour * HOUR_S
        shown = grounds.lit[place, hour : hour + ahead]
    else:
        x, y = grounds.corner_xy[place] + np.array([0.5, -0.5]) * CELLS * CELL_M
        row, col = site.ref.cell_of(float(x), float(y))
        times = t0 + HOUR_S * np.arange(ahead)
        shown = np.asarray(lit_series(site.ref, site.horizon, site.sky, [row], [col], times))[0]
    light = np.zeros(ahead + 1, np.float32)
    light[1 : len(shown) + 1] = np.cumsum(shown)
    light[len(shown) + 1 :] = light[len(shown)]
    height = grounds.height_m[place].copy()
    amplitude = rng.uniform(*level.bumps_m)
    for spacing, share in WAVES:
        nodes = rng.standard_normal((CELLS // spacing + 4, CELLS // spacing + 4)) * (2.0 * amplitude * share)
        draw(height, nodes, 1.0, 1.0, 1.0 / spacing, threads=1)
    side = int(rng.integers(level.pad_cells[0], level.pad_cells[1] + 1))
    middle = (CELLS - side) // 2
    row, col = (middle + int(shift) for shift in rng.integers(-3, 4, 2))
    here = height[row : row + side, col : col + side]
    level_m = float(balanced_level(here)) + rng.uniform(*level.offset_m)
    if (short := LEAST_OFF_M - float(np.abs(here - level_m).mean())) > 0.0:  # there is always something to do
        level_m += short + LEAST_OFF_M
    pit, base = _places(rng, row, col, side, len(level.robots))
    frac = rng.uniform(*level.battery_frac, len(level.robots))
    key = int(rng.integers(2**63))
    pad = np.array([row, col, side], np.int64)
    return Givens(place, t0, grounds.corner_xy[place], height, pad, level_m, pit, base, frac, key, light)


@kernel
def balanced_level(height_m: Floats) -> float:
    """Return the height at which the soil cut off ``height_m`` [n, n] just fills what lies below, as loose as it is then."""
    low, high = height_m.min(), height_m.max()
    for _ in range(50):
        level = 0.5 * (low + high)
        cut, fill = 0.0, 0.0
        for value in height_m.flat:
            cut += max(value - level, 0.0)
            fill += max(level - value, 0.0)
        if cut * FIRM_KG_M3 > fill * LOOSE_KG_M3:
            low = level
        else:
            high = level
    return 0.5 * (low + high)


def _places(rng: np.random.Generator, row: int, col: int, side: int, robots: int) -> tuple[Ints, Ints]:
    """Return the pit, four cells off one edge of the pad, and parking places in a row off another."""
    edge, other = rng.permutation(4)[:2]
    middle = side // 2
    pit = _off(row, col, side, int(edge), 4, middle)
    along = np.arange(robots) - robots // 2 + middle
    base = np.array([_off(row, col, side, int(other), 3, int(k)) for k in along], np.int64)
    return pit, base


def _off(row: int, col: int, side: int, edge: int, away: int, along: int) -> Ints:
    """Return the cell ``away`` cells off an edge (0 north, 1 east, 2 south, 3 west) of a pad, ``along`` cells down it."""
    if edge == 0:
        return np.array([row - away, col + along], np.int64)
    if edge == 1:
        return np.array([row + along, col + side - 1 + away], np.int64)
    if edge == 2:
        return np.array([row + side - 1 + away, col + along], np.int64)
    return np.array([row + along, col - away], np.int64)
