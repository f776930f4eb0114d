"""What a pinhole camera sees of a height field: a mast camera that looks at the horizon, a descent camera that looks straight down.

A mast camera has a level optical axis and a sensor shifted up or down (as the cameras of a rectified stereo pair have). Then every column
of its picture is one vertical plane through the lens: the ground along it is walked once, from the mast outwards, and the steepest line
of sight so far says which pixels the next piece of ground fills. That is exact for ground that is straight between steps, and hides
what is hidden. A descent camera's rays are followed one by one from above the highest ground.

Ground is given as windows, fine ones inside coarse ones; each point is seen in the finest window that holds it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import SiteError
from .grid import HeightGrid
from .kernel import kernel
from .render import NOTHING_M, lit_share

Float32Grid = NDArray[np.float32]
NEAREST_M: Final = 0.3  # [m] along the axis: nearer ground is under the mast
STEP_CELLS: Final = 0.5  # [cells] longest step over ground near the mast
LARGEST_SIDE: Final = 8_000  # [px] of a picture


class Pinhole(NamedTuple):
    """A camera without lens errors.

    Attributes
    ----------
    x, y, z : place of the lens [m], z above the 1 737.4 km sphere.
    azimuth_deg : grid azimuth of the optical axis of a mast camera; where the top of the picture lies for a descent camera.
    focal_px : focal length over the size of a pixel.
    rows, cols : size of the picture [px].
    centre_row, centre_col : where the optical axis meets the picture [px], pixel centres at whole numbers; it may lie outside.
    """

    x: float
    y: float
    z: float
    azimuth_deg: float
    focal_px: float
    rows: int
    cols: int
    centre_row: float
    centre_col: float

    @property
    def ahead(self) -> tuple[float, float]:
        """Unit vector (x, y) of the azimuth."""
        angle = math.radians(self.azimuth_deg)
        return math.sin(angle), math.cos(angle)


class Window(NamedTuple):
    """A piece of ground and its light: ``lit`` float32 [R, C] is the share of the Sun's disc that reaches each cell."""

    ground: HeightGrid
    lit: Float32Grid


class Seen(NamedTuple):
    """What each pixel sees: ``offset_m`` float32 [R, C, 3] from the lens (x, y, z), NaN for the sky; ``window`` int8, -1 for the sky."""

    offset_m: Float32Grid
    window: NDArray[np.int8]

    @property
    def range_m(self) -> Float32Grid:
        """Distance from the lens [m], float32 [R, C], infinite for the sky."""
        away = np.sqrt(np.einsum("ijk,ijk->ij", self.offset_m, self.offset_m))
        return np.where(self.window < 0, np.float32(np.inf), away).astype(np.float32)


def sunlit_windows(grounds: Sequence[HeightGrid], sun_az_deg: float, sun_el_deg: float) -> tuple[Window, ...]:
    """Return the windows of ``grounds``, the finest first, each inside the next: shadows of everything in all of them.

    Ground outside a window casts its shadow into it as the coarser window shows it. Raises `SiteError` where a window is not inside
    the next, or has holes, and for a Sun that is nowhere.
    """
    if not (math.isfinite(sun_az_deg) and -90.0 <= sun_el_deg <= 90.0):
        raise SiteError(f"sun: azimuth {sun_az_deg!r}, elevation {sun_el_deg!r} deg; allowed: finite, -90..90.")
    _check_whole(grounds)
    out: list[Window] = []
    outside: Float32Grid | None = None  # the light that ground outside of the window leaves it
    for k in range(len(grounds) - 1, -1, -1):
        ground = grounds[k]
        ref = ground.ref
        lit = lit_share(ground.elevation_m, ref.cell_m, sun_az_deg, sun_el_deg)
        if k + 1 < len(grounds):
            wide = grounds[k + 1]
            if not wide.ref.covers(ref):
                raise SiteError(f"windows[{k}]: {ref.bounds}; allowed: a part of windows[{k + 1}], {wide.ref.bounds}.")
            (r0, c0), (r1, c1) = wide.ref.cell_of(*ref.xy(0, 0)), wide.ref.cell_of(*ref.xy(ref.rows - 1, ref.cols - 1))
            ring = wide.elevation_m.copy()  # what stands inside is in the fine window itself, and would be shaded twice
            ring[r0 : r1 + 1, c0 : c1 + 1] = NOTHING_M
            light = lit_share(wide.elevation_m, wide.ref.cell_m, sun_az_deg, sun_el_deg, casters_m=ring)
            if outside is not None:
                np.minimum(light, outside, out=light)
            row, col = wide.ref.rowcol(*ref.xy(0, 0))
            outside = np.empty(ref.shape, dtype=np.float32)
            _spread(light, row, col, ref.cell_m / wide.ref.cell_m, outside)
            np.minimum(lit, outside, out=lit)
        out.append(Window(ground, lit))
    return tuple(reversed(out))


