"""A picture turned so that its light comes from the top, made ready for rocks to be looked for: ground, shadow runs, sums.

In the turned frame shadows fall straight down the columns: a shadow is a run of dark cells in a column, and what is measured along the
light is measured along a column. A shadow's length is weighed with the brightness of the ground beside it: on ground that
rises away from the light (and so is brighter) a rock of the same height casts a shorter shadow. For a Lambertian surface
under low light brightness is proportional to ``tan(elevation) + slope``, so the height of what casts a shadow is
``tan(elevation) * sum of (brightness of the ground along it / brightness of level ground)`` in cells (photoclinometry along the
shadow, after Davis & Soderblom 1984).

What the picture cannot show is how level ground would look: the slope that all of it shares. A map knows that, if it knows the
ground's height on cells far coarser than a rock. Then the unit of brightness is what the map says of the picture's middling slope, and
a shadow is also weighed by the map alone: a ray that leaves the top of something of height ``h`` meets the ground after a length
``L`` where ``h = L tan(elevation) + z(tip) - z(foot)``, exactly.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

TYPICAL_M = 0.1  # [m] cells of the turned frame, where the picture's pixels are between half and twice as large
SCALE_MIN, SCALE_MAX = 0.5, 2.0
DARK = 0.45  # of the brightness of the ground around: below is shadow
NOISE = 10.0  # [grey levels] darker is always shadow
GLARE = 1.8  # of the brightness of level ground: brighter is a face
CLIP = 2.3  # brightness over level ground beyond which a face is not brighter still (pictures saturate)
NEAR_PX, FAR_PX = 9, 61  # [cells] windows in which the ground's brightness is taken
CLEAR_LOW, CLEAR_HIGH = 0.3, 1.5  # of the ground's brightness: what lies between, three cells wide, is clear ground
CLEAR_PX, WIDE_PX = 7, 13  # [cells] boxes, each run twice, in which clear ground is averaged
CLEAR_FEW = 0.05  # share of the box that the ground's brightness counts where there is little clear ground
GAP_PX = 4  # [cells] a shadow goes on behind a bright spot no longer than this: the top of a rock in it
TAN_LEAST = 0.005  # lower light than this grazes: a shadow tells no height
REGION_PX = 161  # [cells] side of the squares in which brightness and map are compared
BEHIND_PX = 3  # [cells] if it is dark again for at least this
FACE_PX = 5  # [cells] how far before a shadow its face is looked for


class Frame(NamedTuple):
    """The turned picture; arrays [R, C], light from the top (row 0)."""

    bright: F32  # brightness over that of the picture's middling ground, at most `CLIP`; 0 where unknown
    known: NDArray[np.uint8]
    ground: F32  # brightness of the lit ground around, the same unit
    path: F64  # [R + 1, C] sums of `ground` down the columns
    clear: F32  # brightness of clear ground around, the same unit: cells beside shadows and bright faces are left out
    clear_path: F64  # [R + 1, C] its sums
    wide: F32  # the same, taken from a wider neighbourhood
    wide_path: F64
    end: (
        I32  # row at which the shadow run that a cell lies in ends (first lit or unknown row); the cell's row where lit
    )
    end_far: I32  # the same, bright spots of up to `GAP_PX` cells passed over
    start: I32  # row at which the run starts
    table: F64  # [R + 1, C + 1] sums of `bright` over all above and left
    cell_m: float  # ground size of a cell [m]
    el_deg: float  # light's elevation
    to_picture: F64  # [2, 3] from (col, row, 1) here to (col, row) of the picture
    dark_share: float  # of the picture that lies in shadow
    tan: float  # of the light's elevation above ground of brightness 1: level ground, or the map's middling slope
    level_tan: float  # of the light's elevation
    rise: F32 | None  # the map's height [cells] above its mean; None without a map
    tilt: F32 | None  # the map's slope away from the light over that of the picture as its brightness says; see `_tilt`


def turned(
    image: NDArray[np.uint8],
    cell_m: float,
    az_deg: float,
    el_deg: float,
    valid: NDArray[np.bool_] | None,
    ground_m: F32 | None = None,
) -> Frame:
    """Turn a picture uint8 [R, C] (light from grid azimuth ``az_deg``) and take its measures; the rest as in `detect_rocks`."""
    scale = min(max(cell_m / TYPICAL_M, SCALE_MIN), SCALE_MAX)
    known = np.full(image.shape, 255, np.uint8) if valid is None else valid.astype(np.uint8) * np.uint8(255)
    if scale < 1.0:  # the turning takes single pixels: average first
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.5 * (1.0 / scale - 1.0) + 1e-3), dtype=np.uint8)
    rows, cols = image.shape
    az = math.radians(az_deg)
    away = np.array([-math.sin(az), math.cos(az)])  # away from the light, as (col, row) of the picture
    across = np.array([away[1], -away[0]])
    axes = np.column_stack([across, away]) / scale  # (col, row) here to (col, row) of the picture
    corners = np.array([[0, 0], [cols - 1, 0], [0, rows - 1], [cols - 1, rows - 1]], dtype=np.float64)
    here = corners @ np.linalg.inv(axes).T
    low = np.floor(here.min(axis=0)) - 1.0
    wide, high = (int(v) for v in np.ceil(here.max(axis=0)) + 2.0 - low)
    to_picture = np.column_stack([axes, axes @ low])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    edge = cv2.BORDER_REPLICATE
    grey = np.asarray(cv2.warpAffine(image, to_picture, (wide, high), flags=flags, borderMode=edge), dtype=np.uint8)
    near = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    seen = np.asarray(cv2.warpAffine(known, to_picture, (wide, high), flags=near)) > 0
    rise = None
    if ground_m is not None:
        over = ((ground_m - ground_m.mean(dtype=np.float64)) * (scale / cell_m)).astype(np.float32)
        rise = np.asarray(
            cv2.warpAffine(over, to_picture, (wide, high), flags=flags, borderMode=edge), dtype=np.float32
        )
    return _measured(grey, seen.astype(np.uint8), rise, cell_m / scale, el_deg, to_picture)


def _measured(
    grey: NDArray[np.uint8], known: NDArray[np.uint8], rise: F32 | None, cell_m: float, el_deg: float, back: F64
) -> Frame:
    """Take the measures of a turned picture."""
    counts = np.bincount(grey[known > 0].ravel(), minlength=256)
    counts[: int(NOISE) + 2] = 0
    total = int(counts.sum())
    middle = float(np.searchsorted(np.cumsum(counts), 0.5 * total)) if total else 100.0
    middle = max(middle, 3.0 * NOISE)
    bright = np.minimum(grey.astype(np.float32) * np.float32(1.0 / middle), np.float32(CLIP))
    bright[known == 0] = 0.0
    ground = _ground(bright, known, np.float32(NOISE / middle))
    clear, wide = _clear(bright, known, ground)
    start, end, far = (np.empty(bright.shape, np.int32) for _ in range(3))
    path = np.zeros((bright.shape[0] + 1, bright.shape[1]))
    table = np.zeros((bright.shape[0] + 1, bright.shape[1] + 1))
    dark = _runs(bright, known, ground, np.float32(NOISE / middle), start, end, far, path, table)
    share = dark / max(float(np.count_nonzero(known)), 1.0)
    level = math.tan(math.radians(min(max(el_deg, 0.3), 80.0)))
    tan, tilt = (level, None) if rise is None else _tilt(rise, ground, known, level)
    return Frame(
        bright,
        known,
        ground,
        path,
        clear,
        _sums(clear),
        wide,
        _sums(wide),
        end,
        far,
        start,
        table,
        cell_m,
        el_deg,
        back,
        share,
        tan,
        level,
        rise,
        tilt,
    )


def _tilt(rise: F32, ground: F32, known: NDArray[np.uint8], level: float) -> tuple[float, F32]:
    """Return the tangent of the light's elevation above ground of brightness 1, and how far regions differ from that.

    The first from the map's slope in the middle of the picture's cells. The second, float32 [R, C]: the ln of what the map says of the
    light's tangent in the region over what the region's brightness says, which is off where the picture's middle is a poor unit.
    """
    slope = np.zeros_like(rise)
    slope[1:-1] = np.float32(0.5) * (rise[2:] - rise[:-2])
    seen = known[8:-8:8, 8:-8:8] > 0
    some = slope[8:-8:8, 8:-8:8][seen]
    tan = max(level + float(np.median(some)) if some.size else level, 0.25 * level, TAN_LEAST)
    step = 8  # both fields are smooth: a coarse grid will do
    small = (max(rise.shape[1] // step, 1), max(rise.shape[0] // step, 1))
    seen = (known > 0).astype(np.float32)
    size = (max(REGION_PX // step, 1),) * 2

    def mean(field: F32) -> F32:
        coarse = np.asarray(cv2.resize(field * seen, small, interpolation=cv2.INTER_AREA), dtype=np.float32)
        return np.asarray(cv2.blur(coarse, size, borderType=cv2.BORDER_REFLECT), dtype=np.float32)

    weight = np.maximum(mean(seen), np.float32(1e-3))
    told = np.maximum(level + mean(slope) / weight, np.float32(max(0.2 * level, TAN_LEAST)))
    shown = np.maximum(tan * mean(ground) / weight, np.float32(max(0.2 * level, TAN_LEAST)))
    tilt = np.clip(np.log(told / shown), -1.0, 1.0).astype(np.float32)
    whole = (rise.shape[1], rise.shape[0])
    return tan, np.asarray(cv2.resize(tilt, whole, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _ground(bright: F32, known: NDArray[np.uint8], noise: np.float32) -> F32:
    """Return the brightness of lit ground around each cell: of the near cells where there are any, of far ones else."""
    lit = ((bright > np.float32(0.3)) & (bright < np.float32(GLARE)) & (known > 0)).astype(np.float32)
    # sums of whole multiples of 1/256 below 2^16 are exact in float32, so the same on any number of threads
    value = np.rint(bright * np.float32(64.0)) * lit
    out = np.ones_like(bright)
    for side, few in ((FAR_PX, 20.0), (NEAR_PX, 6.0)):
        size = (side, side)
        count = np.asarray(cv2.boxFilter(lit, -1, size, normalize=False, borderType=cv2.BORDER_REFLECT))
        light = np.asarray(cv2.boxFilter(value, -1, size, normalize=False, borderType=cv2.BORDER_REFLECT))
        out = (light * np.float32(1.0 / 64.0) + np.float32(few) * out) / (count + np.float32(few))
    return np.maximum(out, np.float32(2.0) * noise).astype(np.float32)


def _clear(bright: F32, known: NDArray[np.uint8], ground: F32) -> tuple[F32, F32]:
    """Return the brightness of clear ground around each cell, near and wide."""
    some = (bright > np.float32(CLEAR_LOW) * ground) & (bright < np.float32(CLEAR_HIGH) * ground) & (known > 0)
    lit = np.asarray(cv2.erode(some.astype(np.uint8), np.ones((3, 3), np.uint8))).astype(np.float32)
    value = np.rint(bright * np.float32(64.0)) * lit  # whole numbers: sums are exact, see `_ground`
    out: list[F32] = []
    for side in (CLEAR_PX, WIDE_PX):
        sums: list[F32] = []
        for field in (lit, value):
            twice = field
            for _ in range(2):
                blurred = cv2.boxFilter(twice, -1, (side, side), normalize=False, borderType=cv2.BORDER_REFLECT)
                twice = np.asarray(blurred, dtype=np.float32)
            sums.append(twice)
        few = np.float32(CLEAR_FEW * side**4)
        out.append(((sums[1] * np.float32(1.0 / 64.0) + few * ground) / (sums[0] + few)).astype(np.float32))
    return out[0], out[1]


def _sums(field: F32) -> F64:
    """Return sums down the columns, float64 [R + 1, C]."""
    out = np.zeros((field.shape[0] + 1, field.shape[1]))
    np.cumsum(field, axis=0, dtype=np.float64, out=out[1:])
    return out


@kernel
def _runs(
    bright: F32,
    known: NDArray[np.uint8],
    ground: F32,
    noise: np.float32,
    start: I32,
    end: I32,
    far: I32,
    path: F64,
    table: F64,
) -> int:
    """Fill the arrays of `Frame`; return how many cells are dark."""
    rows, cols = bright.shape
    dark = 0
    for r in range(rows):
        line = 0.0
        for c in range(cols):
            line += bright[r, c]
            table[r + 1, c + 1] = table[r, c + 1] + line
            path[r + 1, c] = path[r, c] + ground[r, c]
            limit = np.float32(DARK) * ground[r, c]
            limit = limit if limit > noise else noise
            if known[r, c] > 0 and bright[r, c] < limit:
                dark += 1
                start[r, c] = start[r - 1, c] if r > 0 and start[r - 1, c] >= 0 else r
            else:
                start[r, c] = -1
    for r in range(rows - 1, -1, -1):
        for c in range(cols):
            if start[r, c] < 0:
                end[r, c] = r
                far[r, c] = r
                continue
            if r + 1 < rows and start[r + 1, c] >= 0:
                end[r, c] = end[r + 1, c]
                far[r, c] = far[r + 1, c]
                continue
            end[r, c] = r + 1
            far[r, c] = r + 1
            for gap in range(1, GAP_PX + 1):
                at = r + 1 + gap
                if at >= rows:
                    break
                if start[at, c] >= 0:
                    if end[at, c] - at >= BEHIND_PX:
                        far[r, c] = far[at, c]
                    break
    return dark


@kernel
def box_mean(table: F64, r0: int, r1: int, c0: int, c1: int) -> float:
    """Return the mean of rows r0..r1-1, columns c0..c1-1 by a frame's summed table, cut to the frame; 0 outside."""
    r0, c0 = max(r0, 0), max(c0, 0)
    r1, c1 = min(r1, table.shape[0] - 1), min(c1, table.shape[1] - 1)
    if r1 <= r0 or c1 <= c0:
        return 0.0
    total = table[r1, c1] - table[r0, c1] - table[r1, c0] + table[r0, c0]
    return total / ((r1 - r0) * (c1 - c0))
