"""What lidar and camera of many landers show of their tiles: square patches around the place that each aims at.

Both are laid out on the lander's map, looking straight down. Cells grow with the height, as the field of view does: a lander sees far
and coarse first, near and fine later. The lidar's noise grows with the height too, and its footprint flattens the rocks (`rise_share`);
the camera's does not, but it sees rocks by their shadows only. Noise follows from (key, step, cell), so looking twice shows the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.landing_view import CELLS, HIGHEST_GREY, RISE_UNIT_M, SIDE, height_unit_m
from moonfleet.terrain.kernel import kernel, leaf_kernel
from moonfleet.terrain.threads import for_each

from .errors import SensorError
from .flight import X, Y, Z
from .landers import Landers, level_at
from .landing_tiles import LEVEL_GREY, SCALE_START, SCALES_M, SIDE_M

SCALE_ABOVE_M: Final = (0.0, 16.0, 45.0, 110.0)  # [m] height from which each scale is used
SYMMETRIES: Final = 8  # how the map may lie on the tile: bit 0 swaps x and y, bit 1 mirrors x, bit 2 mirrors y
_STARTS: Final = np.array(SCALE_START)
_CELLS_M: Final = np.array(SCALES_M)
_ABOVE: Final = np.array(SCALE_ABOVE_M)
EVEN: Final = 3.4641016151377544 / 2.0**20  # [-] makes `_even` a number of standard deviation 1, within 1.74

Floats = NDArray[np.float64]
F32 = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LandingEye:
    """How well lidar and camera see; scenario values. Raises `SensorError` for a value that is negative or not finite."""

    height_sigma_m: float = 0.02  # [m] of a cell's mean height, close by
    height_sigma_per_m: float = 2.5e-4  # [-] more of it for each metre of height
    beam_rad: float = 1.5e-3  # [rad] width of the lidar's beam
    dropout: float = 0.02  # [-] share of cells without a return
    grey_sigma: float = 4.0  # grey levels

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and 0.0 <= value <= (1.0 if field.name == "dropout" else math.inf)):
                raise SensorError(f"landing eye: {field.name} = {value!r}; must be finite and >= 0 (dropout: up to 1).")

    def numbers(self) -> Floats:
        """Return the values as the kernel takes them."""
        return np.array([getattr(self, field.name) for field in fields(self)], dtype=np.float64)


@kernel
def scale_of(height: float) -> int:
    """Return the number of the scale in `SCALES_M` that is used at a height [m]."""
    k = _ABOVE.size - 1
    while k > 0 and height < _ABOVE[k]:
        k -= 1
    return k


@kernel
def rise_share(height: float, beam_rad: float) -> float:
    """Return what is left of a rock's height where the lidar's spot is as wide as at ``height`` [m]: a half at spots of 0.5 m."""
    spot = height * beam_rad / RISE_UNIT_M
    return 1.0 / (1.0 + spot * spot)


@kernel
def to_tile(symmetry: int, dx: float, dy: float) -> tuple[float, float]:
    """Return an offset of the map as one of the tile."""
    if symmetry & 1:
        dx, dy = dy, dx
    return -dx if symmetry & 2 else dx, -dy if symmetry & 4 else dy


@kernel
def to_map(symmetry: int, dx: float, dy: float) -> tuple[float, float]:
    """Return an offset of the tile as one of the map."""
    if symmetry & 2:
        dx = -dx
    if symmetry & 4:
        dy = -dy
    return (dy, dx) if symmetry & 1 else (dx, dy)


@kernel
def _noise(name: np.uint64, cell: int) -> np.uint64:
    """Return 64 random bits: the finaliser of splitmix64 (Steele et al. 2014) over a name and a cell."""
    h = name + np.uint64(cell) * np.uint64(0xD1B54A32D192ED03)
    h ^= h >> np.uint64(30)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(27)
    h *= np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@kernel
def _even(h: np.uint64, shift: int) -> np.float32:
    """Return a number of mean 0 from 20 of the bits ``h``, evenly spread; `EVEN` of it has a standard deviation of 1."""
    return np.float32(np.int32((h >> np.uint64(shift)) & np.uint64(0xFFFFF)) - np.int32(0x80000))


@leaf_kernel
def _look(
    part: int, parts: int, state: Floats, error: Floats, aim: Floats, tile: Ints, level: F32, mean: F32, rise: F32,
    grey: NDArray[np.uint8], sun: Ints, symmetry: Ints, key: NDArray[np.uint64], step: Ints, working: NDArray[np.bool_],
    blur: Floats, eye: Floats, at: int, out: F32,
) -> None:  # fmt: skip
    """Fill the ``part``-th of ``parts`` equal shares of the rows of ``out``; see `look`."""
    count = state.shape[0]
    middle = SIDE // 2
    for w in range(part * count // parts, (part + 1) * count // parts):
        u, v = aim[w, 0] - error[w, X], aim[w, 1] - error[w, Y]
        base = level_at(level, tile[w], u, v)
        height = max(state[w, Z] + error[w, Z] - base, 0.0)
        k = scale_of(height)
        cell = _CELLS_M[k]
        n = int(SIDE_M / cell)
        row = min(max(int((0.5 * SIDE_M - v) / cell), middle), n - 1 - middle)
        col = min(max(int((u + 0.5 * SIDE_M) / cell), middle), n - 1 - middle)
        # Where a step of a row or a column of the tile leads in the patch, whose rows begin in the north of the map.
        east, north = to_map(symmetry[w], 1.0, 0.0)
        per_col = int(east) - SIDE * int(north)
        east, north = to_map(symmetry[w], 0.0, -1.0)
        per_row = int(east) - SIDE * int(north)
        sigma = (eye[0] + eye[1] * height) * blur[w]
        left = np.float32(rise_share(height, eye[2]) / RISE_UNIT_M)
        lost_below = np.uint64(eye[3] * 16.0)
        unit = height_unit_m(cell)
        ground, over_unit = np.float32(base), np.float32(1.0 / unit)
        z_noise, rise_noise = np.float32(sigma * EVEN / unit), np.float32(sigma * EVEN / RISE_UNIT_M)
        over_grey, grey_noise = np.float32(1.0 / LEVEL_GREY), np.float32(eye[4] * blur[w] * EVEN / LEVEL_GREY)
        zero, one, two, bright = np.float32(0.0), np.float32(1.0), np.float32(2.0), np.float32(HIGHEST_GREY)
        heights, rises, greys = out[w, at : at + CELLS], out[w, at + CELLS : at + 2 * CELLS], out[w, at + 2 * CELLS :]
        name = key[w] + np.uint64(step[w]) * np.uint64(0x9E3779B97F4A7C15)
        z_all, rise_all, grey_all = mean[tile[w]], rise[tile[w]], grey[tile[w], sun[w]]
        if not working[w]:
            lost_below = np.uint64(16)
        for r in range(-middle, middle + 1):
            place = _STARTS[k] + (row + r) * n + col - middle
            z_row, rise_row, grey_row = z_all[place:], rise_all[place:], grey_all[place:]
            to = CELLS // 2 + r * per_row - middle * per_col
            for c in range(SIDE):
                i = to + c * per_col
                h = _noise(name, i)
                back = (h >> np.uint64(60)) >= lost_below
                g = np.float32(grey_row[c]) * over_grey + grey_noise * _even(h, 40)
                g = g if g > zero else zero
                greys[i] = g if g < bright else bright
                z = (z_row[c] - ground) * over_unit + z_noise * _even(h, 0)
                z = z if z < one else one
                z = z if z > -one else -one
                heights[i] = z if back else zero
                e = left * rise_row[c] + rise_noise * _even(h, 20)
                e = e if e > zero else zero
                e = e if e < two else two
                rises[i] = e if back else zero


def look(
    landers: Landers, eye: Floats, sun: Ints, symmetry: Ints, key: NDArray[np.uint64], step: Ints,
    working: NDArray[np.bool_], blur: Floats, at: int, out: F32,
) -> None:  # fmt: skip
    """Write what every lander sees around its aim into ``out`` float32 [W, F]: lidar heights, lidar rises, brightness.

    From column ``at`` on, `CELLS` numbers of each, rows from the north of the map: height above the even ground at the aim over `height_unit_m`
    (within -1..1), how far each cell's highest point stands out over `RISE_UNIT_M` (0..2), brightness over that of level sunlit
    ground (0..3). Zeros where the lidar had no return, everywhere if it is not ``working`` bool [W]. ``eye``: `LandingEye.numbers`;
    ``sun`` of the tile and ``symmetry`` int64 [W]; ``key`` uint64 [W] and ``step`` int64 [W] name the noise, ``blur`` float64 [W]
    multiplies it.
    """
    tiles = landers.tiles
    part = partial(
        _look, parts=landers.threads, state=landers.state, error=landers.error, aim=landers.aim, tile=landers.tile,
        level=tiles.level, mean=tiles.mean, rise=tiles.rise, grey=tiles.grey, sun=sun, symmetry=symmetry, key=key, step=step,
        working=working, blur=blur, eye=eye, at=at, out=out,
    )  # fmt: skip
    if landers.threads == 1:
        part(0)
    else:
        for_each(part, landers.threads, landers.threads)