def lamplit_windows(grounds: Sequence[HeightGrid], x: float, y: float, z: float) -> tuple[Window, ...]:
    """Return the windows of ``grounds`` with the share of the light of a lamp at (x, y, z) [m] that reaches each cell, 0..1.

    Raises `SiteError` where the lamp stands outside of a window or nowhere, and for windows with holes.
    """
    if not math.isfinite(z):
        raise SiteError(f"lamp: z {z!r}; allowed: finite.")
    _check_whole(grounds)
    out: list[Window] = []
    for k, ground in enumerate(grounds):
        ref = ground.ref
        if not ref.inside(x, y):
            raise SiteError(f"lamp: ({x:.2f}, {y:.2f}) m is outside windows[{k}]; allowed: {ref.bounds}.")
        lit = np.empty(ref.shape, dtype=np.float32)
        _lamp(ground.elevation_m, *ref.rowcol(x, y), float(ref.cell_m), float(z), lit)
        out.append(Window(ground, lit))
    return tuple(out)


def look_level(windows: Sequence[Window], camera: Pinhole, reach_m: float = math.inf) -> Seen:
    """Return what a camera with a level optical axis sees, along the axis up to ``reach_m`` and the end of the last window.

    Every window must hold the camera. Raises `SiteError` for a camera that stands outside, or is no camera, and for windows with holes.
    """
    _check(windows, camera)
    rows, cols = camera.rows, camera.cols
    offset = np.full((rows, cols, 3), np.nan, dtype=np.float32)
    which = np.full((rows, cols), -1, dtype=np.int8)
    depth = np.full(cols, NEAREST_M)
    filled = np.full(cols, rows, dtype=np.int64)  # the lowest row that has its ground
    for k, window in enumerate(windows):
        ref = window.ground.ref
        row, col = ref.rowcol(camera.x, camera.y)
        _walk_columns(
            window.ground.elevation_m, row, col, float(ref.cell_m), camera.z, *camera.ahead, float(camera.focal_px),
            float(camera.centre_row), float(camera.centre_col), float(reach_m), k, depth, filled, offset, which,
        )  # fmt: skip
    return Seen(offset, which)


def look_down(window: Window, camera: Pinhole) -> Seen:
    """Return what a camera that looks straight down sees; pixels whose ray leaves the window see nothing.

    Raises `SiteError` for a camera below the highest ground, or no camera, and for a window with holes.
    """
    _check((window,), camera)
    z = window.ground.elevation_m
    low, high = float(z.min()), float(z.max())
    if camera.z <= high:
        raise SiteError(f"camera.z: {camera.z:.2f} m; allowed: above the highest ground of the window, {high:.2f} m.")
    offset = np.full((camera.rows, camera.cols, 3), np.nan, dtype=np.float32)
    which = np.full((camera.rows, camera.cols), -1, dtype=np.int8)
    ref = window.ground.ref
    row, col = ref.rowcol(camera.x, camera.y)
    _walk_down(
        z, row, col, float(ref.cell_m), camera.z, low, high, *camera.ahead, float(camera.focal_px),
        float(camera.centre_row), float(camera.centre_col), offset, which,
    )  # fmt: skip
    return Seen(offset, which)


