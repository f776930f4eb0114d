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
EVEN: Final = 3.4641016151377544 / 2.0**9  # [-] makes a number of 9 even bits one of standard deviation 1
WIDE: Final = SIDE + 1  # cells of a row that are worked out, the last in vain: sixteen go fast

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


@leaf_kernel
def _see_row(
    z: F32,
    rise: F32,
    grey: NDArray[np.uint8],
    first: int,
    name: np.uint32,
    lost_below: np.uint32,
    scales: F32,
    out: F32,
) -> None:
    """Fill ``out`` [3, WIDE] with height, rise and brightness of the cells ``first .. first + WIDE - 1`` of a tile.

    Noise: bits of a finaliser of 32 bits (Wellons 2018, "lowbias32") over the name and the cell; three even numbers of 9 bits, and 5 bits
    that say whether the lidar's return is lost. ``scales`` [8]: ground [m], per metre of height, height's noise, per metre of rise, rise's
    noise, per grey level, brightness' noise; the last is not used.
    """
    zero, one, two, bright = np.float32(0.0), np.float32(1.0), np.float32(2.0), np.float32(HIGHEST_GREY)
    ground, z_unit, z_noise, rise_unit = scales[0], scales[1], scales[2], scales[3]
    rise_noise, grey_unit, grey_noise = scales[4], scales[5], scales[6]
    for c in range(WIDE):
        h = np.uint32(name + np.uint32(c))
        h = np.uint32(h ^ (h >> np.uint32(16)))
        h = np.uint32(h * np.uint32(0x7FEB352D))
        h = np.uint32(h ^ (h >> np.uint32(15)))
        h = np.uint32(h * np.uint32(0x846CA68B))
        h = np.uint32(h ^ (h >> np.uint32(16)))
        back = np.uint32(h >> np.uint32(27)) >= lost_below
        a = np.float32(np.int32(h & np.uint32(511)) - np.int32(256))
        b = np.float32(np.int32((h >> np.uint32(9)) & np.uint32(511)) - np.int32(256))
        d = np.float32(np.int32((h >> np.uint32(18)) & np.uint32(511)) - np.int32(256))
        height = (z[first + c] - ground) * z_unit + z_noise * a
        height = height if height < one else one
        height = height if height > -one else -one
        out[0, c] = height if back else zero
        stands = rise[first + c] * rise_unit + rise_noise * b
        stands = stands if stands > zero else zero
        stands = stands if stands < two else two
        out[1, c] = stands if back else zero
        light = np.float32(grey[first + c]) * grey_unit + grey_noise * d
        light = light if light > zero else zero
        out[2, c] = light if light < bright else bright