def _check(windows: Sequence[Window], camera: Pinhole) -> None:
    if not (1 <= camera.rows <= LARGEST_SIDE and 1 <= camera.cols <= LARGEST_SIDE):
        raise SiteError(f"camera: {camera.rows} x {camera.cols} px; allowed: sides of 1..{LARGEST_SIDE}.")
    if not (camera.focal_px > 0.0 and all(math.isfinite(v) for v in camera)):
        raise SiteError(f"camera: {camera}; allowed: finite numbers, focal_px > 0.")
    if not windows:
        raise SiteError("windows: none; allowed: one or more, the finest first.")
    for k, window in enumerate(windows):
        if not window.ground.ref.inside(camera.x, camera.y):
            raise SiteError(
                f"camera: ({camera.x:.2f}, {camera.y:.2f}) m is outside windows[{k}]; allowed: {window.ground.ref.bounds}."
            )
    _check_whole([window.ground for window in windows])


def _check_whole(grounds: Sequence[HeightGrid]) -> None:
    for k, ground in enumerate(grounds):
        if min(ground.ref.shape) < 2:
            raise SiteError(f"windows[{k}]: {ground.ref.shape} cells; allowed: at least 2 x 2.")
        holes = ground.elevation_m.size - int(np.isfinite(ground.elevation_m).sum())
        if holes:
            raise SiteError(f"windows[{k}]: {holes} cells have no height; allowed: none.")


@kernel
def height_at(z: Float32Grid, row: float, col: float) -> float:
    """Return the height of z [R, C] at (row, col), which must lie in 0..R-1, 0..C-1: bilinear."""
    r, c = min(int(row), z.shape[0] - 2), min(int(col), z.shape[1] - 2)
    fr, fc = row - r, col - c
    top = z[r, c] + fc * (z[r, c + 1] - z[r, c])
    low = z[r + 1, c] + fc * (z[r + 1, c + 1] - z[r + 1, c])
    return top + fr * (low - top)


@kernel
def _spread(coarse: Float32Grid, row0: float, col0: float, step: float, out: Float32Grid) -> None:
    """Fill out [R, C] with ``coarse`` at rows ``row0 + i step``, columns ``col0 + j step``, clipped to it."""
    for i in range(out.shape[0]):
        row = min(max(row0 + i * step, 0.0), coarse.shape[0] - 1.0)
        for j in range(out.shape[1]):
            out[i, j] = height_at(coarse, row, min(max(col0 + j * step, 0.0), coarse.shape[1] - 1.0))


@kernel
def _walk_columns(
    z: Float32Grid, row: float, col: float, cell_m: float, lens_z: float, ahead_x: float, ahead_y: float,
    focal_px: float, centre_row: float, centre_col: float, reach_m: float, window: int,
    depth: NDArray[np.float64], filled: NDArray[np.int64], offset: Float32Grid, which: NDArray[np.int8],
) -> None:  # fmt: skip
    """Fill offset [R, C, 3] and which [R, C] along every column of the picture, from ``depth`` [C] to the end of ``z``.

    The lens stands at (row, col) of z. ``depth`` and ``filled`` [C] are taken up where the finer window left them.
    """
    last_row, last_col = z.shape[0] - 1.0, z.shape[1] - 1.0
    for j in range(offset.shape[1]):
        side = (j - centre_col) / focal_px
        dx, dy = ahead_x + side * ahead_y, ahead_y - side * ahead_x  # ground covered per metre along the axis
        to_col, to_row = dx / cell_m, -dy / cell_m
        along = math.sqrt(dx * dx + dy * dy)
        d = depth[j]
        r, c = row + d * to_row, col + d * to_col
        if d >= reach_m or r < 0.0 or c < 0.0 or r > last_row or c > last_col:
            continue
        rise = height_at(z, r, c) - lens_z
        next_row = filled[j] - 1
        if window == 0:  # lines of sight that meet the ground before the walk begins
            while next_row >= 0 and (centre_row - next_row) / focal_px * d < rise:
                next_row -= 1
        while next_row >= 0:
            step = max(STEP_CELLS * cell_m / along, d / focal_px)
            e = d + step
            r, c = row + e * to_row, col + e * to_col
            if e > reach_m or r < 0.0 or c < 0.0 or r > last_row or c > last_col:
                break
            to = height_at(z, r, c) - lens_z
            while next_row >= 0:
                v = (centre_row - next_row) / focal_px  # rise of the line of sight per metre along the axis
                if to < v * e:
                    break
                below = v * d - rise  # how far the ground lies below the line at the near end of the step, at least 0
                above = to - v * e
                t = below / (below + above) if below > 0.0 else 0.0
                hit = d + t * step
                offset[next_row, j, 0] = hit * dx
                offset[next_row, j, 1] = hit * dy
                offset[next_row, j, 2] = hit * v
                which[next_row, j] = window
                next_row -= 1
            d, rise = e, to
        depth[j] = d
        filled[j] = next_row + 1


@kernel
def _walk_down(
    z: Float32Grid, row: float, col: float, cell_m: float, lens_z: float, low: float, high: float,
    up_x: float, up_y: float, focal_px: float, centre_row: float, centre_col: float,
    offset: Float32Grid, which: NDArray[np.int8],
) -> None:  # fmt: skip
    """Fill offset [R, C, 3] and which [R, C] of a camera that looks down, the top of its picture towards (up_x, up_y)."""
    last_row, last_col = z.shape[0] - 1.0, z.shape[1] - 1.0
    start, end = lens_z - high, lens_z - low
    for i in range(offset.shape[0]):
        v = (centre_row - i) / focal_px
        for j in range(offset.shape[1]):
            u = (j - centre_col) / focal_px
            dx, dy = u * up_y + v * up_x, v * up_y - u * up_x  # ground covered per metre of depth
            to_col, to_row = dx / cell_m, -dy / cell_m
            step = STEP_CELLS / max(abs(to_col), abs(to_row), 1e-9)
            d, above = start, 0.0
            before = d
            while True:
                r, c = row + d * to_row, col + d * to_col
                if r < 0.0 or c < 0.0 or r > last_row or c > last_col:
                    break
                over = lens_z - d - height_at(z, r, c)
                if over <= 0.0 or d >= end:
                    hit = before + (d - before) * above / (above - over) if over < above else d
                    offset[i, j, 0] = hit * dx
                    offset[i, j, 1] = hit * dy
                    offset[i, j, 2] = -hit
                    which[i, j] = 0
                    break
                before, above = d, over
                d = min(d + step, end)


@kernel
def _lamp(z: Float32Grid, row: float, col: float, cell_m: float, lamp_z: float, lit: Float32Grid) -> None:
    """Fill lit [R, C] for a lamp over (row, col): ground is lit that no ground before it hides.

    Rays go out from the lamp, one a cell apart at the far corner; each keeps the steepest rise so far. A cell is between four of
    their samples and has the share of these from which it is not hidden.
    """
    rows, cols = z.shape
    reach = math.sqrt(max(row, rows - 1.0 - row) ** 2 + max(col, cols - 1.0 - col) ** 2)
    rays, steps = min(int(2.0 * math.pi * reach) + 8, 4096), int(reach) + 3
    rise = np.full((rays, steps), np.float32(-1e30), dtype=np.float32)  # steepest up to one cell before step * cell_m
    for a in range(rays):
        angle = 2.0 * math.pi * a / rays
        to_row, to_col = -math.cos(angle), math.sin(angle)
        highest = np.float32(-1e30)
        for s in range(1, steps - 1):
            r, c = row + s * to_row, col + s * to_col
            if r < 0.0 or c < 0.0 or r > rows - 1.0 or c > cols - 1.0:
                rise[a, s + 1 :] = highest
                break
            slope = np.float32((height_at(z, r, c) - lamp_z) / (s * cell_m))
            highest = slope if slope > highest else highest
            rise[a, s + 1] = highest
    for i in range(rows):
        for j in range(cols):
            away = math.sqrt((i - row) ** 2 + (j - col) ** 2)
            if away < 2.0:
                lit[i, j] = 1.0
                continue
            turn = math.atan2(j - col, row - i) / (2.0 * math.pi)
            ray = (turn if turn >= 0.0 else turn + 1.0) * rays
            a, s = int(ray), int(away)
            wa, ws = ray - a, away - s
            a, b = a % rays, (a + 1) % rays
            slope = (z[i, j] - lamp_z) / (away * cell_m)
            near = (1.0 - wa) * (slope >= rise[a, s]) + wa * (slope >= rise[b, s])
            far = (1.0 - wa) * (slope >= rise[a, s + 1]) + wa * (slope >= rise[b, s + 1])
            lit[i, j] = (1.0 - ws) * near + ws * far