@kernel
def _look(
    part: int, parts: int, rows: Ints, state: Floats, error: Floats, aim: Floats, tile: Ints, level: F32, mean: F32, rise: F32,
    grey: NDArray[np.uint8], sun: Ints, symmetry: Ints, key: NDArray[np.uint64], step: Ints, working: NDArray[np.bool_],
    blur: Floats, eye: Floats, at: int, out: F32,
) -> None:  # fmt: skip
    """Fill the ``part``-th of ``parts`` equal shares of the ``rows`` of ``out``; see `look`."""
    count = rows.size
    middle = SIDE // 2
    scales, line = np.empty(8, np.float32), np.empty((3, WIDE), np.float32)
    for place in range(part * count // parts, (part + 1) * count // parts):
        w = int(rows[place])
        u, v = aim[w, 0] - error[w, X], aim[w, 1] - error[w, Y]
        base = level_at(level, tile[w], u, v)
        height = max(state[w, Z] + error[w, Z] - base, 0.0)
        k = scale_of(height)
        cell = _CELLS_M[k]
        n = int(SIDE_M / cell)
        row = min(max(int((0.5 * SIDE_M - v) / cell), middle), n - 1 - middle)
        col = min(max(int((u + 0.5 * SIDE_M) / cell), middle), n - 2 - middle)
        # Where a step of a row or a column of the tile leads in the patch, whose rows begin in the north of the map.
        east, north = to_map(symmetry[w], 1.0, 0.0)
        per_col = int(east) - SIDE * int(north)
        east, north = to_map(symmetry[w], 0.0, -1.0)
        per_row = int(east) - SIDE * int(north)
        sigma = (eye[0] + eye[1] * height) * blur[w]
        unit = height_unit_m(cell)
        scales[0], scales[1], scales[2] = base, 1.0 / unit, sigma * EVEN / unit
        scales[3] = rise_share(height, eye[2]) / RISE_UNIT_M
        scales[4] = sigma * EVEN / RISE_UNIT_M
        scales[5], scales[6] = 1.0 / LEVEL_GREY, eye[4] * blur[w] * EVEN / LEVEL_GREY
        lost_below = np.uint32(eye[3] * 32.0 + 0.5) if working[w] else np.uint32(32)
        # All rows are touched first: then their ways from memory overlap, which halves the time of a look.
        touched = np.float32(0.0)
        for r in range(-middle, middle + 1):
            first = _STARTS[k] + (row + r) * n + col - middle
            touched += (
                mean[tile[w], first] + mean[tile[w], first + SIDE] + rise[tile[w], first] + rise[tile[w], first + SIDE]
            )
            touched += np.float32(grey[tile[w], sun[w], first])
        scales[7] = touched
        name = np.uint32((key[w] >> np.uint64(32)) ^ (key[w] + np.uint64(step[w]) * np.uint64(0x9E3779B1)))
        for r in range(-middle, middle + 1):
            first = _STARTS[k] + (row + r) * n + col - middle
            salt = np.uint32(name + np.uint32((r + middle) * WIDE) * np.uint32(0x85EBCA6B))
            _see_row(mean[tile[w]], rise[tile[w]], grey[tile[w], sun[w]], first, salt, lost_below, scales, line)
            i = at + CELLS // 2 + r * per_row - middle * per_col
            for c in range(SIDE):
                out[w, i], out[w, i + CELLS], out[w, i + 2 * CELLS] = line[0, c], line[1, c], line[2, c]
                i += per_col


def look(
    landers: Landers, eye: Floats, sun: Ints, symmetry: Ints, key: NDArray[np.uint64], step: Ints,
    working: NDArray[np.bool_], blur: Floats, at: int, out: F32, rows: Ints | None = None,
) -> None:  # fmt: skip
    """Write what every lander (or those of ``rows`` int64 [n]) sees around its aim into ``out`` float32 [W, F].

    Lidar heights, lidar rises and brightness: from column ``at`` on, `CELLS` numbers of each, rows from the north of the map: height
    above the even ground at the aim over `height_unit_m` (within -1..1), how far each cell's highest point stands out over
    `RISE_UNIT_M` (0..2), brightness over that of level sunlit ground (0..3). Zeros where the lidar had no return, everywhere if it
    is not ``working`` bool [W]. ``eye``: `LandingEye.numbers`; ``sun`` of the tile and ``symmetry`` int64 [W]; ``key`` uint64 [W] and
    ``step`` int64 [W] name the noise, ``blur`` float64 [W] multiplies it.
    """
    tiles = landers.tiles
    which = np.arange(len(out)) if rows is None else rows
    part = partial(
        _look, parts=landers.threads, rows=which, state=landers.state, error=landers.error, aim=landers.aim, tile=landers.tile,
        level=tiles.level, mean=tiles.mean, rise=tiles.rise, grey=tiles.grey, sun=sun, symmetry=symmetry, key=key, step=step,
        working=working, blur=blur, eye=eye, at=at, out=out,
    )  # fmt: skip
    if landers.threads == 1:
        part(0)
    else:
        for_each(part, landers.threads, landers.threads)
